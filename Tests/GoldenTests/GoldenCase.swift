import Foundation
import Testing

/// Inputs and outputs of one named public function, in float64 unless its note says otherwise.
struct GoldenCase: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let note: String?
    let inputs: [String: GoldenValue]
    let outputs: [String: GoldenValue]

    var family: String { String(name.prefix { $0 != "/" }) }
    var testDescription: String { name }

    /// 1e-5 for what ran in float32 upstream, else 1e-6.
    var tolerance: Double { note?.contains("float32") == true ? 1e-5 : 1e-6 }

    func number(_ key: String) throws -> Double { try read(key, \.number) }
    func list(_ key: String) throws -> [Double] { try read(key, \.numbers) }
    func rows(_ key: String) throws -> [[Double]] { try read(key, \.rows) }
    func has(_ key: String) -> Bool { inputs[key] ?? outputs[key] != nil }
    /// The text of an input; nil where it is absent or no text.
    func text(_ key: String) -> String? { inputs[key]?.text }
    /// The number of the first of these inputs that is there and a number.
    func option(_ keys: String...) -> Double? { keys.lazy.compactMap { inputs[$0]?.number }.first }
    /// What follows the family in the name: "vanilla/token-mean".
    var variant: String { String(name.dropFirst(family.count + 1)) }
    /// Numbers in a list, or in rows one after the other.
    func flattened(_ key: String) throws -> [Double] {
        if let rows = (inputs[key] ?? outputs[key])?.rows { return rows.flatMap { $0 } }
        return try list(key)
    }
    /// A number in an object of the outputs; nil where it is absent.
    func entry(_ key: String, in object: String) -> Double? {
        guard case .object(let members) = outputs[object] else { return nil }
        return members[key]?.number
    }

    private func read<T>(_ key: String, _ path: KeyPath<GoldenValue, T?>) throws -> T {
        guard let value = (inputs[key] ?? outputs[key])?[keyPath: path] else {
            throw GoldenError(description: "\(name): '\(key)' is absent or of another shape than expected")
        }
        return value
    }
}

struct GoldenError: Error, CustomStringConvertible {
    let description: String
}

/// A JSON value of a golden file.
enum GoldenValue: Decodable, Sendable {
    case bool(Bool)
    case numberValue(Double)
    case string(String)
    case array([GoldenValue])
    case object([String: GoldenValue])
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .numberValue(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([GoldenValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: GoldenValue].self))
        }
    }

    /// A number; true and false count as 1 and 0, and nothing is none.
    var number: Double? {
        switch self {
        case .numberValue(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var text: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// A list of numbers, in which null is NaN.
    var numbers: [Double]? {
        guard case .array(let values) = self else { return nil }
        let numbers = values.compactMap { value -> Double? in
            if case .null = value { return .nan }
            return value.number
        }
        return numbers.count == values.count ? numbers : nil
    }

    var rows: [[Double]]? {
        guard case .array(let values) = self else { return nil }
        let rows = values.compactMap(\.numbers)
        return rows.count == values.count ? rows : nil
    }
}

extension GoldenCase {
    private struct File: Decodable {
        let cases: [GoldenCase]
    }

    /// The cases of this package.
    static func fixtures() throws -> [GoldenCase] {
        try read(URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures"))
    }

    /// The cases of this package, and of the folder that the environment variable `ZOO_GOLDEN` names.
    static func all() throws -> [GoldenCase] {
        guard let more = ProcessInfo.processInfo.environment["ZOO_GOLDEN"], !more.isEmpty else { return try fixtures() }
        return try fixtures() + read(URL(fileURLWithPath: more))
    }

    private static func read(_ folder: URL) throws -> [GoldenCase] {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true  // Python writes NaN as it is.
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
            .flatMap { try decoder.decode(File.self, from: Data(contentsOf: $0)).cases }
    }
}
