import ZooBase

extension FamilyTraits {
    /// Gemma Team 2024 (2403.08295), the first of the name: norms around 1, GeGLU, embeddings scaled by √hidden.
    static let gemma = FamilyTraits(
        className: "Gemma", normalization: .rmsPlusOne, activation: .gatedGELU, scalesEmbedding: true,
        keys: ConfigNames(newerActivation: "hidden_activation"),
        defaults: Defaults(positions: 8192, headWidth: 256, tieEmbeddings: true),
        options: ["attention_bias"],
        read: { config, keys in
            if try keys.flag("attention_bias") == true { config.biases.formUnion(.attention) }
        },
        write: { ["attention_bias": .bool($0.biases.contains(.attention))] })
}
