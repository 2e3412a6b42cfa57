import Foundation

/// A JSON document exactly as in the file: members in order, names byte for byte.
///
/// Foundation's parser looks members up by `String`, to which "é" and "e" with U+0301 are one name; a vocabulary may hold both.
enum JSON {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    struct Member {
        var name: String
        var value: JSON
    }

    /// - Throws: ``TokenizerError`` that names `file` and the byte.
    init(data: Data, file: String) throws {
        guard String(data: data, encoding: .utf8) != nil else {
            throw TokenizerError(file: file, reason: "the file: not valid JSON: it is not UTF-8")
        }
        self = try data.withUnsafeBytes { raw in
            var parser = JSONParser(bytes: raw.bindMemory(to: UInt8.self), file: file)
            return try parser.document()
        }
    }
}

private struct JSONParser {
    /// Deeper nesting than any tokenizer needs, and far less than the stack holds.
    private static let deepest = 100

    let bytes: UnsafeBufferPointer<UInt8>
    let file: String
    private var place = 0

    init(bytes: UnsafeBufferPointer<UInt8>, file: String) {
        self.bytes = bytes
        self.file = file
    }

    mutating func document() throws -> JSON {
        let result = try value(depth: 0)
        skipSpace()
        guard place == bytes.count else { throw fault("expected the end of the file") }
        return result
    }

    private mutating func value(depth: Int) throws -> JSON {
        guard depth <= Self.deepest else { throw fault("nested more than \(Self.deepest) deep") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["):
            place += 1
            var elements: [JSON] = []
            if take("]") { return .array(elements) }
            repeat { elements.append(try value(depth: depth + 1)) } while take(",")
            guard take("]") else { throw fault("expected ',' or ']'") }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func object(depth: Int) throws -> JSON {
        place += 1
        var members: [JSON.Member] = []
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
            let name = try string()
            guard take(":") else { throw fault("expected ':'") }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
        } while take(",")
        guard take("}") else { throw fault("expected ',' or '}'") }
        return .object(members)
    }

    private mutating func string() throws -> String {
        place += 1
        let start = place
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        if peek == UInt8(ascii: "\"") {
            place += 1
            return String(decoding: bytes[start..<place - 1], as: UTF8.self)
        }
        var text = Array(bytes[start..<place])
        while let byte = peek, byte >= 0x20 {
            place += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { text += try escape().utf8 } else { text.append(byte) }
        }
        throw fault(place == bytes.count ? "the file ends in a string" : "a control character in a string")
    }

    private mutating func escape() throws -> String {
        guard let byte = peek else { throw fault("the file ends in a string") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return String(scalar) }
            guard first < 0xDC00, take("\\", skippingSpace: false), take("u", skippingSpace: false) else {
                throw fault("half of a surrogate pair")
            }
            let second = try hexadecimal()
            guard 0xDC00..<0xE000 ~= second, let scalar = Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF) else {
                throw fault("half of a surrogate pair")
            }
            return String(scalar)
        default: throw fault("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard place + 4 <= bytes.count, bytes[place..<place + 4].allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits") }
        place += 4
        return value
    }

    private mutating func number() throws -> Double {
        let start = place
        while let byte = peek, "+-.eE0123456789".utf8.contains(byte) { place += 1 }
        // A plain whole number, as all ids are: the expression below takes microseconds.
        let digits = bytes[start..<place]
        if 1..<16 ~= digits.count, digits.allSatisfy({ 0x30...0x39 ~= $0 }), digits.count == 1 || digits.first != 0x30 {
            return Double(digits.reduce(0) { 10 * $0 + Int($1 - 0x30) })
        }
        let text = String(decoding: digits, as: UTF8.self)
        guard let value = Double(text), text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil else {
            place = start
            throw fault(peek == nil ? "the file ends here" : "expected a value")
        }
        return value
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
        for index in 0..<word.utf8CodeUnitCount {
            guard peek == word.utf8Start[index] else { throw fault("expected \(word)") }
            place += 1
        }
        return value
    }

    private var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func take(_ wanted: Unicode.Scalar, skippingSpace: Bool = true) -> Bool {
        if skippingSpace { skipSpace() }
        guard peek == UInt8(ascii: wanted) else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private func fault(_ what: String) -> TokenizerError {
        TokenizerError(file: file, reason: "the file: not valid JSON: \(what) (byte \(place))")
    }
}
