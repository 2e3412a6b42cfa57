import Foundation
import ZooBase

extension ConfigKeys {
    /// Throws if a key asks for unsupported mathematics; a missing, null or neutral key asks for nothing.
    func refuseUnsupported(except traits: FamilyTraits) throws {
        let known = Set(traits.options + (traits.hasRotaryPositions ? ["rope_scaling", "rope_parameters"] : []))
        for (key, neutral) in Self.unsupported where !known.contains(key) {
            guard let value = json[key], !value.isNull else { continue }
            guard let neutral, neutral.isMeant(by: value) else {
                throw refuse(key, (neutral.map { "\($0.text), or null" } ?? "null") + ": no other value is supported here")
            }
        }
    }

    private enum Neutral {
        case zero, one, no, yes

        /// true and 1 are the same here, as in Python.
        func isMeant(by value: JSONValue) -> Bool {
            let number = self == .zero || self == .no ? 0.0 : 1
            return value.number == number || value.bool == (number == 1)
        }

        var text: String {
            switch self {
            case .zero: "0"
            case .one: "1"
            case .no: "false"
            case .yes: "true"
            }
        }
    }

    /// Keys of `transformers` that change what a decoder computes, with the value at which they do not; nil: only null.
    private static let unsupported: [(key: String, neutral: Neutral?)] = [
        // Positions.
        ("rope_scaling", nil), ("rope_parameters", nil), ("rope_interleaved", .no), ("partial_rotary_factor", .one),
        ("rotary_pct", .one), ("rope_local_base_freq", nil), ("no_rope_layers", nil), ("no_rope_layer_interval", nil),
        ("alibi", .no), ("use_alibi", .no), ("use_mrope", .no),
        // Attention.
        ("sliding_window", nil), ("use_sliding_window", .no), ("attention_chunk_size", nil), ("attention_bias", .no),
        ("use_qk_norm", .no), ("qk_norm", .no), ("qk_layernorm", .no), ("clip_qkv", nil), ("query_pre_attn_scalar", nil),
        ("attention_multiplier", .one), ("attn_logit_softcapping", nil), ("attention_dropout", .zero),
        ("attention_sinks", .no), ("use_bidirectional_attention", .no), ("kv_lora_rank", nil), ("q_lora_rank", nil),
        ("scale_attn_weights", .yes), ("scale_attn_by_inverse_layer_idx", .no), ("add_cross_attention", .no),
        // Feed-forward, residual stream, output.
        ("mlp_bias", .no), ("num_local_experts", nil), ("num_experts", nil), ("n_routed_experts", nil),
        ("embedding_multiplier", .one), ("residual_multiplier", .one), ("logits_scaling", .one), ("logit_scale", .one),
        ("final_logit_softcapping", nil), ("use_parallel_residual", .no), ("parallel_attn", .no),
        ("hidden_dropout", .zero), ("resid_dropout", .zero), ("embedding_dropout", .zero),
        // How the weights are stored.
        ("pretraining_tp", .one), ("quantization_config", nil), ("is_encoder_decoder", .no),
    ]

    /// Base and scaling of the rotary frequencies, from `rope_theta` and `rope_scaling` or from `rope_parameters`.
    func rope() throws -> (theta: Double, scaling: RopeScaling) {
        var theta = try number("rope_theta") ?? 10_000
        var scaling = RopeScaling.none
        for key in ["rope_scaling", "rope_parameters"] {
            guard let value = json[key], !value.isNull else { continue }
            guard let parameters = value.object else { throw refuse(key, "null or an object") }
            let inner = ConfigKeys(json: parameters, file: "\(file): \(key)")
            let kind = try inner.text("rope_type") ?? inner.text("type") ?? "default"
            var known: Set = ["rope_type", "type", "rope_theta"]
            switch kind {
            case "default": break
            case "linear":
                scaling = .linear(factor: try inner.positive("factor"))
                known.insert("factor")
            case "llama3":
                scaling = .llama3(
                    factor: try inner.positive("factor"), lowFrequencyFactor: try inner.positive("low_freq_factor"),
                    highFrequencyFactor: try inner.positive("high_freq_factor"),
                    originalPositions: try inner.size("original_max_position_embeddings"))
                known.formUnion(["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"])
                guard try inner.positive("low_freq_factor") < inner.positive("high_freq_factor") else {
                    throw inner.refuse("low_freq_factor", "a number below high_freq_factor")
                }
            default:
                throw ModelError("\(file): \(key) asks for \(kind); supported are default, linear and llama3")
            }
            if let other = parameters.keys.filter({ !known.contains($0) }).min(), parameters[other]?.isNull == false {
                throw inner.refuse(other, "no such key for \(kind)")
            }
            theta = try inner.number("rope_theta") ?? theta
        }
        return (theta, scaling)
    }

    private func positive(_ key: String) throws -> Double {
        guard let value = try number(key), value > 0, value.isFinite else { throw refuse(key, "a number above 0") }
        return value
    }
}
