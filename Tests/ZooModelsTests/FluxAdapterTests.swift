import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("LoRA adapters of image models")
struct FluxAdapterTests {
    static func base(_ head: Head = .languageModel) throws -> FlowImage { try smallFlow(head).copied(trainable: false) }

    static func fresh(
        _ base: FlowImage, head: Head = .languageModel, named name: String = "base", filled: Bool = false,
        _ change: (inout LoRAConfig) -> Void = { _ in }
    ) throws -> FlowImage {
        var config = LoRAConfig()
        (config.r, config.alpha, config.targets) = (3, 6, .allLinear)
        change(&config)
        let network = try FlowImage(adapting: base, named: name, config: config, head: head, generator: Generator(seed: 9))
        let generator = Generator(seed: 6)
        for parameter in network.parameters where filled && !parameter.name.contains("lora_A") {
            parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: generator) * 0.3)
        }
        return network
    }

    /// Six drawn images of 4 × 4 with a reference of 2 × 2, three noisy steps each.
    private static func drawn(_ network: FlowImage) throws -> ImageGeneration {
        try network.generate(
            prompts: [[0, 2], [3, -1]].map { ImagePrompt(conditions: $0, reference: [0.5, -1, 0.25, 1]) },
            shape: ImageShape(channels: 1, height: 4, width: 4),
            referenceShape: ImageShape(channels: 1, height: 2, width: 2), samplesPerPrompt: 3,
            settings: ImageSampler(steps: 4, noiseLevel: 0.6, guidance: 2), generator: Generator(seed: 5),
            isCancelled: { false })
    }

    @Test(
        "a new adapter changes no bit, its B has a gradient and its A has none",
        arguments: [LoRAConfig.Targets.standard, .allLinear])
    func beginsAtTheBase(targets: LoRAConfig.Targets) throws {
        let base = try Self.base()
        let network = try Self.fresh(base) { $0.targets = targets }
        let batch = try Self.drawn(base).sequences
        let outputs = try network.forward(batch, [.logp, .score])
        #expect(try outputs.map(\.floats) == base.forward(batch, [.logp, .score]).map(\.floats))
        backward(outputs, gradients: outputs.map { .ones($0.shape) })
        for parameter in network.parameters {
            let gradient = try #require(parameter.tensor.gradient, "\(parameter.name)").floats
            #expect(gradient.contains { $0 != 0 } == parameter.name.contains("lora_B"), "\(parameter.name)")
        }
        #expect(base.parameters.allSatisfy { $0.tensor.gradient == nil })
    }

    @Test(
        "targets are diffusers', all layers, or those named",
        arguments: [
            (LoRAConfig.Targets.standard, 7), (.allLinear, 28), (.named(["add_q_proj", "to_out.0"]), 2),
            (.named(["proj_out"]), 2), (.named(["transformer_blocks.0.norm1.linear"]), 1), (.named(["ff.net.2"]), 1),
        ])
    func targets(targets: LoRAConfig.Targets, count: Int) throws {
        #expect(try Self.fresh(Self.base()) { $0.targets = targets }.parameters.count == 2 * count)
    }

    @Test("a target that the transformer does not have is refused by name")
    func unknownTarget() throws {
        let error = #expect(throws: ModelError.self) {
            try Self.fresh(Self.base()) { $0.targets = .named(["to_q", "q_proj"]) }
        }
        #expect(error?.description.contains("no projection 'q_proj'; it has add_k_proj") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("to_out.0") == true)
    }

    @Test("a stored trajectory's log-probabilities come out bit for bit, in any slice")
    func ratio() throws {
        let network = try Self.fresh(Self.base(), filled: true)
        let found = try Self.drawn(network)
        #expect(try network.forward(found.sequences, [.logp])[0].floats == found.logp)
        try expectSameInSlices(network, found)
    }

    @Test("adapters over one base hold its very tensors, and training one leaves it and the others as they are")
    func sharedBase() throws {
        let base = try Self.base()
        let policy = try Self.fresh(base)
        let critic = try Self.fresh(base, head: .value)
        let copy = policy.copied(trainable: false)
        for network in [policy, critic, copy] {
            #expect(network.frozen.map(\.name) == base.parameters.map(\.name))
            #expect(zip(network.frozen, base.parameters).allSatisfy { $0.tensor === $1.tensor })
        }
        #expect(copy.hasLayout(of: policy) && !critic.hasLayout(of: policy))
        #expect(try !policy.hasLayout(of: Self.fresh(base) { $0.alpha = 5 }))
        #expect(try !policy.hasLayout(of: Self.fresh(base) { $0.targets = .standard }))

        let batch = try Self.drawn(base).sequences
        let weights = base.parameters.map(\.tensor.bytes)
        let atStart = try base.forward(batch, [.logp])[0].floats
        #expect(try critic.forward(batch, [.value])[0].floats.allSatisfy { $0 == 0 })
        let optimizer = AdamW(parameters: policy.parameters)
        for _ in 0..<2 {
            let logp = try policy.forward(batch, [.logp])[0]
            backward([logp], gradients: [.ones(logp.shape)])
            optimizer.step(learningRate: 0.01)
            optimizer.zeroGradients()
        }
        #expect(base.parameters.map(\.tensor.bytes) == weights)
        #expect(try base.forward(batch, [.logp])[0].floats == atStart)
        #expect(try copy.forward(batch, [.logp])[0].floats == atStart)
        #expect(distance(try policy.forward(batch, [.logp])[0].floats, atStart) > 1e-3)
        #expect(optimizer.state.keys.allSatisfy { $0.hasPrefix("transformer.") && $0.contains("lora_") })
    }

    @Test("a critic's value is differentiated to its adapter and head by finite differences")
    func critic() throws {
        let critic = try Self.fresh(Self.base(), head: .value, filled: true)
        let generator = Generator(seed: 8)
        let batch = try Self.drawn(Self.base()).sequences
        let values = try critic.forward(batch, [.value])[0]
        backward([values], gradients: [.ones(values.shape)])
        for parameter in critic.parameters {
            // A critic has no velocities.
            if parameter.name.hasPrefix("transformer.proj_out") {
                #expect(parameter.tensor.gradient == nil && !parameter.tensor.requiresGrad)
                continue
            }
            try expectSlope(of: parameter, step: 1e-3, generator) { try critic.forward(batch, [.value])[0] }
        }
    }

    @Test("operations: an adapter adds 2 r (in + out) for each row of its layer, and frozen weights have no gradient to count")
    func flops() throws {
        let base = try Self.base()
        let batch = try Self.drawn(base).sequences
        let network = try Self.fresh(base) { $0.targets = .named(["attn.to_out.0", "add_q_proj", "norm_out.linear"]) }
        // Width 12; 5 image tokens, 2 of text, 1 row of conditioning; 6 images of one draw.
        let more = 2 * 3 * (5 * 24 + 2 * 24 + (12 + 24))
        let forward = base.forwardFLOPs(batch, [.score])
        #expect(network.forwardFLOPs(batch, [.score]) == forward + Double(6 * more))
        #expect(base.backwardFLOPs(batch, [.score]) == 2 * forward)
        // From the last block on: the adapter twice, attention twice, proj_out of 5 · 12 columns, the last layer on 4 tokens.
        let last = try Self.fresh(base) { $0.targets = .named(["single_transformer_blocks.0.attn.to_q"]) }
        let expected = 2 * 7 * 2 * 3 * 24 + 2 * 4 * 7 * 7 * 12 + 2 * 7 * 60 * 12 + 2 * 4 * 12 * 4
        #expect(last.backwardFLOPs(batch, [.score]) == Double(6 * expected))
    }
}
