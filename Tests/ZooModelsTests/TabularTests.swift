import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("tabular")
struct TabularTests {
    /// One prompt, two tokens, one step: π = (¼, ¾).
    private func coin() throws -> Tabular {
        try Tabular(config: TabularConfig(vocabularySize: 2, horizon: 1, prompts: 1), logits: [0, Float(log(3.0))])
    }

    private func random(_ config: TabularConfig, seed: UInt64 = 2) throws -> Tabular {
        let count = config.states * config.vocabularySize
        return try Tabular(config: config, logits: Tensor.normal([count], generator: Generator(seed: seed)).floats)
    }

    @Test("the optimum of a coin is what the closed form gives by hand")
    func optimumByHand() throws {
        // π_ref = (¼, ¾), r = (ln 9, 0), β = 1: weights (9/4, 3/4), Z = 3, π* = (¾, ¼).
        let found = Tabular.optimum(reference: try coin(), reward: [[log(9.0), 0]], beta: 1)
        #expect(abs(found.probabilities[0][0] - 0.75) < 1e-7)
        #expect(abs(found.logPartition[0] - log(3.0)) < 1e-7)
        // β = 2 halves the exponents: weights (3/4, 3/4), Z = 3/2, π* = (½, ½).
        let soft = Tabular.optimum(reference: try coin(), reward: [[log(9.0), 0]], beta: 2)
        #expect(abs(soft.probabilities[0][0] - 0.5) < 1e-7)
        #expect(abs(soft.logPartition[0] - log(1.5)) < 1e-7)
    }

    @Test("KL and expected reward of a coin, by hand")
    func exactQuantities() throws {
        let uniform = try Tabular.initialize(
            config: TabularConfig(vocabularySize: 2, horizon: 1, prompts: 1), head: .languageModel)
        let coin = try coin()
        #expect(abs(coin.exactKL(from: uniform) - (0.25 * log(0.5) + 0.75 * log(1.5))) < 1e-7)
        #expect(abs(uniform.exactKL(from: coin) - (0.5 * log(2) + 0.5 * log(2 / 3.0))) < 1e-7)
        #expect(coin.exactKL(from: coin) == 0)
        #expect(abs(coin.expectedReward([[4, 8]]) - 7) < 1e-6)
    }

    @Test("a prompt's value is its expected reward minus β KL, and β log Z(x) at the optimum")
    func exactValues() throws {
        let config = TabularConfig(vocabularySize: 3, horizon: 3, prompts: 2)
        let (policy, reference) = (try random(config), try random(config, seed: 5))
        let rewards = (0..<2).map { prompt in (0..<27).map { Double(($0 * 7 + prompt * 5) % 11) - 4 } }
        let values = policy.exactValues(reward: rewards, reference: reference, beta: 0.7)
        let first = (0..<2).map { values[policy.firstState(ofPrompt: $0)] }
        let expected = policy.expectedReward(rewards) - 0.7 * policy.exactKL(from: reference)
        #expect(abs((first[0] + first[1]) / 2 - expected) < 1e-9)
        // With one step and π = π*, every action is worth β log Z.
        let coin = try coin()
        let best = try Tabular(config: coin.config, logits: [Float(log(3.0)), 0])  // (¾, ¼), by hand above
        let soft = best.exactValues(reward: [[log(9.0), 0]], reference: coin, beta: 1)
        #expect(abs(soft[0] - log(3.0)) < 1e-6)
    }

    @Test("the exact table and forward agree on every completion")
    func forwardAgrees() throws {
        let config = TabularConfig(vocabularySize: 3, horizon: 3, prompts: 4)
        let network = try random(config)
        let exact = network.sequenceLogProbabilities()
        #expect(exact.allSatisfy { abs($0.reduce(0) { $0 + exp($1) } - 1) < 1e-9 })
        let batch = everyCompletion(config)
        let outputs = try network.forward(batch, [.score, .logp, .entropy])
        #expect(distance(outputs[0].floats, exact.joined().map(Float.init)) < 1e-5)
        #expect(outputs[1].count == 4 * 27 * 3)
    }

    @Test("entropy is that of the state's softmax, at the batch's temperature")
    func entropyAndTemperature() throws {
        // Logits (0, ln 3) at temperature ½ are (0, ln 9): π = (1/10, 9/10).
        let batch = Sequences(offsets: [0, 2], tokens: [0, 1], mask: [false, true], temperature: [0.5])
        let outputs = try coin().forward(batch, [.logp, .entropy])
        #expect(abs(outputs[0].item - log(0.9)) < 1e-6)
        #expect(abs(outputs[1].item + 0.1 * log(0.1) + 0.9 * log(0.9)) < 1e-6)
    }

