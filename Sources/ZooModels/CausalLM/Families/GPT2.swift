import ZooBase

extension FamilyTraits {
    /// Radford et al. 2019: learned positions, LayerNorm, biases everywhere, one matrix for queries, keys and values.
    static let gpt2 = FamilyTraits(
        className: "GPT2", languageModelClass: "GPT2LMHeadModel", normalization: .layer, activation: .gelu,
        hasRotaryPositions: false, scalesFreshResiduals: true,
        biases: [.attention, .feedForward],
        tensors: TensorNames(
            prefix: "transformer.", embedding: "wte", layers: "h.", attentionNorm: "ln_1", qkv: ["attn.c_attn"],
            output: "attn.c_proj", feedForwardNorm: "ln_2", up: ["mlp.c_fc"], down: "mlp.c_proj", finalNorm: "ln_f",
            valueHead: "classifier", areTransposed: true, constants: [".attn.bias", ".attn.masked_bias"]),
        keys: ConfigNames(
            hidden: "n_embd", intermediate: "n_inner", layers: "n_layer", heads: "n_head", kvHeads: nil, headWidth: nil,
            positions: "n_positions", normEps: "layer_norm_epsilon", activation: "activation_function"),
        defaults: Defaults(positions: 1024, normEps: 1e-5, intermediate: 4, tieEmbeddings: true),
        // `transformers` takes an absent key for 0.1.
        options: [
            FamilyOption(
                keys: [],
                write: { _ in ["attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "scale_attn_weights": true] })
        ])
}
