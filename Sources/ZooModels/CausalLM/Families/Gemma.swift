import ZooBase

extension FamilyTraits {
    /// Gemma Team 2024 (2403.08295), the first of the name: norms around 1, GeGLU, embeddings scaled by √hidden.
    static let gemma = FamilyTraits(
        className: "Gemma", normalization: .rmsPlusOne, activation: .gatedGELU, scalesEmbedding: true,
        keys: ConfigNames(newerActivation: "hidden_activation"),
        defaults: Defaults(positions: 8192, headWidth: 256, tieEmbeddings: true),
        options: [.attentionBias])

    /// Gemma Team 2024 (2408.00118): the same with norms before and after, a window in every other layer, bounded scores and logits.
    static let gemma2 = FamilyTraits(
        className: "Gemma2", normalization: .rmsPlusOne, activation: .gatedGELU, scalesEmbedding: true, tensors: .fourNorms,
        keys: ConfigNames(activation: "hidden_activation"),
        defaults: Defaults(positions: 8192, headWidth: 256, tieEmbeddings: true, hasTokens: true),
        options: [
            .attentionBias, .queryScalar, .windowPattern(every: 2), .cap("attn_logit_softcapping", \.attentionCap, absent: 50),
            .cap("final_logit_softcapping", \.logitCap, absent: 30),
        ])

    /// Gemma Team 2025 (2503.19786), text alone: a norm on each head of the queries and keys in place of the bounds, and a window with a
    /// rotation of its own in five of six layers.
    static let gemma3 = FamilyTraits(
        className: "Gemma3Text", languageModelClass: "Gemma3ForCausalLM", normalization: .rmsPlusOne, activation: .gatedGELU,
        hasLocalRotation: true, queryKeyNorm: .head, scalesEmbedding: true, tensors: .fourNorms,
        keys: ConfigNames(activation: "hidden_activation"),
        defaults: Defaults(positions: 131_072, headWidth: 256, tieEmbeddings: true, hasTokens: true, ropeTheta: 1_000_000),
        options: [
            .attentionBias, .queryScalar, .windowPattern(every: 6, key: "sliding_window_pattern"), .localRotation,
            .cap("final_logit_softcapping", \.logitCap, absent: nil),
        ])
}

extension TensorNames {
    fileprivate static let fourNorms = TensorNames(
        attentionPostNorm: "post_attention_layernorm", feedForwardNorm: "pre_feedforward_layernorm",
        feedForwardPostNorm: "post_feedforward_layernorm")
}

extension FamilyOption {
    fileprivate static let localRotation = FamilyOption(
        keys: ["rope_local_base_freq"], write: { ["rope_local_base_freq": .number($0.localRopeTheta ?? $0.ropeTheta)] })
}
