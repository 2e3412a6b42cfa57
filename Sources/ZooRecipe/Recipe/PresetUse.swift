import ZooBase
import ZooData
import ZooPlugins

/// The effect of a preset in one run, recorded in `run.json`.
public struct PresetUse: Sendable, Equatable, Codable {
    /// `grpo@trl`.
    public var name: String
    /// Where the preset's numbers come from.
    public var source: String
    /// What the preset sets.
    public var parameters: [String: JSONValue]
    /// The recipe's values under the algorithm's id that the preset overrides.
    public var overruled: [String: JSONValue]
    /// Where this run departs from the preset's values.
    public var changed: [String: JSONValue]

    /// `grpo@trl`, or `grpo@trl (beta 0.1 instead of 0)` if the run departs from it.
    public var label: String {
        let changes = changed.sorted { $0.key < $1.key }.map { Self.change($0.key, $0.value, parameters[$0.key]) }
        return changes.isEmpty ? name : "\(name) (\(changes.joined(separator: ", ")))"
    }

    /// The variant's name in tables: one named after the preset shows what it changes.
    public func title(of variant: String) -> String { variant == name ? label : variant }

    /// One line: the label, the source, and what of the recipe is overridden.
    public var sentence: String {
        let rules = overruled.sorted { $0.key < $1.key }.map { Self.change($0.key, parameters[$0.key], $0.value) }
        let overrules =
            rules.isEmpty
            ? "" : "; the preset overrides parameters.\(AlgorithmName(name).id) of the recipe: \(rules.joined(separator: ", "))"
        return "\(label), by \(source)\(overrules)"
    }

    private static func change(_ parameter: String, _ value: JSONValue?, _ other: JSONValue?) -> String {
        "\(parameter) \((value ?? .null).yaml) instead of \((other ?? .null).yaml)"
    }
}

extension Stage {
    /// The id of its algorithm, without the preset.
    package var algorithmID: String { AlgorithmName(algorithm).id }

    /// The stage as it runs: if its algorithm is named with a preset, every parameter is written out under that name.
    ///
    /// Parameters under the algorithm's id override defaults, the preset overrides both, and the parameters under the preset's
    /// own name, where `--set parameters.…` and a variant's `parameters` are stored, override all.
    public func resolved(_ offer: Offer) -> (stage: Stage, preset: PresetUse?) {
        guard let preset = offer.preset else { return (self, nil) }
        let general = parameters[offer.algorithm.id] ?? [:]
        let own = parameters[algorithm] ?? [:]
        var stage = self
        stage.parameters[algorithm] = offer.defaults.merging(general) { $1 }.merging(preset.parameters) { $1 }.merging(own) { $1 }
        func differs(_ values: [String: JSONValue]) -> [String: JSONValue] {
            values.filter { name, value in preset.parameters[name].map { $0 != value } ?? false }
        }
        let changed = differs(own)
        let use = PresetUse(
            name: algorithm, source: preset.source, parameters: preset.parameters,
            overruled: differs(general).filter { changed[$0.key] == nil }, changed: changed)
        return (stage, use)
    }
}
