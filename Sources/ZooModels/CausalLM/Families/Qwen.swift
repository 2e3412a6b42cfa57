import Foundation
import ZooBase

extension FamilyTraits {
    /// Qwen Team 2024 (2412.15115): Llama with biases on queries, keys and values.
    static let qwen2 = FamilyTraits(
        className: "Qwen2", biases: .queryKeyValue, defaults: Defaults(positions: 32_768), options: QwenWindow.keys,
        read: QwenWindow.read, write: QwenWindow.write)

    /// Qwen Team 2025 (2505.09388): Llama with a norm on each head of the queries and keys.
    static let qwen3 = FamilyTraits(
        className: "Qwen3", hasQueryKeyNorm: true, defaults: Defaults(positions: 32_768, headWidth: 128),
        options: QwenWindow.keys + ["attention_bias"],
        read: { config, keys in
            if try keys.flag("attention_bias") == true { config.biases.formUnion(.attention) }
            try QwenWindow.read(&config, keys)
        },
        write: { config in
            var options = QwenWindow.write(config)
            options["attention_bias"] = .bool(config.biases.contains(.attention))
            return options
        })
}

/// A window that only the layers from `max_window_layers` on have.
private enum QwenWindow {
    static let keys = ["use_sliding_window", "sliding_window", "max_window_layers"]

    @Sendable static func read(_ config: inout CausalLMConfig, _ keys: ConfigKeys) throws {
        if try keys.flag("use_sliding_window") == true { config.slidingWindow = try keys.optionalSize("sliding_window") }
        config.fullLayers = try keys.integer("max_window_layers") ?? 28
        guard let value = keys.json["layer_types"], !value.isNull else { return }
        guard let kinds = value.array, kinds == layerTypes(config) else {
            throw keys.refuse(
                "layer_types",
                "\(config.layers) layers, of which the first \(config.slidingWindow == nil ? config.layers : config.fullLayers) "
                    + "are full_attention and the rest sliding_attention, as the other keys say")
        }
    }

    @Sendable static func write(_ config: CausalLMConfig) -> JSONObject {
        [
            "use_sliding_window": .bool(config.slidingWindow != nil),
            "sliding_window": config.slidingWindow.map(JSONValue.integer) ?? .null,
            "max_window_layers": .integer(config.fullLayers), "layer_types": .array(layerTypes(config)),
        ]
    }

    private static func layerTypes(_ config: CausalLMConfig) -> [JSONValue] {
        (0..<config.layers).map { config.window(layer: $0) == nil ? "full_attention" : "sliding_attention" }
    }
}
