import Testing
import ZooTensor

@Suite("tensors")
struct TensorTests {
    @Test("gradients flow to leaves and add up")
    func gradients() {
        let x = Tensor([1, 2, 3] as [Float])
        x.requiresGrad = true
        for _ in 0..<2 { backward([(x * x).sum()], gradients: [.ones([])]) }
        #expect(x.gradient?.floats == [4, 8, 12])
        x.clearGradient()
        #expect(x.gradient == nil)
    }

    @Test("withoutGrad records nothing and restores the setting when its body throws")
    func withoutGradient() {
        struct Stop: Error {}
        let x = Tensor.ones([2])
        x.requiresGrad = true
        #expect(withoutGrad { (x * 2).requiresGrad } == false)
        #expect(throws: Stop.self) { try withoutGrad { throw Stop() } }
        #expect(isGradEnabled)
        #expect((x * 2).requiresGrad)
    }

    @Test("a generator's state continues the same stream, and the same seed gives the same bits")
    func generatorState() throws {
        let first = Generator(seed: 11)
        _ = Tensor.normal([33], generator: first)
        let state = first.state
        let expected = Tensor.normal([17], generator: first).floats + [Float(first.integer(below: 1000))]
        let second = Generator(seed: 99)
        try second.restore(state)
        #expect(Tensor.normal([17], generator: second).floats + [Float(second.integer(below: 1000))] == expected)
        #expect(
            Tensor.uniform([5], generator: Generator(seed: 3)).floats == Tensor.uniform([5], generator: Generator(seed: 3)).floats
        )
        #expect(throws: TensorError.self) { try second.restore(Array(state.dropLast())) }
    }

    @Test("sampling draws each token as often as its probability says")
    func samplingFrequencies() {
        let count = 40_000
        let logits = Tensor([0.1, 0.2, 0.3, 0.4].map { Float(logNatural($0)) }, shape: [1, 4]).select(
            Tensor([Int](repeating: 0, count: count)))
        let (tokens, logp) = logits.sample(
            uniform: .uniform([count], generator: Generator(seed: 5)), temperature: 1, topK: 0, topP: 1)
        for token in 0..<4 {
            let share = Double(tokens.integers.count { $0 == token }) / Double(count)
            // Four standard errors of a share near 0.4 are 0.01.
            #expect(abs(share - Double(token + 1) / 10) < 0.01)
        }
        for (token, value) in zip(tokens.integers, logp.floats).prefix(50) {
            #expect(abs(exponential(Double(value)) - Double(token + 1) / 10) < 1e-5)
        }
    }

    @Test("top-k, top-p and temperature 0 keep the likeliest and report the uncut log-probability")
    func cuts() {
        let logits = Tensor([0.1, 0.2, 0.3, 0.4].map { Float(logNatural($0)) }, shape: [1, 4]).select(
            Tensor([Int](repeating: 0, count: 500)))
        let uniform = Tensor.uniform([500], generator: Generator(seed: 6))
        func seen(_ temperature: Double, _ k: Int, _ p: Double) -> Set<Int> {
            Set(logits.sample(uniform: uniform, temperature: temperature, topK: k, topP: p).tokens.integers)
        }
        #expect(seen(0, 0, 1) == [3])
        #expect(seen(1, 2, 1) == [2, 3])
        #expect(seen(1, 0, 0.6) == [2, 3])
        #expect(seen(1, 0, 0.05) == [3])
        #expect(seen(1, 0, 1) == [0, 1, 2, 3])
        let logp = logits.sample(uniform: uniform, temperature: 0, topK: 1, topP: 1).logp.floats
        #expect(abs(exponential(Double(logp[0])) - 0.4) < 1e-6)
    }

    @Test(
        "draws are at the place in the running sum of probabilities, of few tokens and of many", arguments: [7, 16, 1000, 5003])
    func runningSum(count: Int) {
        let generator = Generator(seed: 11)
        let logits = Tensor.normal([40, count], generator: generator) * 2
        let uniform = Tensor.uniform([40], generator: generator)
        let (tokens, logp) = logits.sample(uniform: uniform, temperature: 0.5, topK: 0, topP: 1)
        let all = logits.doubles.map { $0 * 2 }
        for row in 0..<40 {
            let z = all[row * count..<(row + 1) * count].map(exponential)
            let total = z.reduce(0, +)
            let token = tokens.integers[row]
            let below = z[..<token].reduce(0, +) / total
            let goal = 1 - Double(uniform.floats[row])
            #expect(below - 1e-5 < goal && goal < below + z[token] / total + 1e-5)
            #expect(abs(Double(logp.floats[row]) - logNatural(z[token] / total)) < 1e-4)
        }
        let greedy = logits.sample(uniform: uniform, temperature: 0, topK: 0, topP: 1)
        #expect(greedy.tokens.integers == logits.argmax(dim: 1).integers)
    }

    @Test("logits that are no numbers give no log-probability", arguments: [Float.nan, .infinity])
    func brokenLogits(value: Float) {
        var numbers = [Float](repeating: 0.5, count: 40)
        numbers[17] = value
        let logits = Tensor(numbers + [Float](repeating: -.infinity, count: 40), shape: [2, 40])
        let drawn = logits.sample(uniform: Tensor([0.3, 0.3] as [Float]), temperature: 1, topK: 0, topP: 1)
        #expect(drawn.logp.floats.allSatisfy { $0.isNaN })
    }

    @Test("a token of probability zero is never drawn, at either end of the unit interval")
    func zeroProbability() {
        let logits = Tensor([-.infinity, 0, -.infinity] as [Float], shape: [1, 3]).select(Tensor([0, 0]))
        let drawn = logits.sample(uniform: Tensor([0, 0.99999994] as [Float]), temperature: 1, topK: 0, topP: 1)
        #expect(drawn.tokens.integers == [1, 1])
    }

    @Test("devices are parsed, and unknown or absent ones refused")
    func devices() throws {
        #expect(try Device("cpu") == .cpu)
        for text in ["gpu", "cuda:", "cuda:-1", "cuda:x", ""] {
            let error = #expect(throws: TensorError.self) { try Device(text) }
            #expect(error?.description.contains("device is \"\(text)\"") == true)
        }
    }

    @Test("misuse stops with one message that names the operator and the shapes")
    func misuse() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.ones([2, 3]).matmul(Tensor.ones([2, 3]))
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("matmul(Tensor[2, 3] float32 cpu, Tensor[2, 3] float32 cpu)"))
    }

    @Test("every handle is freed")
    func handles() async {
        await #expect(processExitsWith: .success) {
            let before = Tensor.liveHandles
            for _ in 0..<20 {
                let x = Tensor.ones([4, 16])
                x.requiresGrad = true
                let y = x.rmsNorm(.ones([16]), eps: 1e-6).swiGLU().matmul(.ones([8, 3]))
                let (logp, entropy) = y.tokenLogp(
                    weight: .ones([5, 3]), targets: Tensor([0, 1, 2, 3]), inverseTemperature: nil, wantEntropy: true)
                backward([logp, entropy ?? logp], gradients: [.ones([4]), .ones([4])])
                clipGradientNorm([NamedTensor("x", x)], maxNorm: 1)
                let optimizer = AdamW(parameters: [NamedTensor("x", x)])
                optimizer.step(learningRate: 0.1)
                _ = optimizer.state
                _ = Generator(seed: 1).state
            }
            precondition(Tensor.liveHandles == before, "\(Tensor.liveHandles - before) handles leaked")
        }
    }
}
