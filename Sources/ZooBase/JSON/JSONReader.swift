import Foundation

/// Reads JSON (RFC 8259) strictly and in order, into a ``JSONValue`` or, piece by piece, into whatever the caller builds.
///
/// ```swift
/// let value = try JSONReader.value(data)
/// let sizes = try JSONReader.read(data) { reader in
///     var sizes: [String: Int] = [:]
///     try reader.object { reader, key in sizes[key] = try reader.size() }
///     return sizes
/// }
/// ```
package struct JSONReader {
    /// What to do with a duplicate key.
    package enum RepeatedKeys: Sendable {
        /// Its value replaces the first one, as in Python.
        case replace
        /// Refuse it: two readers would see two different files.
        case refuse
        /// Keep both: for callers that look at every key anyway.
        case keep
    }

    /// The deepest nesting of arrays and objects: far below the limit of the stack.
    private let deepest: Int
    private let repeatedKeys: RepeatedKeys
    let bytes: UnsafeBufferPointer<UInt8>
    var index = 0
    private var depth = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>, deepest: Int, repeatedKeys: RepeatedKeys) {
        self.bytes = bytes
        self.deepest = deepest
        self.repeatedKeys = repeatedKeys
    }

    /// Lets `body` read the only value in `data`, and refuses anything after it.
    /// - Throws: ``JSONFault``, or what `body` throws.
    package static func read<Result>(
        _ data: Data, deepest: Int = 512, repeatedKeys: RepeatedKeys = .refuse, _ body: (inout JSONReader) throws -> Result
    ) throws -> Result {
        try data.withUnsafeBytes { raw in
            let bytes = raw.bindMemory(to: UInt8.self)
            guard String(validating: bytes, as: UTF8.self) != nil else { throw JSONFault("it is not UTF-8", byte: nil) }
            return try read(bytes, deepest: deepest, repeatedKeys: repeatedKeys, body)
        }
    }

    private static func read<Result>(
        _ bytes: UnsafeBufferPointer<UInt8>, deepest: Int, repeatedKeys: RepeatedKeys,
        _ body: (inout JSONReader) throws -> Result
    ) throws -> Result {
        var reader = JSONReader(bytes, deepest: deepest, repeatedKeys: repeatedKeys)
        let result = try body(&reader)
        reader.skipSpace()
        guard reader.index == bytes.count else {
            throw reader.fault("expected the end after the value, found \(reader.found)")
        }
        return result
    }

    /// The value in a file's bytes.
    /// - Throws: ``JSONFault``.
    package static func value(
        _ data: Data, deepest: Int = 512, repeatedKeys: RepeatedKeys = .refuse
    ) throws -> JSONValue {
        try read(data, deepest: deepest, repeatedKeys: repeatedKeys) { try $0.value() }
    }

    /// The value in a text.
    /// - Throws: ``JSONFault``.
    package static func value(
        _ text: String, deepest: Int = 512, repeatedKeys: RepeatedKeys = .refuse
    ) throws -> JSONValue {
        var text = text
        return try text.withUTF8 { try read($0, deepest: deepest, repeatedKeys: repeatedKeys) { try $0.value() } }
    }

    // MARK: - Values

    /// The next value, of any kind.
    package mutating func value() throws(JSONFault) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(JSONObject(try members()))
        case UInt8(ascii: "["):
            var items: [JSONValue] = []
            try begin("[")
            if try !ends("]", isFirst: true) { repeat { items.append(try value()) } while try !ends("]") }
            return .array(items)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
        default: throw fault("expected a value, found \(found)")
        }
    }

    /// The next value, which must be an object: `member` is called after each key and reads its value.
    package mutating func object(_ member: (inout JSONReader, String) throws -> Void) throws {
        skipSpace()
        try begin("{")
        var keys: Set<JSONKey> = []
        if try ends("}", isFirst: true) { return }
        repeat {
            skipSpace()
            let start = index
            let key = try key()
            guard repeatedKeys == .keep || keys.insert(JSONKey(key)).inserted else { throw repeated(key, start) }
            try member(&self, key)
        } while try !ends("}")
    }

    /// The next value, which must be an array: `element` is called for each element and reads it.
    package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
        skipSpace()
        try begin("[")
        if try ends("]", isFirst: true) { return }
        repeat { try element(&self) } while try !ends("]")
    }

    /// The next value, which must be a whole number from 0 that fits 64 bits.
    package mutating func size() throws -> Int {
        skipSpace()
        let start = index
        guard let value = try? number(), case .integer(let size) = value, size >= 0 else {
            index = start
            throw fault("expected a whole number from 0 that fits 64 bits, found \(found)")
        }
        return size
    }

    private mutating func members() throws(JSONFault) -> [JSONObject.Member] {
        var members: [JSONObject.Member] = []
        var places = JSONKeyPlaces()
        try begin("{")
        if try ends("}", isFirst: true) { return members }
        repeat {
            skipSpace()
            let start = index
            let key = try key()
            let value = try value()
            if repeatedKeys != .keep, let place = places.place(of: key, among: members) {
                guard repeatedKeys == .replace else { throw repeated(key, start) }
                members[place].value = value
            } else {
                members.append(JSONObject.Member(key, value))
            }
        } while try !ends("}")
        return members
    }

    /// A key and its colon.
    private mutating func key() throws(JSONFault) -> String {
        guard next == UInt8(ascii: "\"") else { throw fault("expected a key in double quotes, found \(found)") }
        let key = try string()
        skipSpace()
        guard take(":") else { throw fault("expected ':' after the key '\(key.prefix(40))', found \(found)") }
        return key
    }

    private func repeated(_ key: String, _ start: Int) -> JSONFault {
        JSONFault("the key '\(key.prefix(40))' occurs twice", byte: start + 1)
    }

    /// The opening bracket of an array or object.
    private mutating func begin(_ bracket: Unicode.Scalar) throws(JSONFault) {
        guard next == UInt8(ascii: bracket) else { throw fault("expected '\(bracket)', found \(found)") }
        guard depth < deepest else { throw fault("arrays and objects nest more than \(deepest) deep") }
        depth += 1
        index += 1
    }

    /// Whether the closing bracket of an array or object comes next; otherwise, except before the first element, a comma must.
    private mutating func ends(_ bracket: Unicode.Scalar, isFirst: Bool = false) throws(JSONFault) -> Bool {
        skipSpace()
        if take(bracket) {
            depth -= 1
            return true
        }
        guard isFirst || take(",") else { throw fault("expected ',' or '\(bracket)', found \(found)") }
        return false
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        let count = word.utf8CodeUnitCount
        guard index + count <= bytes.count,
            (0..<count).allSatisfy({ bytes[index + $0] == word.utf8Start[$0] })
        else { throw fault("expected '\(word)'") }
        index += count
        return value
    }

    // MARK: - Bytes

    var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// What is here, for errors.
    package var found: String {
        guard let next else { return "the end" }
        if next < 0x20 || next == 0x7F { return "the control character \(next)" }
        return next < 0x80 ? "'\(Character(Unicode.Scalar(next)))'" : "a character outside of ASCII"
    }

    /// A fault at this position.
    package func fault(_ reason: String) -> JSONFault { JSONFault(reason, byte: index + 1) }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    static func isDigit(_ byte: UInt8?) -> Bool { byte.map { 0x30...0x39 ~= $0 } ?? false }
}
