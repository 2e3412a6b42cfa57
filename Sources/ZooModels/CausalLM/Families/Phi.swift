import ZooBase

extension FamilyTraits {
    /// Abdin et al. 2024 (2404.14219), Phi-3 to Phi-4-mini: Llama with one matrix for queries, keys and values, another for gate and up.
    static let phi3 = FamilyTraits(
        className: "Phi3", rotatesPart: true, ropeKindKey: "type",
        tensors: TensorNames(qkv: ["self_attn.qkv_proj"], up: ["mlp.gate_up_proj"]),
        defaults: Defaults(positions: 4096, normEps: 1e-5, hasTokens: true),
        options: [
            .window(absent: nil),
            FamilyOption(keys: ["partial_rotary_factor"], write: { ["partial_rotary_factor": .number($0.rotatedPart)] }),
            FamilyOption(keys: []) { config, _ in
                guard case .longRoPE(var long) = config.ropeScaling, long.originalPositions == nil else { return }
                long.originalPositions = 4096
                config.ropeScaling = .longRoPE(long)
            },
        ])
}
