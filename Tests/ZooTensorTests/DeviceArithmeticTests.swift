import Testing
import ZooBase
import ZooTensor

/// What is composed of libtorch's operators where the hand-written kernels of a CPU do not apply: on a GPU. In float64 the CPU takes the
/// same way.
@Suite("what a GPU computes otherwise")
struct DeviceArithmeticTests {
    @Test(
        "a draw is the token at which the probabilities, added up in integers, reach the number drawn",
        arguments: [(0, 1.0), (0, 0.7), (9, 1.0)])
    func drawn(topK: Int, topP: Double) {
        let (rows, count) = (64, 50)
        let generator = Generator(seed: 3)
        let logits = Tensor.normal([rows, count], generator: generator) * 2
        let uniform = Tensor.uniform([rows], generator: generator)
        let single = logits.sample(uniform: uniform, temperature: 0.8, topK: topK, topP: topP)
        let double = logits.to(.float64).sample(uniform: uniform.to(.float64), temperature: 0.8, topK: topK, topP: topP)
        #expect(double.tokens.integers == single.tokens.integers)
        let z = logits.doubles.map { $0 / 0.8 }
        for row in 0..<rows {
            let weights = z[row * count..<(row + 1) * count].map(exponential)
            let total = weights.reduce(0, +)
            let order = weights.indices.sorted { weights[$0] > weights[$1] }
            var (kept, mass) = (Set<Int>(), 0.0)
            for (rank, token) in order.enumerated() where (topK == 0 || rank < topK) && (topP == 1 || mass < topP * total) {
                kept.insert(token)
                mass += weights[token]
            }
            let goal = (1 - uniform.doubles[row]) * mass
            var reached = 0.0
            let expected = weights.indices.first { token in
                reached += kept.contains(token) ? weights[token] : 0
                return reached >= goal
            }
            #expect(double.tokens.integers[row] == expected)
        }
    }

    @Test("a decoding step sees a row's own columns with a mask as without one", arguments: [nil, 0.7])
    func maskedColumns(cap: Double?) {
        let generator = Generator(seed: 8)
        let (rows, columns, end) = (3, 21, 19)
        let q = Tensor.normal([rows, 2, 2, 8], generator: generator)
        let caches = (0..<2).map { _ in Tensor.normal([rows, 2, columns, 8], generator: generator) }
        for first in [[0, 5, 18], [0, 0, 0]] {
            func attended(_ type: DType) -> [Double] {
                let own = caches.map { $0.to(type) }
                return q.to(type).cachedAttention(
                    keys: own[0], values: own[1],
                    seen: SeenColumns(first: first, starts: Tensor(first), end: end, caches: own[0]), cap: cap
                ).doubles
            }
            let worst = zip(attended(.float32), attended(.float64)).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst < 1e-5, "\(first)")
        }
    }

    @Test("fused projections by a copy in bfloat16: products of rounded numbers, gradients in float32 of the weights themselves")
    func mixed() throws {
        let generator = Generator(seed: 9)
        let x = Tensor.normal([7, 32], generator: generator)
        let whole = Tensor.normal([20, 32], generator: generator)
        let bias = Tensor.normal([20], generator: generator)
        let seed = Tensor.normal([7, 20], generator: generator)
        func rounded(_ a: Tensor) -> Tensor { a.to(.bfloat16).to(.float32) }
        func leaf(_ a: Tensor) -> Tensor {
            let copy = a.clone()
            copy.requiresGrad = true
            return copy
        }
        let (input, parts) = (leaf(x), [leaf(whole.narrow(0, 0..<12)), leaf(whole.narrow(0, 12..<20))])
        let biases = [leaf(bias.narrow(0, 0..<12)), leaf(bias.narrow(0, 12..<20))]
        let output = input.linear(fused: whole.to(.bfloat16), parts: parts, bias: bias, biasParts: biases)
        #expect(output.dtype == .float32)
        backward([output], gradients: [seed])
        // A result is rounded once more, by at most 2^-9 of itself.
        func expect(_ found: Tensor?, _ expected: Tensor, _ what: String) throws {
            let (found, expected) = (try #require(found, "\(what)"), expected.doubles)
            #expect(found.dtype == .float32, "\(what)")
            for (a, b) in zip(found.doubles, expected) { #expect(abs(a - b) <= abs(b) / 256 + 1e-5, "\(what)") }
            #expect(found.count == expected.count, "\(what)")
        }
        let product = rounded(x).matmul(rounded(whole).transpose(0, 1))
        try expect(output - bias, product, "output")
        try expect(input.gradient, rounded(seed).matmul(rounded(whole)), "input")
        let weights = rounded(seed).transpose(0, 1).matmul(rounded(x))
        try expect(parts[0].gradient, weights.narrow(0, 0..<12), "first part")
        try expect(parts[1].gradient, weights.narrow(0, 12..<20), "second part")
        #expect(biases[1].gradient?.doubles == seed.sum(dim: 0).narrow(0, 12..<20).doubles)
        // Not what float32 gives: the copy is read.
        #expect(output.doubles != x.linear(whole, bias: bias).doubles)
    }

    @Test("every way of writing a tensor counts as a change, through views too")
    func changes() {
        let whole = Tensor.zeros([4, 2])
        let part = whole.narrow(0, 0..<2).detached()
        part.requiresGrad = true
        let before = whole.changes
        part.copy(from: .ones([2, 2]))
        #expect(whole.changes > before)
        backward([(part * 2).sum()], gradients: [Tensor([1] as [Float], shape: [])])
        for optimizer in [AdamW(parameters: [NamedTensor("part", part)]), SGD(parameters: [NamedTensor("part", part)])]
            as [any Optimizer]
        {
            let (changes, values) = (whole.changes, whole.floats)
            optimizer.step(learningRate: 0.1)
            #expect(whole.changes > changes && whole.floats != values)
        }
    }

    @Test("a GPU's kernels are asked to be deterministic and let go again; a CPU's device needs neither waiting nor that")
    func settings() throws {
        #expect(try Device("cpu") == .cpu)
        #expect(!Engine.isDeterministic)
        Device.cpu.synchronize()
        #expect(throws: TensorError.self) { try Device.cpu.memory() }
    }

    // MARK: - Memory

    @Test("a tensor that does not fit ends the process with one sentence")
    func outOfMemory() async {
        let result = await #expect(processExitsWith: .exitCode(70), observing: [\.standardErrorContent]) {
            Engine.configure(threads: 1)
            // More than a process can address.
            _ = Tensor.empty([1 << 46])
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("not enough memory: 262144.0 GiB were asked for (empty)"), "\(text)")
    }

    @Test("in a backward pass too, and whoever knows more says it")
    func ending() async {
        let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardErrorContent]) {
            Engine.configure(threads: 1)
            OutOfMemory.whenItHappens { shortage in
                StandardStream.complain("\(shortage.bytes ?? 0) by \(shortage.operation)")
                exitNow(3)
            }
            let one = Tensor.ones([1])
            one.requiresGrad = true
            let output = recomputed([one]) { inputs in
                [isGradEnabled ? (inputs[0] + Tensor.empty([1 << 46])) : inputs[0] * 2]
            }
            backward(output, gradients: [.ones([1])])
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("\(1 << 48) by empty"), "\(text)")
    }
}
