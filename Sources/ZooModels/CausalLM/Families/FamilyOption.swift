import ZooBase

/// Keys of `config.json` that some families have: what they set, and how they are written.
struct FamilyOption: Sendable {
    /// Those that hold numbers and flags, which a recipe may set.
    var keys: [String]
    /// Those that hold one value for each layer.
    var lists: [String] = []
    var read: @Sendable (inout CausalLMConfig, ConfigKeys) throws -> Void = { _, _ in }
    var write: @Sendable (CausalLMConfig) -> JSONObject = { _ in [:] }
}

extension FamilyOption {
    static let attentionBias = bias("attention_bias", .attention)
    static let feedForwardBias = bias("mlp_bias", .feedForward)

    private static func bias(_ key: String, _ biases: CausalLMConfig.Biases) -> FamilyOption {
        FamilyOption(keys: [key]) { config, keys in
            if try keys.flag(key) == true { config.biases.formUnion(biases) }
        } write: {
            [key: .bool($0.biases.isSuperset(of: biases))]
        }
    }

    /// One window for all layers. Null means none; an absent key means `absent`.
    static func window(absent: Int?) -> FamilyOption {
        let key = "sliding_window"
        return FamilyOption(keys: [key]) { config, keys in
            config.slidingWindow = keys.json[key] == nil ? absent : try keys.optionalSize(key)
        } write: {
            [key: $0.slidingWindow.map(JSONValue.integer) ?? .null]
        }
    }

    /// A window in the layers that `layer_types` names, or without it in all but each `every`-th.
    ///
    /// - Parameter key: of the number that stands for `every`.
    static func windowPattern(every: Int, key: String? = nil) -> FamilyOption {
        FamilyOption(keys: ["sliding_window"] + [key].compactMap(\.self), lists: [LayerTypes.key]) { config, keys in
            let every = try key.flatMap { try keys.optionalSize($0) } ?? every
            let windowed = try LayerTypes.read(keys) ?? (1...max(1, config.layers)).map { $0 % every != 0 }
            config.windowedLayers = windowed
            config.slidingWindow = keys.json["sliding_window"] == nil ? 4096 : try keys.optionalSize("sliding_window")
            if config.slidingWindow == nil, windowed.contains(true) {
                throw keys.refuse("sliding_window", "a whole number from 1, for the layers of sliding_attention")
            }
        } write: {
            ["sliding_window": $0.slidingWindow.map(JSONValue.integer) ?? .null, LayerTypes.key: LayerTypes.json($0)]
        }
    }

    /// The queries' product with the keys is divided by √ of this; an absent key means 256.
    static let queryScalar = FamilyOption(keys: ["query_pre_attn_scalar"]) { config, keys in
        config.scales.queryScalar = try keys.number("query_pre_attn_scalar") ?? 256
    } write: {
        ["query_pre_attn_scalar": .number($0.scales.queryScalar ?? Double($0.headWidth))]
    }

    /// A bound of scores or logits. Null means none; an absent key means `absent`.
    static func cap(
        _ key: String, _ path: WritableKeyPath<CausalLMConfig.Scales, Double?> & Sendable, absent: Double?
    ) -> FamilyOption {
        FamilyOption(keys: [key]) { config, keys in
            config.scales[keyPath: path] = keys.json[key] == nil ? absent : try keys.number(key)
        } write: {
            [key: $0.scales[keyPath: path].map(JSONValue.number) ?? .null]
        }
    }
}

/// `layer_types`: whether a layer sees everything or has a window.
enum LayerTypes {
    static let key = "layer_types"

    /// Whether each layer has a window; nil if the file does not say.
    static func read(_ keys: ConfigKeys) throws -> [Bool]? {
        guard let value = keys.json[key], !value.isNull else { return nil }
        let kinds: [JSONValue] = ["full_attention", "sliding_attention"]
        guard let layers = value.array, layers.allSatisfy(kinds.contains) else {
            throw keys.refuse(key, "a list of full_attention and sliding_attention")
        }
        return layers.map { $0 == kinds[1] }
    }

    static func json(_ config: CausalLMConfig) -> JSONValue {
        .array((0..<config.layers).map { config.window(layer: $0) == nil ? "full_attention" : "sliding_attention" })
    }
}
