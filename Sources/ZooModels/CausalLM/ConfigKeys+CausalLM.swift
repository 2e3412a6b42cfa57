import Foundation
import ZooBase

extension ConfigKeys {
    /// Throws if a key asks for unsupported mathematics; a missing, null or neutral key asks for nothing.
    func refuseUnsupported(except traits: FamilyTraits) throws {
        let options = traits.options.flatMap { $0.keys + $0.lists }
        let known = Set(options + (traits.hasRotaryPositions ? ["rope_scaling", "rope_parameters"] : []))
        for (key, neutral) in Self.unsupported where !known.contains(key) {
            guard let value = json[key], !value.isNull else { continue }
            guard let neutral, neutral.isMeant(by: value) else {
                throw refuse(key, (neutral.map { "\($0.text), or null" } ?? "null") + ": no other value is supported here")
            }
        }
    }

    enum Neutral {
        case one, no, yes

        /// true and 1 are the same here, as in Python.
        func isMeant(by value: JSONValue) -> Bool {
            let number = self == .no ? 0.0 : 1
            return value.number == number || value.bool == (number == 1)
        }

        var text: String {
            switch self {
            case .one: "1"
            case .no: "false"
            case .yes: "true"
            }
        }
    }

    /// Keys of `transformers` that change what a decoder computes, with the value at which they do not; nil: only null.
    static let unsupported: [(key: String, neutral: Neutral?)] = [
        // Positions.
        ("rope_scaling", nil), ("rope_parameters", nil), ("rope_interleaved", .no), ("partial_rotary_factor", .one),
        ("rotary_pct", .one), ("interpolate_factor", .one), ("rope_local_base_freq", nil), ("no_rope_layers", nil),
        ("no_rope_layer_interval", nil), ("alibi", .no), ("use_alibi", .no), ("use_mrope", .no),
        // Attention.
        ("sliding_window", nil), ("use_sliding_window", .no), ("attention_chunk_size", nil), ("attention_bias", .no),
        ("use_qk_norm", .no), ("qk_norm", .no), ("qk_layernorm", .no), ("clip_qkv", nil), ("query_pre_attn_scalar", nil),
        ("attention_multiplier", .one), ("attn_logit_softcapping", nil), ("full_attn_mod", .one),
        ("attention_sinks", .no), ("use_bidirectional_attention", .no), ("kv_lora_rank", nil), ("q_lora_rank", nil),
        ("scale_attn_weights", .yes), ("scale_attn_by_inverse_layer_idx", .no), ("add_cross_attention", .no),
        // Feed-forward, residual stream, output.
        ("mlp_bias", .no), ("num_local_experts", nil), ("num_experts", nil), ("n_routed_experts", nil),
        ("embedding_multiplier", .one), ("residual_multiplier", .one), ("logits_scaling", .one), ("logit_scale", .one),
        ("final_logit_softcapping", nil), ("use_parallel_residual", .no), ("parallel_attn", .no), ("lm_head_bias", .no),
        // How the weights are stored.
        ("quantization_config", nil), ("is_encoder_decoder", .no),
    ]

    /// Throws if the file names another activation. The newer of a family's two keys decides where the file has both.
    func check(_ activation: FamilyTraits.Activation, _ names: ConfigNames) throws {
        if let newer = names.newerActivation {
            if let said = try text(newer) {
                guard activation.names.contains(said) else { throw refuse(newer, "\"\(activation.rawValue)\"") }
                return
            }
            if try text(names.activation) == "gelu" { return }
        }
        guard let said = try text(names.activation), !activation.names.contains(said) else { return }
        throw refuse(names.activation, "\"\(activation.rawValue)\"")
    }
}
