import ZooTensor

/// Where an adapter lies in a network.
struct AdapterPlan {
    /// A layer with an adapter.
    struct Entry {
        let part: Projection.Part
        let rank: Int
        /// s.
        let scale: Double
    }

    /// In the order of their parameters.
    let entries: [Entry]
    /// Layers that the adapter replaces whole.
    let replaced: [Projection.Part]
    private let byName: [String: Entry]

    subscript(module: String) -> Entry? { byName[module] }

    func replaces(_ module: String) -> Bool { replaced.contains { $0.name == module } }

    /// s of each layer, by its name.
    var scales: [String: Double] { byName.mapValues(\.scale) }
}

extension AdapterPlan {
    /// What PEFT's `LoraConfig` means in a network.
    ///
    /// - Parameters:
    ///   - projections: the layers of the blocks, all of which `all-linear` means.
    ///   - ends: those before and after, which only a name or a pattern means.
    ///   - replaceable: those that `modules_to_save` may name.
    ///   - absent: those that a network with another head has, which a list may name.
    ///   - isStrict: whether every name must match; otherwise one is enough, as for PEFT, whose lists serve many families.
    /// - Throws: ``ModelError`` by key if nothing matches, or a pattern is none.
    init(
        _ config: LoRAConfig, projections: [Projection.Part], ends: [Projection.Part], replaceable: [Projection.Part],
        absent: [String], standard: [String], isStrict: Bool
    ) throws {
        let choice = try ModuleChoice(config, standard: standard)
        let takesEnds =
            switch config.targets {
            case .standard, .allLinear: false
            case .named, .pattern: true
            }
        let all = projections + (takesEnds ? ends : [])
        if case .named(let names) = config.targets {
            let known = all.map(\.name) + absent
            let missing = names.filter { name in !known.contains { LoRAConfig.matches($0, [name]) } }
            if let name = missing.first, isStrict || missing.count == names.count {
                let known = Set(all.map { LoRAConfig.shortName($0.name) }).sorted()
                throw ModelError("target_modules: the model has no projection '\(name)'; it has \(known.joined(separator: ", "))")
            }
        }
        let chosen = all.filter { choice.contains($0.name) }
        let patterns = config.patterns ?? LoRAPatterns()
        replaced = replaceable.filter { part in patterns.saved.contains { part.name.hasSuffix($0) } }
        guard !chosen.isEmpty || !replaced.isEmpty else {
            throw ModelError("target_modules: no layer of the model is meant; its layers are called as \(all.first?.name ?? "")")
        }
        let ranks = try patterns.ranks.map { (try Self.exception($0.pattern, "rank_pattern"), $0.value) }
        let alphas = try patterns.alphas.map { (try Self.exception($0.pattern, "alpha_pattern"), $0.value) }
        entries = chosen.map { part in
            let rank = ranks.first { $0.0.matches(startOf: part.name) }?.1 ?? config.r
            let alpha = alphas.first { $0.0.matches(startOf: part.name) }?.1 ?? config.alpha
            return Entry(part: part, rank: rank, scale: config.scale(r: rank, alpha: alpha))
        }
        byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.part.name, $0) })
    }

    /// PEFT's `get_pattern_key`.
    private static func exception(_ pattern: String, _ key: String) throws -> NamePattern {
        try NamePattern(#"(.*\.)?(\#(pattern))$"#, key: key)
    }
}
