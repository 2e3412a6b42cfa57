import Foundation
import Testing
import ZooModels
import ZooTensor

@Suite("causal-lm")
struct CausalLMTests {
    @Test("a batch of mixed lengths gives what each sequence gives alone", arguments: Family.allCases)
    func packing(family: Family) throws {
        let network = try smallModel(family)
        let lengths = [3, 17, 9, 9, 2, 30, 29, 1, 12]
        let batch = randomBatch(lengths, vocabulary: 29, prompt: 2)
        let together = try network.forward(batch, [.logp, .entropy])
        var logp: [Float] = []
        var entropy: [Float] = []
        for index in lengths.indices where lengths[index] > 2 {
            let steps = batch.steps(index)
            let one = Sequences(offsets: [0, steps.count], tokens: Array(batch.tokens[steps]), mask: Array(batch.mask[steps]))
            let outputs = try network.forward(one, [.logp, .entropy])
            logp += outputs[0].floats
            entropy += outputs[1].floats
        }
        #expect(distance(together[0].floats, logp) < 2e-5)
        #expect(distance(together[1].floats, entropy) < 2e-5)
    }

    /// Two prompts, of which the first also begins the second, with samples in no order; each sequence of it alone.
    private func groups() -> (Sequences, alone: [Sequences]) {
        let generator = Generator(seed: 5)
        func words(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32(generator.integer(below: 29)) } }
        let first = words(5)
        let prompts = [first, first + words(4)]
        let alone = [(0, 4), (1, 9), (0, 1), (0, 12), (1, 9), (1, 2)].map { prompt, count in
            let tokens = prompts[prompt] + words(count)
            return Sequences(
                offsets: [0, tokens.count], tokens: tokens, mask: tokens.indices.map { $0 >= prompts[prompt].count })
        }
        let offsets = alone.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.stepCount) }
        return (Sequences(offsets: offsets, tokens: alone.flatMap(\.tokens), mask: alone.flatMap(\.mask)), alone)
    }

    @Test(
        "what samples of one prompt begin with is computed once, to the same outputs and gradients", arguments: Family.allCases,
        [Head.languageModel, .value, .score])
    func sharedPrompts(family: Family, head: Head) throws {
        let (batch, alone) = groups()
        let output = head == .languageModel ? NetworkOutput.logp : head == .value ? .value : .score
        func pass(_ batches: [Sequences]) throws -> (outputs: [Float], gradients: [[Float]]) {
            let network = try smallModel(family, head)
            // A fresh value head is zeros.
            for parameter in network.parameters where parameter.tensor.shape == [1, 16] {
                withoutGrad { parameter.tensor.copy(from: .normal([1, 16], generator: Generator(seed: 8))) }
            }
            let outputs = try batches.map { try network.forward($0, [output])[0] }
            var seeds = (0..<batch.stepCount).map { Float($0 % 7) - 2.5 }[...]
            backward(
                outputs,
                gradients: outputs.map { output in
                    defer { seeds = seeds.dropFirst(output.count) }
                    return Tensor(Array(seeds.prefix(output.count)))
                })
            return (outputs.flatMap(\.floats), network.parameters.map { $0.tensor.gradient?.floats ?? [] })
        }
        let together = try pass([batch])
        let apart = try pass(alone)
        #expect(distance(together.outputs, apart.outputs) < 2e-5)
        for (one, other) in zip(together.gradients, apart.gradients) {
            #expect(distance(one, other) < 1e-5 * (1 + (other.map(abs).max() ?? 0)))
        }
        let network = try smallModel(family, head)
        let most = alone.reduce(0) { $0 + network.forwardFLOPs($1, [output]) }
        #expect(network.forwardFLOPs(batch, [output]) < 0.85 * most)
        #expect(network.backwardFLOPs(batch, [output]) == 2 * network.forwardFLOPs(batch, [output]))
    }

    @Test("a step's output does not depend on the steps after it", arguments: Family.allCases)
    func causality(family: Family) throws {
        let network = try smallModel(family)
        var batch = randomBatch([12, 12], vocabulary: 29)
        let before = try network.forward(batch, [.logp])[0].floats
        batch.tokens[11] = (batch.tokens[11] + 1) % 29
        let after = try network.forward(batch, [.logp])[0].floats
        #expect(distance(Array(before[0..<10]), Array(after[0..<10])) < 1e-6)
        #expect(before[10] != after[10])
        #expect(distance(Array(before[11...]), Array(after[11...])) < 1e-6)
    }

    @Test("nothing masked gives nothing, and a score of zero")
    func nothingMasked() throws {
        let network = try smallModel()
        let outputs = try network.forward(randomBatch([4, 6], vocabulary: 29, prompt: 9), [.logp, .score])
        #expect(outputs[0].count == 0)
        #expect(outputs[1].floats == [0, 0])
    }

    @Test("a reward model judges a sequence at its last step that is no padding; what follows does not count")
    func lastStep() throws {
        let fresh = try smallModel(.score)
        func network(pad: Int32?) throws -> CausalLM {
            var config = fresh.config
            config.padToken = pad
            return try CausalLM(
                config: config, head: .score,
                tensors: Dictionary(uniqueKeysWithValues: fresh.parameters.map { ($0.name, $0.tensor) }), device: .cpu,
                trainable: false)
        }
        func score(_ tokens: [Int32], pad: Int32?) throws -> Float {
            let one = Sequences(offsets: [0, tokens.count], tokens: tokens, mask: tokens.map { _ in false })
            return try network(pad: pad).forward(one, [.score])[0].floats[0]
        }
        let text: [Int32] = [4, 7, 0, 9, 5]
        #expect(try score(text + [0, 0], pad: 0) == score(text, pad: 0))
        #expect(try score(text, pad: 0) == score(text, pad: nil))
        #expect(try score(text + [0, 0], pad: nil) != score(text, pad: nil))
        #expect(try score([0, 0], pad: 0) == score([0], pad: nil))
    }

    @Test("a reward model that pools the mean gives the mean of its scalar over the steps")
    func meanPooling() throws {
        let pointwise = try smallModel(.score)
        var config = pointwise.config
        config.pooling = .mean
        let network = try CausalLM(
            config: config, head: .score,
            tensors: Dictionary(uniqueKeysWithValues: pointwise.parameters.map { ($0.name, $0.tensor) }), device: .cpu,
            trainable: false)
        let batch = randomBatch([5, 8, 5], vocabulary: 29)
        let scores = try network.forward(batch, [.score])[0].floats
        for index in 0..<3 {
            let tokens = Array(batch.tokens[batch.steps(index)])
            // The last-pooled score of each prefix is the scalar of its last step.
            let prefixes = try (1...tokens.count).map { count in
                let one = Sequences(
                    offsets: [0, count], tokens: Array(tokens.prefix(count)), mask: Array(repeating: false, count: count))
                return try pointwise.forward(one, [.score])[0].item
            }
            #expect(abs(Double(scores[index]) - prefixes.reduce(0, +) / Double(prefixes.count)) < 1e-5)
        }
    }

    @Test("a value head on a shared trunk trains the trunk unless it is detached", arguments: [false, true])
    func sharedTrunk(detach: Bool) throws {
        let trunk = try smallModel()
        let head = ValueHead(trunk: trunk, detach: detach)
        let batch = randomBatch([6, 9], vocabulary: 29)
        #expect(try head.forward(batch, [.value])[0].floats == [Float](repeating: 0, count: 13))
        head.parameters[0].tensor.fill(0.3)
        let value = try head.forward(batch, [.value])[0]
        backward([value], gradients: [.ones([13])])
        #expect(head.parameters.map(\.name) == ["score.weight", "score.bias"])
        #expect(head.parameters[1].tensor.gradient?.floats == [13])
        #expect((trunk.parameters[0].tensor.gradient == nil) == detach)
        try withTemporaryFolder { folder in
            try head.save(to: folder)
            let again = try ValueHead.load(from: folder, trunk: trunk)
            #expect(try again.forward(batch, [.value])[0].floats == value.floats)
        }
    }

    @Test("a copy has weights of its own")
    func copies() throws {
        let network = try smallModel()
        let batch = randomBatch([7], vocabulary: 29)
        let copy = network.copy(trainable: false)
        let before = try copy.forward(batch, [.logp])[0].floats
        for parameter in network.parameters { parameter.tensor.fill(0.01) }
        #expect(try copy.forward(batch, [.logp])[0].floats == before)
        #expect(try network.forward(batch, [.logp])[0].floats != before)
        #expect(copy.parameters.allSatisfy { !$0.tensor.requiresGrad })
    }

    @Test("an optimizer step on the named parameters moves what the fused projections compute")
    func fusedParametersTrain() throws {
        let network = try smallModel()
        let batch = randomBatch([9, 9], vocabulary: 29)
        let optimizer = AdamW(parameters: network.parameters)
        let before = try network.forward(batch, [.score])[0]
        backward([before], gradients: [.ones([2])])
        #expect(network.parameters.allSatisfy { $0.tensor.gradient != nil })
        optimizer.step(learningRate: -0.001)
        #expect(try network.forward(batch, [.score])[0].sum().item > before.sum().item + 0.1)
        // The same weights through a fresh network, which fuses them anew.
        let fresh = network.copy(trainable: false)
        #expect(distance(try fresh.forward(batch, [.logp])[0].floats, try network.forward(batch, [.logp])[0].floats) == 0)
    }

    @Test("operations are counted: one layer of known size, by hand")
    func operations() throws {
        let network = try CausalLM.initialize(
            config: CausalLMConfig(vocabularySize: 10, hiddenSize: 4, intermediateSize: 6, layers: 1, heads: 2, kvHeads: 1),
            head: .languageModel, generator: Generator(seed: 1))
        // Four steps, the last one masked: three inputs, one row of logits. Weights of the layer: q 16, k 8, v 8, o 16, mlp 72.
        let batch = Sequences(offsets: [0, 4], tokens: [1, 2, 3, 4], mask: [false, false, false, true])
        // Attention: 3 · 4 / 2 pairs, two products of 4, two operations each: 96.
        // The only layer goes on after attention for the one row that is needed.
        #expect(network.forwardFLOPs(batch, [.logp]) == Double(2 * 32 * 3 + 2 * 88 + 96 + 2 * 4 * 10))
        // Blocks that are computed again in the backward pass, without the output layer.
        #expect(network.recomputedFLOPs(batch, [.logp]) == Double(2 * 32 * 3 + 2 * 88 + 96))
        // Two sequences of three inputs each that begin with the step 1: it is computed for the first of them alone.
        let pair = Sequences(
            offsets: [0, 4, 8], tokens: [1, 2, 3, 4, 1, 2, 5, 6], mask: [false, false, true, true, false, false, true, true])
        #expect(network.forwardFLOPs(pair, [.logp]) == Double(2 * 32 * (3 + 2) + 2 * 88 * 4 + 2 * 96 + 4 * 2 * 4 * 10))
        // Two samples of the prompt [1, 2], which is read once (its second row alone to the end): of their new tokens [3, 4] and [3, 5]
        // each 3 is read, at position 3 of 3; each token is drawn from logits, the first of both from the same.
        let drawn = Sequences(
            offsets: [0, 4, 8], tokens: [1, 2, 3, 4, 1, 2, 3, 5], mask: [false, false, true, true, false, false, true, true])
        let prompt = 2 * 32 * 2 + 2 * 88 + 3 * 16 + 80
        #expect(network.prefillFLOPs(drawn) == Double(prompt))
        #expect(network.generationFLOPs(drawn) == Double(2 * (2 * 120 + 3 * 16 + 80)))
    }

    @Test("operations are counted: windows and a feed-forward without a gate, by hand")
    func familyOperations() throws {
        func network(_ family: Family, window: Int? = nil) throws -> CausalLM {
            var config = CausalLMConfig(
                family: family, vocabularySize: 10, hiddenSize: 4, intermediateSize: 6, layers: 1, heads: 2)
            config.slidingWindow = window
            return try .initialize(config: config, head: .languageModel, generator: Generator(seed: 1))
        }
        let batch = Sequences(offsets: [0, 5], tokens: [1, 2, 3, 4, 5], mask: [false, false, false, false, true])
        // Four inputs: their queries, keys and values (3 · 16 weights); one row to the end (16, and two or three matrices of 24).
        // Of keys they see 1, 2, 3, 4: 10 pairs, two products of 4 each; with a window of 2 they see 1, 2, 2, 2: 7 pairs.
        #expect(try network(.gpt2).forwardFLOPs(batch, [.logp]) == Double(2 * 48 * 4 + 2 * (16 + 48) + 16 * 10 + 80))
        #expect(try network(.mistral).forwardFLOPs(batch, [.logp]) == Double(2 * 48 * 4 + 2 * (16 + 72) + 16 * 10 + 80))
        #expect(
            try network(.mistral, window: 2).forwardFLOPs(batch, [.logp]) == Double(2 * 48 * 4 + 2 * (16 + 72) + 16 * 7 + 80))
        // Drawn after two of prompt: the prompt's 3 pairs are inside of the window; two more tokens are read and see 2 keys each.
        let drawn = Sequences(offsets: [0, 5], tokens: [1, 2, 3, 4, 5], mask: [false, false, true, true, true])
        let prompt = 2 * 48 * 2 + 2 * (16 + 72) + 16 * 3 + 80
        #expect(try network(.mistral, window: 2).prefillFLOPs(drawn) == Double(prompt))
        #expect(try network(.mistral, window: 2).generationFLOPs(drawn) == Double(2 * (2 * 136 + 16 * 2 + 80)))
    }

    @Test(
        "a batch that cannot be is refused in a sentence",
        arguments: [
            (Sequences(offsets: [0, 2], tokens: [1, 2], mask: [true, false]), "the first step of sequence 0 is masked"),
            (Sequences(offsets: [0, 3], tokens: [1, 2], mask: [false, true]), "offsets must run from 0"),
            (Sequences(offsets: [0, 2], tokens: [1, 29], mask: [false, true]), "step 1 has token 29"),
            (Sequences(offsets: [0, 2], tokens: [1, -1], mask: [false, true]), "step 1 has token -1"),
            (Sequences(offsets: [0, 2], tokens: [1, 2], mask: [false, true], temperature: [0]), "temperature of sequence 0"),
            (Sequences(offsets: [0, 2], tokens: [1, 2], mask: [false, true], temperature: []), "one temperature per sequence"),
            (randomBatch([98], vocabulary: 29), "longer than the model's 96"),
        ])
    func refusedBatches(batch: Sequences, says: String) throws {
        let network = try smallModel()
        let error = #expect(throws: ModelError.self) { try network.forward(batch, [.logp]) }
        #expect(error?.description.contains(says) == true)
    }

    @Test("an output that the head does not have is refused")
    func refusedOutput() throws {
        let network = try smallModel(.value)
        let error = #expect(throws: ModelError.self) { try network.forward(randomBatch([3], vocabulary: 29), [.logp]) }
        #expect(error?.description.contains("no output logp") == true)
    }
}
