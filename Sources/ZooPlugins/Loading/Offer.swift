import ZooBase
import ZooData
import ZooKit

/// An algorithm as recipes name it: `grpo`, or `grpo@trl` for its preset `trl`.
public struct AlgorithmName: Sendable, Equatable {
    public var id: String
    public var preset: String?

    public init(_ text: String) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        id = parts[0]
        preset = parts.count > 1 ? parts[1] : nil
    }
}

/// What the name of an algorithm means among the plugins.
public struct Offer: Sendable {
    /// As requested: `grpo@trl`.
    public var name: String
    public var plugin: PluginDescription
    public var algorithm: AlgorithmDescription
    /// nil if the name has no `@`.
    public var preset: PresetDescription?

    /// The parameters' defaults.
    public var defaults: [String: JSONValue] {
        // In a schema's JSON, a default of null means none.
        algorithm.parameters.reduce(into: [:]) { $0[$1.name] = $1.defaultValue ?? ($1.isNullable ? .null : nil) }
    }

    /// Every parameter: the preset's value, or else the default.
    public var values: [String: JSONValue] { defaults.merging(preset?.parameters ?? [:]) { $1 } }
}

extension PluginCatalog {
    /// Finds `grpo` or `grpo@trl`.
    ///
    /// - Throws: with the known ids if no plugin offers the algorithm, with its presets if it has no such one, and with the
    ///   parameter if the preset sets an unknown parameter or an invalid value.
    public func offer(_ text: String) throws -> Offer {
        let name = AlgorithmName(text)
        let plugin = try plugin(offering: name.id)
        guard let algorithm = plugin.algorithm(name.id) else { throw ZooError(.notFound, "\(plugin.path) has no '\(name.id)'") }
        var offer = Offer(name: text, plugin: plugin, algorithm: algorithm)
        guard let preset = name.preset else { return offer }
        guard let found = algorithm.preset(preset) else {
            throw ZooError(.invalidArgument, noPreset(preset, of: name.id, among: algorithm.presets.map(\.name)))
        }
        try algorithm.check(found.parameters, recipe: "\(plugin.path): preset '\(text)'")
        offer.preset = found
        return offer
    }

    /// Every name that a recipe may use: ids, and ids with a preset.
    public var algorithmNames: [String] {
        plugins.flatMap(\.algorithms).flatMap { algorithm in
            [algorithm.id] + algorithm.presets.map { "\(algorithm.id)@\($0.name)" }
        }
    }
}

/// The message for an unknown preset: the nearest one, and all that exist.
package func noPreset(_ name: String, of id: String, among known: [String]) -> String {
    guard !known.isEmpty else { return "algorithm '\(id)' has no presets, so no '\(name)'" }
    let fix = nearest(name, among: known).map { "did you mean '\(id)@\($0)'? " } ?? ""
    return "algorithm '\(id)' has no preset '\(name)'; \(fix)It has: \(known.joined(separator: ", "))"
}
