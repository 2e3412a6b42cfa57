import Testing
import ZooModels
import ZooTensor

@Suite("parity with transformers")
struct TransformersParityTests {
    @Test("log-probabilities, entropies and every gradient are PyTorch's", arguments: languageModels)
    func languageModel(name: String) throws {
        let recorded = try Recorded(name)
        let network = try recorded.network(.languageModel)
        let outputs = try network.forward(recorded.batch, [.logp, .entropy, .score])
        let logp = try #require(recorded.numbers["logp"]).floats
        #expect(distance(outputs[0].floats, logp) < 2e-5)
        #expect(distance(outputs[1].floats, try #require(recorded.numbers["entropy"]).floats) < 2e-5)

        let masked = (0..<recorded.batch.count).map { recorded.batch.mask[recorded.batch.steps($0)].count { $0 } }
        var next = 0
        let sums = masked.map { count in
            defer { next += count }
            return logp[next..<next + count].reduce(0, +)
        }
        #expect(distance(outputs[2].floats, sums) < 1e-4)

        backward(
            Array(outputs.prefix(2)),
            gradients: [try #require(recorded.numbers["logp_weight"]), try #require(recorded.numbers["entropy_weight"])])
        #expect(recorded.wrongGradients(network) == [])
    }

    @Test("logits agree within 1e-4", arguments: languageModels)
    func logits(name: String) throws {
        let recorded = try Recorded(name)
        let network = try recorded.network(.languageModel, trainable: false)
        let expected = try #require(recorded.numbers["logits"]).logSoftmax(dim: 1)
        // Every token of the vocabulary in turn as the next step reads off every log-probability; logits differ from these by
        // a constant per step, which no output can see.
        for token in 0..<37 {
            var batch = Sequences(offsets: [0], tokens: [], mask: [])
            for index in 0..<recorded.batch.count {
                let tokens = recorded.batch.tokens[recorded.batch.steps(index)]
                batch.tokens += tokens + [Int32(token)]
                batch.mask += Array(repeating: false, count: tokens.count) + [true]
                batch.offsets.append(batch.tokens.count)
            }
            let last = Tensor((1...recorded.batch.count).map { recorded.batch.offsets[$0] - 1 })
            let wanted = expected.select(last).narrow(1, token..<token + 1).floats
            #expect(distance(try network.forward(batch, [.logp])[0].floats, wanted) < 1e-4)
        }
    }

    @Test("values of a token-classification model, and their gradients, are PyTorch's")
    func value() throws {
        let recorded = try Recorded("value")
        let network = try recorded.network(.value)
        let value = try network.forward(recorded.batch, [.value])[0]
        #expect(distance(value.floats, try #require(recorded.numbers["value"]).floats) < 2e-5)
        backward([value], gradients: [try #require(recorded.numbers["value_weight"])])
        #expect(recorded.wrongGradients(network) == [])
    }

    @Test("scores of a sequence-classification model, and their gradients, are PyTorch's")
    func score() throws {
        let recorded = try Recorded("score")
        let network = try recorded.network(.score)
        let score = try network.forward(recorded.batch, [.score])[0]
        #expect(distance(score.floats, try #require(recorded.numbers["score"]).floats) < 2e-5)
        backward([score], gradients: [try #require(recorded.numbers["score_weight"])])
        #expect(recorded.wrongGradients(network) == [])
    }

    @Test("greedy continuations are transformers', prompts of different lengths together", arguments: languageModels)
    func greedy(name: String) throws {
        let recorded = try Recorded(name)
        let network = try #require(try recorded.network(.languageModel) as? CausalLM)
        let prompts = (0..<recorded.batch.count).map { Array(recorded.batch.tokens[recorded.batch.steps($0)]) }
        // `transformers` was told not to end before its eight tokens, which bars the end token.
        let settings = SamplerSettings(maxNewTokens: 8, temperature: 0, endTokens: [2], minNewTokens: 8)
        let found = try network.generate(
            prompts: prompts, samplesPerPrompt: 1, settings: settings, generator: Generator(seed: 1), isCancelled: { false })
        let continuations = (0..<prompts.count).flatMap { index in
            found.sequences.tokens[found.sequences.steps(index)].dropFirst(prompts[index].count).map(Int.init)
        }
        #expect(continuations == (try #require(recorded.numbers["greedy"])).integers)
    }

    @Test("a text ends at any of the tokens that generation_config.json names, as in transformers")
    func endTokens() throws {
        let recorded = try Recorded("qwen2")
        let network = try #require(try recorded.network(.languageModel, trainable: false) as? CausalLM)
        #expect(network.config.eosTokens == [2])
        #expect(network.endTokens.count == 2)
        let prompts = (0..<recorded.batch.count).map { Array(recorded.batch.tokens[recorded.batch.steps($0)]) }
        let found = try network.generate(
            prompts: prompts, samplesPerPrompt: 1,
            settings: SamplerSettings(maxNewTokens: 8, temperature: 0, endTokens: network.endTokens),
            generator: Generator(seed: 1), isCancelled: { false })
        let ended = prompts.indices.map {
            found.sequences.tokens[found.sequences.steps($0)].dropFirst(prompts[$0].count).map(Int.init)
        }
        #expect(Array(ended.joined()) == (try #require(recorded.numbers["ended"])).integers)
        #expect(ended.map(\.count) == (try #require(recorded.numbers["ended_lengths"])).integers)
        #expect(found.finished.contains(true) && found.finished.contains(false))
    }
}
