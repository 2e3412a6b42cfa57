import ZooBase

extension FamilyTraits {
    /// SmolLM3 (Bakouch et al. 2025): Llama in which every fourth layer does not rotate. SmolLM and SmolLM2 are `llama`.
    static let smollm3 = FamilyTraits(
        className: "SmolLM3",
        defaults: Defaults(positions: 32_768, tieEmbeddings: true, hasTokens: true, ropeTheta: 2_000_000),
        options: [.attentionBias, .feedForwardBias, .layersWithoutRotation])
}

extension FamilyOption {
    /// Which layers rotate, and a window that by default those have that do not.
    fileprivate static let layersWithoutRotation = FamilyOption(
        keys: ["no_rope_layer_interval", "use_sliding_window", "sliding_window"], lists: ["no_rope_layers", LayerTypes.key]
    ) { config, keys in
        let rotated = try rotatedLayers(config, keys)
        config.rotatedLayers = rotated
        let hasWindow = try keys.flag("use_sliding_window") == true
        if hasWindow { config.slidingWindow = try keys.optionalSize("sliding_window") }
        config.windowedLayers = try LayerTypes.read(keys) ?? rotated.map { config.slidingWindow != nil && !$0 }
        if config.slidingWindow == nil, config.windowedLayers?.contains(true) == true {
            throw keys.refuse(
                hasWindow ? "sliding_window" : "use_sliding_window",
                "\(hasWindow ? "a whole number from 1" : "true"), for the layers of sliding_attention")
        }
    } write: { config in
        [
            "no_rope_layers": .array((0..<config.layers).map { config.rotatedLayers?[$0] == false ? 0 : 1 }),
            "use_sliding_window": .bool(config.slidingWindow != nil),
            "sliding_window": config.slidingWindow.map(JSONValue.integer) ?? .null, LayerTypes.key: LayerTypes.json(config),
        ]
    }

    /// 1 in `no_rope_layers` means that the layer does rotate.
    private static func rotatedLayers(_ config: CausalLMConfig, _ keys: ConfigKeys) throws -> [Bool] {
        let every = try keys.optionalSize("no_rope_layer_interval") ?? 4
        guard let value = keys.json["no_rope_layers"], !value.isNull else {
            return (1...max(1, config.layers)).map { $0 % every != 0 }
        }
        guard let layers = value.array, layers.allSatisfy({ $0.integer == 0 || $0.integer == 1 }) else {
            throw keys.refuse("no_rope_layers", "a list of 1 (the layer rotates) and 0")
        }
        return layers.map { $0.integer == 1 }
    }
}
