import ZooBase

extension FamilyTraits {
    /// Qwen Team 2024 (2412.15115): Llama with biases on queries, keys and values.
    static let qwen2 = FamilyTraits(
        className: "Qwen2", biases: .queryKeyValue, defaults: Defaults(positions: 32_768), options: [.upperWindow])

    /// Qwen Team 2025 (2505.09388): Llama with a norm on each head of the queries and keys.
    static let qwen3 = FamilyTraits(
        className: "Qwen3", queryKeyNorm: .head, defaults: Defaults(positions: 32_768, headWidth: 128),
        options: [.attentionBias, .upperWindow])
}

extension FamilyOption {
    /// A window that only the layers from `max_window_layers` on have.
    fileprivate static let upperWindow = FamilyOption(
        keys: ["use_sliding_window", "sliding_window", "max_window_layers"], lists: [LayerTypes.key]
    ) { config, keys in
        if try keys.flag("use_sliding_window") == true { config.slidingWindow = try keys.optionalSize("sliding_window") }
        config.fullLayers = try keys.integer("max_window_layers") ?? 28
        guard let value = keys.json[LayerTypes.key], !value.isNull else { return }
        guard value == LayerTypes.json(config) else {
            throw keys.refuse(
                LayerTypes.key,
                "\(config.layers) layers, of which the first \(config.slidingWindow == nil ? config.layers : config.fullLayers) "
                    + "are full_attention and the rest sliding_attention, as the other keys say")
        }
    } write: {
        [
            "use_sliding_window": .bool($0.slidingWindow != nil),
            "sliding_window": $0.slidingWindow.map(JSONValue.integer) ?? .null,
            "max_window_layers": .integer($0.fullLayers), LayerTypes.key: LayerTypes.json($0),
        ]
    }
}
