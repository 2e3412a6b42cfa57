import ZooData
import ZooPlugins

/// What a preset means in one run; it stands in `run.json`.
public struct PresetUse: Sendable, Equatable, Codable {
    /// `grpo@trl`.
    public var name: String
    /// Where the preset's numbers come from.
    public var source: String
    /// What the preset sets.
    public var parameters: [String: JSONValue]
    /// The recipe's values under the algorithm's own id that the preset overrules.
    public var overruled: [String: JSONValue]
    /// What this run has in place of the preset's values.
    public var changed: [String: JSONValue]

    /// `grpo@trl`, or `grpo@trl (beta 0.1 instead of 0)` where the run is not quite that.
    public var label: String {
        let changes = changed.sorted { $0.key < $1.key }.map { Self.change($0.key, $0.value, parameters[$0.key]) }
        return changes.isEmpty ? name : "\(name) (\(changes.joined(separator: ", ")))"
    }

    /// What tables call a variant of that name: one that is called by the preset's name does not hide what it changes.
    public func title(of variant: String) -> String { variant == name ? label : variant }

    /// One line: the label, the source, and what of the recipe does not hold.
    public var sentence: String {
        let rules = overruled.sorted { $0.key < $1.key }.map { Self.change($0.key, parameters[$0.key], $0.value) }
        let overrules =
            rules.isEmpty
            ? "" : "; the preset overrules parameters.\(AlgorithmName(name).id) of the recipe: \(rules.joined(separator: ", "))"
        return "\(label), by \(source)\(overrules)"
    }

    private static func change(_ parameter: String, _ value: JSONValue?, _ other: JSONValue?) -> String {
        "\(parameter) \((value ?? .null).yaml) instead of \((other ?? .null).yaml)"
    }
}

extension Stage {
    /// The id of its algorithm, without the preset.
    package var algorithmID: String { AlgorithmName(algorithm).id }

    /// The stage as it runs: where its algorithm is named with a preset, every parameter is written out under that name.
    ///
    /// Defaults yield to the parameters under the algorithm's id, these to the preset, and the preset to the parameters under its own
    /// name, where `--set parameters.…` and a variant's `parameters` write.
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
