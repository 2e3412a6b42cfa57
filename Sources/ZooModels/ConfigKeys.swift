import Foundation

/// Typed look-ups in a `config.json`, with errors that name file, key, expected and found.
struct ConfigKeys {
    let json: [String: Any]
    let file: String

    /// Reads a folder's `config.json`.
    static func read(_ folder: URL) throws -> ConfigKeys {
        let file = folder.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError("\(folder.path): config.json is missing; expected a model folder in Hugging Face's layout")
        }
        guard let json = try? JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] else {
            throw ModelError("\(file.path): expected a JSON object")
        }
        return ConfigKeys(json: json, file: file.path)
    }

    func refuse(_ key: String, _ expected: String) -> ModelError {
        ModelError("\(file): \(key) is \(json[key].map { "\($0)" } ?? "missing"); expected \(expected)")
    }

    func require(_ key: String, is expected: String, hint: String) throws {
        guard json[key] as? String == expected else { throw refuse(key, "\"\(expected)\" (\(hint))") }
    }

    func text(_ key: String) throws -> String? { try optional(key, "a string") { $0 as? String } }
    func number(_ key: String) throws -> Double? { try optional(key, "a number") { ($0 as? NSNumber)?.doubleValue } }

    func flag(_ key: String) throws -> Bool? { try optional(key, "true or false") { $0 as? Bool } }

    func integer(_ key: String) throws -> Int? {
        try optional(key, "a whole number") { value in (value as? NSNumber).flatMap { Int(exactly: $0.doubleValue) } }
    }

    func size(_ key: String) throws -> Int {
        guard let size = try integer(key), size > 0 else { throw refuse(key, "a whole number from 1") }
        return size
    }

    /// One token id, several, or none.
    func tokens(_ key: String) throws -> [Int32] {
        let found = try optional(key, "a token id or a list of them") { value -> [Int32]? in
            let numbers = value as? [NSNumber] ?? (value as? NSNumber).map { [$0] }
            let ids = numbers?.compactMap { Int32(exactly: $0.doubleValue) }
            return ids?.count == numbers?.count ? ids : nil
        }
        return found ?? []
    }

    /// The base of the rotary frequencies, from `rope_theta` or from `rope_parameters`; other scalings are refused by name.
    func ropeTheta() throws -> Double {
        for key in ["rope_scaling", "rope_parameters"] {
            guard let value = json[key], !(value is NSNull) else { continue }
            guard let parameters = value as? [String: Any] else { throw refuse(key, "null or an object") }
            let kind = parameters["rope_type"] ?? parameters["type"] ?? "default"
            guard kind as? String == "default" else {
                throw ModelError("\(file): \(key) asks for \(kind); only null and \"default\" are supported")
            }
            if let theta = parameters["rope_theta"] as? NSNumber { return theta.doubleValue }
        }
        return try number("rope_theta") ?? 10_000
    }

    private func optional<Value>(_ key: String, _ expected: String, _ convert: (Any) -> Value?) throws -> Value? {
        guard let value = json[key], !(value is NSNull) else { return nil }
        guard let converted = convert(value) else { throw refuse(key, expected) }
        return converted
    }
}
