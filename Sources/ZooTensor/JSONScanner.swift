import Foundation

/// Reads the small part of JSON that safetensors files use, strictly: unlike Foundation's parser it refuses a key that
/// comes twice, which would let two readers see two different files.
struct JSONScanner {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    /// A name for the bytes, for messages, and their offset in the file.
    private var subject = "the index", offset = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// The whole header: an object of tensors, and `__metadata__` of strings.
    mutating func header() throws -> [SafetensorsHeader.Entry] {
        (subject, offset) = ("the header", 8)
        var entries: [SafetensorsHeader.Entry] = []
        try document { scanner, name in
            if name == "__metadata__" {
                try scanner.object(name) { scanner, _ in _ = try scanner.string() }
            } else {
                entries.append(try scanner.entry(name))
            }
        }
        return entries
    }

    /// The `weight_map` of an index, an object of strings; everything else in the index is skipped.
    mutating func weightMap() throws -> [String: String] {
        var map: [String: String]?
        try document { scanner, name in
            guard name == "weight_map" else { return try scanner.skip(depth: 0) }
            var files: [String: String] = [:]
            try scanner.object(name) { files[$1] = try $0.string() }
            map = files
        }
        guard let map else { throw TensorError("\(file): expected a weight_map from tensor names to file names") }
        return map
    }

    /// One object and nothing after it.
    private mutating func document(_ member: (inout JSONScanner, String) throws -> Void) throws {
        guard String(bytes: bytes, encoding: .utf8) != nil else { throw TensorError("\(file): \(subject) is not UTF-8") }
        try object(subject, member)
        skipSpace()
        guard position == bytes.count else { throw fault("text after the end of \(subject)") }
    }

    /// Steps over a value of any kind.
    private mutating func skip(depth: Int) throws {
        guard depth < 64 else { throw fault("more than 64 levels of nesting") }
        skipSpace()
        guard position < bytes.count else { throw fault("the end where a value was expected") }
        switch bytes[position] {
        case UInt8(ascii: "{"): try object("a value") { scanner, _ in try scanner.skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            try expect("[")
            if take("]") { return }
            repeat { try skip(depth: depth + 1) } while take(",")
            try expect("]")
        case UInt8(ascii: "\""): _ = try string()
        default:
            let begin = position
            while position < bytes.count, isWord(bytes[position]) { position += 1 }
            guard position > begin else { throw fault("\"\(Unicode.Scalar(bytes[position]))\" where a value was expected") }
        }
    }

    /// Whether a byte can belong to a number, true, false or null.
    private func isWord(_ byte: UInt8) -> Bool {
        let character = Character(Unicode.Scalar(byte))
        return character.isASCII && (character.isLetter || character.isNumber || "+-.".contains(character))
    }

    private mutating func entry(_ name: String) throws -> SafetensorsHeader.Entry {
        var dtype: DType?
        var shape: [Int]?
        var offsets: [Int]?
        try object(name) { scanner, key in
            switch key {
            case "dtype":
                let text = try scanner.string()
                dtype = SafetensorsHeader.names.first { $0.0 == text }?.1
                if dtype == nil {
                    let known = SafetensorsHeader.names.map(\.0).joined(separator: ", ")
                    throw TensorError("\(scanner.file): \(name) has the element type \(text); expected one of \(known)")
                }
            case "shape": shape = try scanner.integers()
            case "data_offsets": offsets = try scanner.integers()
            default: throw scanner.fault("the unknown key \(key) of \(name)")
            }
        }
        guard let dtype, let shape, let offsets, offsets.count == 2 else {
            throw TensorError("\(file): \(name) needs dtype, shape and data_offsets [begin, end]")
        }
        return .init(name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }

    private mutating func object(_ owner: String, _ member: (inout JSONScanner, String) throws -> Void) throws {
        var seen: Set<String> = []
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            guard seen.insert(key).inserted else { throw TensorError("\(file): \(owner) has the key \(key) twice") }
            try expect(":")
            try member(&self, key)
        } while take(",")
        try expect("}")
    }

    /// More sizes than a tensor ever has.
    private static let longestList = 16

    private mutating func integers() throws -> [Int] {
        var values: [Int] = []
        try expect("[")
        if take("]") { return values }
        repeat {
            guard values.count < Self.longestList else { throw fault("a list of more than \(Self.longestList) numbers") }
            values.append(try integer())
        } while take(",")
        try expect("]")
        return values
    }

    private mutating func integer() throws -> Int {
        skipSpace()
        let begin = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
        let digits = String(decoding: bytes[begin..<position], as: UTF8.self)
        guard let value = Int(digits), digits.count == 1 || !digits.hasPrefix("0") else {
            throw fault("\"\(digits.prefix(24))\" where a whole number that fits 64 bits was expected")
        }
        return value
    }

    private mutating func string() throws -> String {
        skipSpace()
        let begin = position
        try expect("\"")
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else { throw fault("a string without an end") }
        position += 1
        do {
            // Foundation knows the escapes; a string alone has no keys to repeat.
            return try JSONDecoder().decode(String.self, from: Data(bytes[begin..<position]))
        } catch {
            throw fault("a malformed string")
        }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else {
            let found = position < bytes.count ? "\"\(Unicode.Scalar(bytes[position]))\"" : "the end"
            throw fault("\(found) where \"\(character)\" was expected")
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private func fault(_ what: String) -> TensorError {
        TensorError("\(file): \(subject) has \(what), at byte \(offset + position)")
    }
}
