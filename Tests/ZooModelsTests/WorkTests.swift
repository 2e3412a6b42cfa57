import Testing
import ZooModels
import ZooTensor

/// Speed without a clock: what a step asks for is the same on every machine, so a step that asks for more than it did is noticed.
@Suite("the work of a step")
struct WorkTests {
    /// Of the benchmark's smallest model: 4 layers of 128, a vocabulary of 2048; a group of 8 samples, 16 tokens and 64 more each.
    private func model() throws -> CausalLM {
        Engine.configure(threads: Engine.threads)  // which begins to count
        return try CausalLM.initialize(
            config: CausalLMConfig(
                vocabularySize: 2048, hiddenSize: 128, intermediateSize: 344, layers: 4, heads: 4, kvHeads: 4, maxPositions: 128),
            head: .languageModel, generator: Generator(seed: 1))
    }

    private func expect(_ work: Engine.Work, atMost most: Engine.Work, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            work.operators <= most.operators && work.allocations <= most.allocations && work.bytes <= most.bytes, "\(work)",
            sourceLocation: sourceLocation)
    }

    @Test("of sampling, scoring, a forward and backward pass and an update has its bounds")
    func bounds() throws {
        let network = try model()
        let optimizer = AdamW(parameters: network.parameters)
        var settings = SamplerSettings(maxNewTokens: 64)
        settings.endTokens = []
        let prompt = (0..<16).map { Int32($0 * 7 + 3) }
        var drawn: Generation?
        let generating = try Engine.work {
            drawn = try network.generate(
                prompts: [prompt], samplesPerPrompt: 8, settings: settings, generator: Generator(seed: 2), isCancelled: { false })
        }
        let batch = try #require(drawn).sequences
        let scoring = try Engine.work { _ = try withoutGrad { try network.forward(batch, [.logp])[0].floats } }
        func train() throws -> Engine.Work {
            try Engine.work {
                let logp = try network.forward(batch, [.logp])[0]
                backward([logp], gradients: [.ones(logp.shape)])
            }
        }
        _ = try train()
        let training = try train()
        let updating = Engine.work {
            clipGradientNorm(network.parameters, maxNorm: 1)
            optimizer.step(learningRate: 1e-3)
            optimizer.zeroGradients()
        }
        expect(generating, atMost: .init(operators: 3_300, allocations: 4_000, bytes: 30_000_000))
        expect(scoring, atMost: .init(operators: 66, allocations: 90, bytes: 30_500_000))
        expect(training, atMost: .init(operators: 67, allocations: 195, bytes: 62_000_000))
        expect(updating, atMost: .init(operators: 250, allocations: 335, bytes: 9_200_000))
    }
}
