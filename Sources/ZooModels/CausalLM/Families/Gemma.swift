import Foundation

extension FamilyTraits {
    /// Gemma Team 2024 (2403.08295), the first of the name: norms around 1, GeGLU, embeddings scaled by √hidden.
    static let gemma = FamilyTraits(
        className: "Gemma", normalization: .rmsPlusOne, activation: .gatedGELU, scalesEmbedding: true,
        defaults: Defaults(positions: 8192, headWidth: 256, tieEmbeddings: true),
        options: ["attention_bias"],
        read: { config, keys in
            if try keys.flag("attention_bias") == true { config.biases.formUnion(.attention) }
            let activation = try keys.text("hidden_activation") ?? Activation.gatedGELU.rawValue
            guard activation == Activation.gatedGELU.rawValue else {
                throw keys.refuse("hidden_activation", "null or \"\(Activation.gatedGELU.rawValue)\"")
            }
        },
        write: {
            [
                "attention_bias": $0.biases.contains(.attention), "hidden_activation": NSNull(),
            ]
        })
}
