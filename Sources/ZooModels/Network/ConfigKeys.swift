import Foundation
import ZooBase

/// Typed look-ups in a `config.json`, with errors that name file, key, expected and found.
struct ConfigKeys {
    let json: JSONObject
    let file: String

    /// Reads a folder's `config.json`.
    static func read(_ folder: URL) throws -> ConfigKeys {
        let file = folder.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            let found = WeightFiles.convertible(in: folder)
            throw FileError(
                found == nil ? .noInput : .data, folder.path,
                "config.json is missing; expected a model folder in Hugging Face's layout" + (found.map { "; \($0)" } ?? ""))
        }
        return try read(file: file).keys
    }

    /// Reads an object from a small file, with the bytes that it holds.
    static func read(file: URL) throws -> (keys: ConfigKeys, contents: Data) {
        let contents = try InputFile.data(file, atMost: longest)
        return (ConfigKeys(json: try object(contents, file.path), file: file.path), contents)
    }

    /// The object that a file or a piece of one holds.
    static func object(_ contents: Data, _ place: String) throws -> JSONObject {
        do {
            let value = try JSONReader.value(contents)
            guard let object = value.object else { throw ModelError("\(place): expected a JSON object, found \(value.kind)") }
            return object
        } catch let fault as JSONFault {
            throw ModelError("\(place): expected a JSON object; it is not valid JSON: \(fault)")
        }
    }

    /// Some configurations list every label of a classifier; real ones stay far below.
    private static let longest = 16 << 20

    func refuse(_ key: String, _ expected: String) -> ModelError {
        let found = json[key].map { $0.string ?? (try? $0.text()) ?? $0.kind } ?? "missing"
        return ModelError("\(file): \(key) is \(found.count > 100 ? found.prefix(100) + "…" : found); expected \(expected)")
    }

    func require(_ key: String, is expected: String, hint: String) throws {
        guard json[key]?.string == expected else { throw refuse(key, "\"\(expected)\" (\(hint))") }
    }

    func text(_ key: String) throws -> String? { try optional(key, "a string") { $0.string } }
    func number(_ key: String) throws -> Double? { try optional(key, "a number") { $0.number } }

    func flag(_ key: String) throws -> Bool? { try optional(key, "true or false") { $0.bool } }
    func integer(_ key: String) throws -> Int? { try optional(key, "a whole number") { $0.integer } }

    func size(_ key: String) throws -> Int {
        guard let size = try integer(key), size > 0 else { throw refuse(key, "a whole number from 1") }
        return size
    }

    func optionalSize(_ key: String) throws -> Int? { json[key]?.isNull ?? true ? nil : try size(key) }

    /// One token id, several, or none; a negative number means none.
    func tokens(_ key: String) throws -> [Int32] {
        let found = try optional(key, "a token id or a list of them") { value -> [Int32]? in
            let values = value.array ?? [value]
            let ids = values.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
            return ids.count == values.count ? ids.filter { $0 >= 0 } : nil
        }
        return found ?? []
    }

    private func optional<Value>(_ key: String, _ expected: String, _ convert: (JSONValue) -> Value?) throws -> Value? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let converted = convert(value) else { throw refuse(key, expected) }
        return converted
    }
}
