import Foundation
import ZooBase

/// Typed look-ups in a `config.json`, with errors that name file, key, expected and found.
struct ConfigKeys {
    let json: [String: Any]
    let file: String

    /// Reads a folder's `config.json`.
    static func read(_ folder: URL) throws -> ConfigKeys {
        let file = folder.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw FileError(
                .noInput, folder.path, "config.json is missing; expected a model folder in Hugging Face's layout")
        }
        return try read(file: file).keys
    }

    /// Reads an object from a small file, with the bytes that it holds.
    static func read(file: URL) throws -> (keys: ConfigKeys, contents: Data) {
        let contents = try InputFile.data(file, atMost: longest)
        // Foundation stops at 512 levels of nesting.
        guard let json = try? JSONSerialization.jsonObject(with: contents) as? [String: Any] else {
            throw ModelError("\(file.path): expected a JSON object")
        }
        return (ConfigKeys(json: json, file: file.path), contents)
    }

    /// Some configurations list every label of a classifier; real ones stay far below.
    private static let longest = 16 << 20

    func refuse(_ key: String, _ expected: String) -> ModelError {
        let found = json[key].map { "\($0)" } ?? "missing"
        return ModelError("\(file): \(key) is \(found.count > 100 ? found.prefix(100) + "…" : found); expected \(expected)")
    }

    func require(_ key: String, is expected: String, hint: String) throws {
        guard json[key] as? String == expected else { throw refuse(key, "\"\(expected)\" (\(hint))") }
    }

    func text(_ key: String) throws -> String? { try optional(key, "a string") { $0 as? String } }
    func number(_ key: String) throws -> Double? { try optional(key, "a number") { Self.number($0) } }

    func flag(_ key: String) throws -> Bool? {
        try optional(key, "true or false") { Self.isBoolean($0) ? ($0 as? NSNumber)?.boolValue : nil }
    }

    /// Foundation hands out true and 1 as the same class, NSNumber; only one of them is a number.
    private static func number(_ value: Any) -> Double? { isBoolean(value) ? nil : (value as? NSNumber)?.doubleValue }

    private static func isBoolean(_ value: Any) -> Bool {
        (value as? NSNumber).map { String(cString: $0.objCType) == "c" } ?? false
    }

    func integer(_ key: String) throws -> Int? {
        try optional(key, "a whole number") { value in Self.number(value).flatMap { Int(exactly: $0) } }
    }

    func size(_ key: String) throws -> Int {
        guard let size = try integer(key), size > 0 else { throw refuse(key, "a whole number from 1") }
        return size
    }

    func optionalSize(_ key: String) throws -> Int? { json[key] is NSNull || json[key] == nil ? nil : try size(key) }

    /// One token id, several, or none.
    func tokens(_ key: String) throws -> [Int32] {
        let found = try optional(key, "a token id or a list of them") { value -> [Int32]? in
            let values = value as? [Any] ?? [value]
            let ids = values.compactMap { Self.number($0).flatMap { Int32(exactly: $0) } }
            return ids.count == values.count && ids.allSatisfy { $0 >= 0 } ? ids : nil
        }
        return found ?? []
    }

    private func optional<Value>(_ key: String, _ expected: String, _ convert: (Any) -> Value?) throws -> Value? {
        guard let value = json[key], !(value is NSNull) else { return nil }
        guard let converted = convert(value) else { throw refuse(key, expected) }
        return converted
    }
}
