import Testing
import ZooModels
import ZooTensor

@Suite("generation")
struct GenerationTests {
    private static let prompts: [[Int32]] = [[1, 5, 9], [1], [3, 4, 5, 6, 7, 8, 9], [1, 5, 9], [2, 2, 4]]

    private func generate(
        _ network: CausalLM, _ settings: SamplerSettings, samples: Int = 6, seed: UInt64 = 5, prompts: [[Int32]] = prompts
    ) throws -> Generation {
        try network.generate(
            prompts: prompts, samplesPerPrompt: samples, settings: settings, generator: Generator(seed: seed),
            isCancelled: { false })
    }

    @Test(
        "what was recorded while sampling is what forward gives",
        arguments: [
            SamplerSettings(maxNewTokens: 24, endTokens: [7, 11]), SamplerSettings(maxNewTokens: 24, temperature: 0.6),
            SamplerSettings(maxNewTokens: 12, temperature: 1.4, topP: 0.8, topK: 9),
            SamplerSettings(maxNewTokens: 12, temperature: 0),
            SamplerSettings(maxNewTokens: 9, endTokens: [0, 1, 2, 3], minNewTokens: 6),
        ], [1, 2, 4])
    func agreement(settings: SamplerSettings, kvHeads: Int) throws {
        let network = try smallModel(kvHeads: kvHeads)
        let sampled = try generate(network, settings)
        let again = try network.forward(sampled.sequences, [.logp])[0].floats
        #expect(distance(sampled.logp, again) < 1e-4)
        #expect(sampled.sequences.count == 30)
    }

    @Test("what was recorded while sampling is what forward gives, in every family", arguments: Family.allCases)
    func families(family: Family) throws {
        let network = try smallModel(family)
        let sampled = try generate(network, SamplerSettings(maxNewTokens: 24, endTokens: [7, 11]))
        #expect(distance(sampled.logp, try network.forward(sampled.sequences, [.logp])[0].floats) < 1e-4)
        #expect(sampled.finished.contains(true) && sampled.finished.contains(false))
    }

    @Test(
        "reading the tokens of several steps at once draws what reading each does", arguments: [Family.llama, .mistral, .gemma2])
    func readSeldom(family: Family) throws {
        let network = try smallModel(family)
        var settings = SamplerSettings(maxNewTokens: 21, endTokens: [7, 11], minNewTokens: 2)
        for ends in [nil, { @Sendable (tokens: [Int32]) in tokens.suffix(2).reduce(0, +) % 9 == 0 }] {
            settings.ends = ends
            network.tokensPerRead = 1
            let each = try generate(network, settings)
            for count in [2, 8, 40] {
                network.tokensPerRead = count
                let found = try generate(network, settings)
                #expect(found.sequences.tokens == each.sequences.tokens && found.sequences.offsets == each.sequences.offsets)
                #expect(found.finished == each.finished && found.logp == each.logp)
            }
            #expect(each.finished.contains(true) && each.finished.contains(false))
        }
    }

    @Test("sequences hold their prompt, then at most the limit, and end at the first end token")
    func shape() throws {
        let settings = SamplerSettings(maxNewTokens: 20, endTokens: [7, 11])
        let sampled = try generate(try smallModel(), settings)
        for (index, finished) in sampled.finished.enumerated() {
            let prompt = Self.prompts[index / 6]
            let steps = sampled.sequences.steps(index)
            let tokens = Array(sampled.sequences.tokens[steps])
            let new = tokens.dropFirst(prompt.count)
            #expect(Array(tokens.prefix(prompt.count)) == prompt)
            #expect(sampled.sequences.mask[steps].map { $0 } == prompt.map { _ in false } + new.map { _ in true })
            let end = new.firstIndex { settings.endTokens.contains($0) }
            #expect(finished == (end != nil))
            #expect(end == nil ? new.count == 20 : end == tokens.count - 1)
        }
        #expect(sampled.finished.contains(true) && sampled.finished.contains(false))
    }

    @Test("the same generator state gives the same bits, another seed others")
    func determinism() throws {
        let network = try smallModel()
        let settings = SamplerSettings(maxNewTokens: 16, endTokens: [7])
        let first = try generate(network, settings)
        let second = try generate(network, settings)
        #expect(first.sequences.tokens == second.sequences.tokens)
        #expect(first.logp == second.logp)
        #expect(try generate(network, settings, seed: 6).sequences.tokens != first.sequences.tokens)
    }

    @Test("a sample does not change when others stop earlier")
    func independence() throws {
        let network = try smallModel()
        let free = try generate(network, SamplerSettings(maxNewTokens: 16))
        let ended = try generate(network, SamplerSettings(maxNewTokens: 16, endTokens: [3, 7, 11]))
        for index in 0..<free.sequences.count {
            let whole = free.sequences.tokens[free.sequences.steps(index)]
            let cut = ended.sequences.tokens[ended.sequences.steps(index)]
            #expect(Array(whole.prefix(cut.count)) == Array(cut))
        }
    }

    @Test("first tokens come as often as forward says")
    func frequencies() throws {
        let network = try smallModel()
        let count = 20_000
        let sampled = try generate(
            network, SamplerSettings(maxNewTokens: 1, temperature: 0.8), samples: count, prompts: [[1, 5]])
        var batch = Sequences(offsets: [0], tokens: [], mask: [])
        for token in 0..<29 {
            batch.tokens += [1, 5, Int32(token)]
            batch.mask += [false, false, true]
            batch.offsets.append(batch.tokens.count)
        }
        batch.temperature = [Float](repeating: 0.8, count: 29)
        let expected = try network.forward(batch, [.logp])[0].exp().doubles
        #expect(abs(expected.reduce(0, +) - 1) < 1e-5)
        var seen = [Double](repeating: 0, count: 29)
        for index in 0..<count { seen[Int(sampled.sequences.tokens[index * 3 + 2])] += 1 / Double(count) }
        // Four and a half standard errors of a share of one half.
        for token in 0..<29 { #expect(abs(seen[token] - expected[token]) < 0.016) }
    }

    @Test("cancelling stops with CancellationError")
    func cancellation() throws {
        var asked = 0
        #expect(throws: CancellationError.self) {
            try smallModel().generate(
                prompts: [[1]], samplesPerPrompt: 1, settings: SamplerSettings(maxNewTokens: 50), generator: Generator(seed: 1)
            ) {
                asked += 1
                return asked == 3
            }
        }
        #expect(asked == 3)
    }

    @Test(
        "settings and prompts out of range are refused by name",
        arguments: [
            (SamplerSettings(maxNewTokens: 4, temperature: -1), [[1]], "temperature is -1.0"),
            (SamplerSettings(maxNewTokens: 4, topP: 0), [[1]], "topP is 0.0"),
            (SamplerSettings(maxNewTokens: 4, topK: -2), [[1]], "topK is -2"),
            (SamplerSettings(maxNewTokens: 4, minNewTokens: 5), [[1]], "minNewTokens is 5"),
            (SamplerSettings(maxNewTokens: 4), [[1], []], "prompt 1 is empty"),
            (SamplerSettings(maxNewTokens: 4), [[1], [40]], "token 40"),
            (SamplerSettings(maxNewTokens: 96), [[1]], "longer than the model's 96"),
        ] as [(SamplerSettings, [[Int32]], String)])
    func refusals(settings: SamplerSettings, prompts: [[Int32]], says: String) throws {
        let error = #expect(throws: ModelError.self) { try generate(smallModel(), settings, prompts: prompts) }
        #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
    }
}