    @Test("the policy gradient is e_a - π in the visited state and zero elsewhere")
    func gradient() throws {
        let network = try Tabular(
            config: TabularConfig(vocabularySize: 2, horizon: 2, prompts: 1), logits: [0, 0, 0, Float(log(3.0)), 0, 0])
        let logp = try network.forward(Sequences(offsets: [0, 3], tokens: [0, 0, 1], mask: [false, true, true]), [.logp])[0]
        backward([logp], gradients: [Tensor([1, 10] as [Float])])
        let expected: [Float] = [0.5, -0.5, -2.5, 2.5, 0, 0]
        #expect(distance(network.parameters[0].tensor.gradient?.floats ?? [], expected) < 1e-6)
    }

    @Test("samples follow the table, and their log-probabilities are forward's")
    func sampling() throws {
        let config = TabularConfig(vocabularySize: 3, horizon: 2, prompts: 2)
        let network = try random(config)
        let count = 20_000
        let sampled = try network.generate(
            prompts: [[0], [1]], samplesPerPrompt: count, settings: SamplerSettings(maxNewTokens: 2),
            generator: Generator(seed: 8),
            isCancelled: { false })
        #expect(distance(sampled.logp, try network.forward(sampled.sequences, [.logp])[0].floats) < 1e-5)
        for (prompt, exact) in network.sequenceProbabilities().enumerated() {
            var seen = [Double](repeating: 0, count: 9)
            for index in prompt * count..<(prompt + 1) * count {
                seen[Int(sampled.sequences.tokens[index * 3 + 1] * 3 + sampled.sequences.tokens[index * 3 + 2])] +=
                    1 / Double(count)
            }
            for completion in 0..<9 { #expect(abs(seen[completion] - exact[completion]) < 0.016) }
        }
    }

    @Test("values and scores are looked up by state and by completion")
    func lookUps() throws {
        let config = TabularConfig(vocabularySize: 2, horizon: 2, prompts: 2)
        let value = try Tabular.initialize(config: config, head: .value)
        let score = try Tabular.initialize(config: config, head: .score)
        value.parameters[0].tensor.copy(from: Tensor((0..<6).map(Float.init)))
        score.parameters[0].tensor.copy(from: Tensor((0..<8).map(Float.init)))
        // Prompt 1, then token 1, then token 0: states 3 (empty prefix) and 5 (prefix 1); completion 1·4 + 2.
        let batch = Sequences(offsets: [0, 3], tokens: [1, 1, 0], mask: [false, true, true])
        #expect(try value.forward(batch, [.value])[0].floats == [3, 5])
        #expect(try score.forward(batch, [.score])[0].floats == [6])
    }

    @Test("saved and loaded, a table is the same; a missing value table is zero")
    func files() throws {
        try withTemporaryFolder { folder in
            let config = TabularConfig(vocabularySize: 3, horizon: 2, prompts: 2)
            let network = try random(config)
            try network.save(to: folder)
            let again = try loadNetwork(from: folder, head: .languageModel, device: .cpu, trainable: true, generator: nil)
            #expect(again.parameters[0].tensor.floats == network.parameters[0].tensor.floats)
            let value = try loadNetwork(from: folder, head: .value, device: .cpu, trainable: true, generator: nil)
            #expect(value.parameters[0].tensor.floats == [Float](repeating: 0, count: 8))
        }
    }

    @Test("completions of another length, and unknown prompts, are refused")
    func refusals() throws {
        let network = try coin()
        for tokens in [[0, 1, 1], [1, 1]] as [[Int32]] {
            let batch = Sequences(offsets: [0, tokens.count], tokens: tokens, mask: tokens.indices.map { $0 > 0 })
            #expect(throws: ModelError.self) { try network.forward(batch, [.logp]) }
        }
        #expect(throws: ModelError.self) {
            try Tabular.initialize(config: TabularConfig(vocabularySize: 2, horizon: 5, prompts: 1), head: .languageModel)
        }
    }

    private func everyCompletion(_ config: TabularConfig) -> Sequences {
        var batch = Sequences(offsets: [0], tokens: [], mask: [])
        for prompt in 0..<config.prompts {
            for completion in 0..<config.completions {
                var digits: [Int32] = []
                var rest = completion
                for _ in 0..<config.horizon {
                    digits.insert(Int32(rest % config.vocabularySize), at: 0)
                    rest /= config.vocabularySize
                }
                batch.tokens += [Int32(prompt)] + digits
                batch.mask += [false] + digits.map { _ in true }
                batch.offsets.append(batch.tokens.count)
            }
        }
        return batch
    }
}
