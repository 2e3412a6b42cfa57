extension FamilyTraits {
    /// Touvron et al. 2023: RMSNorm, rotary positions, grouped queries, SwiGLU.
    static let llama = FamilyTraits(className: "Llama", options: [.attentionBias, .feedForwardBias])
}
