extension FamilyTraits {
    /// Jiang et al. 2023: Llama with a sliding window in every layer.
    static let mistral = FamilyTraits(
        className: "Mistral", defaults: Defaults(positions: 4096 * 32), options: [.window(absent: 4096)])
}
