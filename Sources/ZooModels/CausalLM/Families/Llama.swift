import ZooBase

extension FamilyTraits {
    /// Touvron et al. 2023: RMSNorm, rotary positions, grouped queries, SwiGLU.
    static let llama = FamilyTraits(
        className: "Llama", options: ["attention_bias", "mlp_bias"],
        read: { config, keys in
            if try keys.flag("attention_bias") == true { config.biases.formUnion(.attention) }
            if try keys.flag("mlp_bias") == true { config.biases.insert(.feedForward) }
        },
        write: {
            ["attention_bias": .bool($0.biases.contains(.attention)), "mlp_bias": .bool($0.biases.contains(.feedForward))]
        })
}
