import Foundation

/// Reads the small part of JSON that safetensors headers use, strictly: unlike Foundation's parser it refuses a key that
/// comes twice, which would let two readers see two different files.
struct JSONScanner {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// The whole header: an object of tensors, and `__metadata__` of strings.
    mutating func header() throws -> [SafetensorsHeader.Entry] {
        guard String(bytes: bytes, encoding: .utf8) != nil else { throw TensorError("\(file): the header is not UTF-8") }
        var entries: [SafetensorsHeader.Entry] = []
        try object("the header") { scanner, name in
            if name == "__metadata__" {
                try scanner.object(name) { scanner, _ in _ = try scanner.string() }
            } else {
                entries.append(try scanner.entry(name))
            }
        }
        skipSpace()
        guard position == bytes.count else { throw fault("text after the end of the header") }
        return entries
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

    private mutating func integers() throws -> [Int] {
        var values: [Int] = []
        try expect("[")
        if take("]") { return values }
        repeat { values.append(try integer()) } while take(",")
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

    private func fault(_ what: String) -> TensorError { TensorError("\(file): the header has \(what), at byte \(8 + position)") }
}
