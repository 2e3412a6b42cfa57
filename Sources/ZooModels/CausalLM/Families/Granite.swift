import ZooBase

extension FamilyTraits {
    /// Granite Team 2024, IBM's Granite 3: Llama with four factors.
    static let granite = FamilyTraits(
        className: "Granite", options: [.attentionBias, .feedForwardBias, .multipliers])
}

extension FamilyOption {
    /// Of the embedding, of queries times keys, of what layers add, and the divisor of logits: 1 where a key is absent.
    fileprivate static let multipliers = FamilyOption(
        keys: ["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"]
    ) { config, keys in
        config.scales.embedding = try keys.number("embedding_multiplier") ?? 1
        config.scales.attention = try keys.number("attention_multiplier") ?? 1
        config.scales.residual = try keys.number("residual_multiplier") ?? 1
        config.scales.logits = try keys.number("logits_scaling") ?? 1
    } write: {
        [
            "embedding_multiplier": .number($0.scales.embedding),
            "attention_multiplier": .number($0.scales.attention ?? 1 / Double($0.headWidth).squareRoot()),
            "residual_multiplier": .number($0.scales.residual), "logits_scaling": .number($0.scales.logits),
        ]
    }
}
