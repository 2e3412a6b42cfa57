import Foundation
import ZooBase
import ZooData
import ZooKit

/// Settings of an algorithm's parameters that a paper or a program names.
public struct PresetDescription: Sendable, Equatable, Codable {
    /// The name after the `@`.
    public var name: String
    /// Where the numbers come from.
    public var source: String
    public var summary: String
    /// What it sets; everything else keeps its default. Checked against the algorithm's schema only when the preset is used.
    public var parameters: [String: JSONValue]
    /// What the source says that is not a parameter, or is done differently here.
    public var notes: [String]
}

extension PresetDescription {
    /// Reads the JSON array of a plugin; empty text means no presets.
    static func list(_ text: String, of algorithm: String) throws -> [PresetDescription] {
        guard !text.isEmpty else { return [] }
        let what = "the presets of '\(algorithm)'"
        guard let elements = try JSONValue(parsing: text, what: what).array else {
            throw ZooError(.invalidArgument, "\(what) are not a JSON array")
        }
        let presets = try elements.map { try PresetDescription($0, what) }
        for (index, preset) in presets.enumerated() where presets[..<index].contains(where: { $0.name == preset.name }) {
            throw ZooError(.invalidArgument, "\(what) have '\(preset.name)' twice")
        }
        return presets
    }

    private init(_ json: JSONValue, _ what: String) throws {
        guard let name = json["name"]?.string, !name.isEmpty,
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else {
            throw ZooError(
                .invalidArgument,
                "\(what) have one without a 'name' of lower-case letters, digits and hyphens: \(try json.text())")
        }
        func text(_ key: String) throws -> String {
            guard let text = json[key]?.string, !text.isEmpty else {
                throw ZooError(.invalidArgument, "\(what): '\(name)' has no '\(key)'; expected text")
            }
            return text
        }
        guard let parameters = json["parameters"]?.object?.dictionary else {
            throw ZooError(.invalidArgument, "\(what): '\(name)' has no 'parameters'; expected an object")
        }
        let notes = json["notes"]?.array ?? []
        guard notes.allSatisfy({ $0.string != nil }) else {
            throw ZooError(.invalidArgument, "\(what): the 'notes' of '\(name)' are not all text")
        }
        self.init(
            name: name, source: try text("source"), summary: try text("summary"), parameters: parameters,
            notes: notes.compactMap(\.string))
    }
}
