import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("what saves memory")
struct MemoryTests {
    private let batch = randomBatch([9, 14, 5], vocabulary: 29, prompt: 2)

    /// Outputs, and gradients of a weighted sum of them.
    private func pass(_ network: any Network, _ outputs: [NetworkOutput]) throws -> (outputs: [[Float]], gradients: [[Float]]) {
        for parameter in network.parameters { parameter.tensor.clearGradient() }
        let tensors = try network.forward(batch, outputs)
        let seeds = tensors.map { Tensor.normal($0.shape, generator: Generator(seed: 5)) }
        backward(tensors, gradients: seeds)
        return (tensors.map(\.floats), network.parameters.map { $0.tensor.gradient?.floats ?? [] })
    }

    @Test("activations that are computed again give the same bits", arguments: Family.allCases)
    func recompute(family: Family) throws {
        let network = try smallModel(family)
        let kept = try pass(network, [.logp, .entropy])
        network.recomputes = true
        let again = try pass(network, [.logp, .entropy])
        #expect(again.outputs == kept.outputs)
        #expect(again.gradients == kept.gradients)
        #expect(kept.gradients.contains { $0.contains { $0 != 0 } })
    }

    @Test(
        "those of an adapter, whose base needs no gradient, and of heads on the trunk too",
        arguments: [Head.languageModel, .value])
    func recomputeAdapter(head: Head) throws {
        let base = try frozen(.float32)
        var config = LoRAConfig()
        config.targets = .allLinear
        let network = try CausalLM(adapting: base, named: "base", config: config, head: head, generator: Generator(seed: 2))
        for parameter in network.parameters {
            parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: Generator(seed: 3)) * 0.1)
        }
        let output: NetworkOutput = head == .value ? .value : .logp
        let kept = try pass(network, [output])
        network.recomputes = true
        let again = try pass(network, [output])
        #expect(again.outputs == kept.outputs && again.gradients == kept.gradients)
        #expect(kept.gradients.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test(
        "what a pass keeps is about what it is said to keep, with activations kept and computed again",
        arguments: Family.allCases)
    func activations(family: Family) throws {
        Engine.configure(threads: Engine.threads)  // which begins to count
        let network = try smallModel(family)
        // No two sequences begin alike, and all but one step of each is in the pass.
        let batch = randomBatch(Array(repeating: 60, count: 12), vocabulary: 29)
        func held() throws -> Double {
            var logp: Tensor?
            let bytes = try Engine.work { logp = try network.forward(batch, [.logp])[0] }.kept
            return withExtendedLifetime(logp) { Double(bytes) / (12 * 59) }
        }
        let kept = try held()
        // A model this narrow has its logits and indices besides.
        let said = network.activationBytes + 59 * network.pairBytes
        #expect((0.7...1.7).contains(kept / Double(said)), "\(kept) of \(said)")
        network.recomputes = true
        #expect(try held() < 0.5 * kept)
        #expect(network.activationBytes < Int(0.7 * kept))
    }

    // MARK: - Weights in 16 bits

    private func folder(_ body: (URL) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try smallModel(.qwen2).save(to: folder)
            try body(folder)
        }
    }

    private func frozen(_ type: DType, _ head: Head = .languageModel) throws -> CausalLM {
        var network: CausalLM?
        try folder {
            network = try CausalLM.load(
                from: $0, head: head, device: .cpu, trainable: false, generator: Generator(seed: 4), frozenType: type)
        }
        return try #require(network)
    }

    @Test(
        "frozen matrices take half the bytes, norms and biases stay, and every number is that of the rounded weights",
        arguments: [DType.bfloat16, .float16])
    func half(type: DType) throws {
        let half = try frozen(type)
        for parameter in half.parameters {
            #expect(parameter.tensor.dtype == (parameter.tensor.rank == 2 ? type : .float32), "\(parameter.name)")
        }
        let rounded = try CausalLM(
            config: half.config, head: .languageModel,
            tensors: Dictionary(uniqueKeysWithValues: half.parameters.map { ($0.name, $0.tensor) }), device: .cpu,
            trainable: false)
        #expect(rounded.parameters.allSatisfy { $0.tensor.dtype == .float32 })
        let (found, expected) = try (half.forward(batch, [.logp, .entropy]), rounded.forward(batch, [.logp, .entropy]))
        #expect(found.map(\.floats) == expected.map(\.floats))
        let settings = SamplerSettings(maxNewTokens: 12)
        func samples(_ network: CausalLM) throws -> Generation {
            try network.generate(
                prompts: [[3, 4, 5], [6, 7]], samplesPerPrompt: 3, settings: settings, generator: Generator(seed: 8),
                isCancelled: { false })
        }
        #expect(try samples(half).sequences.tokens == samples(rounded).sequences.tokens)
        #expect(try samples(half).logp == samples(rounded).logp)
        let exact = try frozen(.float32).forward(batch, [.logp])[0].floats
        #expect(distance(found[0].floats, exact) < (type == .bfloat16 ? 0.1 : 0.01))
        #expect(found[0].floats != exact)
    }

    @Test("an adapter over a base in 16 bits has the gradients that it has over the rounded base")
    func halfAdapter() throws {
        let half = try frozen(.bfloat16)
        let rounded = half.copy(trainable: false)
        var config = LoRAConfig()
        config.targets = .allLinear
        func pass(over base: any Network) throws -> (outputs: [[Float]], gradients: [[Float]]) {
            let base = try #require(base as? CausalLM)
            let network = try CausalLM(
                adapting: base, named: "base", config: config, head: .languageModel, generator: Generator(seed: 2))
            for parameter in network.parameters {
                parameter.tensor.copy(from: Tensor.normal(parameter.tensor.shape, generator: Generator(seed: 3)) * 0.1)
            }
            return try self.pass(network, [.logp, .entropy])
        }
        let (found, expected) = try (pass(over: half), pass(over: rounded))
        #expect(found.outputs == expected.outputs && found.gradients == expected.gradients)
    }

    @Test("a reward model's head of one row stays in float32")
    func head() throws {
        let network = try frozen(.float16, .score)
        #expect(network.parameters.first { $0.name == "score.weight" }?.tensor.dtype == .float32)
        #expect(try network.forward(batch, [.score])[0].floats.allSatisfy(\.isFinite))
    }
}
