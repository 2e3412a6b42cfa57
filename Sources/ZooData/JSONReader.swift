/// Reads JSON text (RFC 8259) with the order of its keys, which Foundation's readers lose.
struct JSONReader {
    /// Arrays and objects within one another.
    static let deepest = 512

    /// What is wrong, and where: the byte, from 1.
    struct Fault: Error {
        var byte: Int
        var reason: String
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var depth = 0

    /// - Throws: ``Fault``.
    static func read(_ text: String) throws -> JSONTree {
        var text = text
        return try text.withUTF8 { bytes in
            var reader = JSONReader(bytes)
            let value = try reader.value()
            reader.skipSpace()
            guard reader.index == bytes.count else {
                throw reader.fault("expected the end after the value, found \(reader.found)")
            }
            return value
        }
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private var found: String {
        guard let next else { return "the end" }
        if next < 0x20 || next == 0x7F { return "the control character \(next)" }
        return next < 0x80 ? "'\(Character(Unicode.Scalar(next)))'" : "a character outside of ASCII"
    }

    private func fault(_ reason: String) -> Fault { Fault(byte: index + 1, reason: reason) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(Fault) -> JSONTree {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try nested { reader throws(Fault) in .object(try reader.members()) }
        case UInt8(ascii: "["): return try nested { reader throws(Fault) in .array(try reader.items()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
        default: throw fault("expected a value, found \(found)")
        }
    }

    private mutating func nested(_ body: (inout Self) throws(Fault) -> JSONTree) throws(Fault) -> JSONTree {
        guard depth < Self.deepest else { throw fault("arrays and objects nest more than \(Self.deepest) deep") }
        depth += 1
        index += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ word: StaticString, _ value: JSONTree) throws(Fault) -> JSONTree {
        let count = word.utf8CodeUnitCount
        guard index + count <= bytes.count,
            (0..<count).allSatisfy({ bytes[index + $0] == word.utf8Start[$0] })
        else { throw fault("expected '\(word)'") }
        index += count
        return value
    }

    private mutating func items() throws(Fault) -> [JSONTree] {
        var items: [JSONTree] = []
        skipSpace()
        if take("]") { return items }
        while true {
            items.append(try value())
            skipSpace()
            if take("]") { return items }
            guard take(",") else { throw fault("expected ',' or ']', found \(found)") }
        }
    }

    /// A key that comes again replaces its value, as in Python.
    private mutating func members() throws(Fault) -> [JSONTree.Member] {
        var members: [JSONTree.Member] = []
        var places: [String: Int] = [:]
        skipSpace()
        if take("}") { return members }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("expected a key in double quotes, found \(found)") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw fault("expected ':' after the key '\(key.prefix(40))', found \(found)") }
            let value = try value()
            if let place = places[key] {
                members[place].value = value
            } else {
                places[key] = members.count
                members.append(JSONTree.Member(key, value))
            }
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw fault("expected ',' or '}', found \(found)") }
        }
    }

    private mutating func number() throws(Fault) -> JSONTree {
        let start = index
        _ = take("-")
        if take("0") {
            guard !Self.isDigit(next) else { throw fault("a number starts with 0") }
        } else {
            try digits()
        }
        var isWhole = true
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw fault("the number \(text.prefix(40)) is too large") }
        return .number(value)
    }

    private mutating func digits() throws(Fault) {
        guard Self.isDigit(next) else { throw fault("expected a digit, found \(found)") }
        while Self.isDigit(next) { index += 1 }
    }

    private static func isDigit(_ byte: UInt8?) -> Bool {
        byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }

    private mutating func string() throws(Fault) -> String {
        index += 1
        var result: [UInt8] = []
        var start = index
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                result += bytes[start..<index]
                index += 1
                return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                result += bytes[start..<index]
                index += 1
                result += String(try escape()).utf8
                start = index
            case 0..<0x20: throw fault("\(found) is in a string; write it as \\u\(Self.hex(byte))")
            default: index += 1
            }
        }
        throw fault("the text ends within a string: is the line cut off?")
    }

    private static func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return String(repeating: "0", count: 4 - text.count) + text
    }

    private mutating func escape() throws(Fault) -> Unicode.Scalar {
        guard let byte = next else { throw fault("the text ends within a string: is the line cut off?") }
        let simple: [UInt8: Unicode.Scalar] = [
            UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
            UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
        ]
        if let scalar = simple[byte] {
            index += 1
            return scalar
        }
        guard byte == UInt8(ascii: "u") else { throw fault("'\\' before \(found) is not an escape") }
        let first = try unit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        // The first half of a pair, which makes one character with the second half.
        if first < 0xDC00, next == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") {
            index += 1
            let second = try unit()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00)
            {
                return scalar
            }
        }
        throw fault("\\u\(String(first, radix: 16)) is an unpaired half of a surrogate pair")
    }

    private mutating func unit() throws(Fault) -> UInt16 {
        index += 1
        let text = String(decoding: bytes[index..<min(index + 4, bytes.count)], as: UTF8.self)
        guard text.utf8.count == 4, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let value = UInt16(text, radix: 16)
        else { throw fault("'\\u' needs four hexadecimal digits") }
        index += 4
        return value
    }
}
