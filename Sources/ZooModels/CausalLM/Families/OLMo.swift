extension FamilyTraits {
    /// OLMo Team 2024 (2501.00656): norms of what attention and feed-forward add and none before them, and one norm over all queries, one
    /// over all keys.
    static let olmo2 = FamilyTraits(
        className: "Olmo2", ropeKindKey: "type", queryKeyNorm: .whole,
        tensors: TensorNames(
            attentionNorm: nil, attentionPostNorm: "post_attention_layernorm", feedForwardNorm: nil,
            feedForwardPostNorm: "post_feedforward_layernorm"),
        defaults: Defaults(normEps: 1e-5, hasTokens: true), options: [.attentionBias])
}
