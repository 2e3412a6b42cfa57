import Testing
import ZooTensor

@Suite("token log-probabilities")
struct TokenLogpTests {
    // 19 rows and 37 tokens: neither fills a vector register, and double precision takes the composed path.
    private static let rows = 19, width = 8, vocabulary = 37

    private struct Case {
        let hidden: [Float], weight: [Float], targets: [Int], inverse: [Float], a: [Float], b: [Float]

        init(seed: UInt64) {
            let generator = Generator(seed: seed)
            hidden = Tensor.normal([rows, width], generator: generator).floats
            weight = Tensor.normal([vocabulary, width], generator: generator).floats
            targets = (0..<rows).map { _ in generator.integer(below: vocabulary) }
            inverse = Tensor.uniform([rows], generator: generator).floats.map { 0.5 + $0 }
            a = Tensor.normal([rows], generator: generator).floats
            b = Tensor.normal([rows], generator: generator).floats
        }
    }

    /// Σ a logp + b entropy, written out in double precision.
    private static func loss(_ c: Case, cap: Double?, hidden: [Double], weight: [Double]) -> Double {
        var total = 0.0
        for row in 0..<rows {
            let logits = (0..<vocabulary).map { token in
                let logit = (0..<width).reduce(0.0) { $0 + hidden[row * width + $1] * weight[token * width + $1] }
                return (cap.map { $0 * hyperbolicTangent(logit / $0) } ?? logit) * Double(c.inverse[row])
            }
            let top = logits.max() ?? 0
            let lse = top + logNatural(logits.reduce(0) { $0 + exponential($1 - top) })
            let entropy = -logits.reduce(0) { $0 + exponential($1 - lse) * ($1 - lse) }
            total += Double(c.a[row]) * (logits[c.targets[row]] - lse) + Double(c.b[row]) * entropy
        }
        return total
    }

    @Test("gradients of logp and entropy agree with finite differences", arguments: [DType.float32, .float64], [nil, 2.5])
    func finiteDifferences(dtype: DType, cap: Double?) {
        let c = Case(seed: 7)
        let hidden = Tensor(c.hidden, shape: [Self.rows, Self.width]).to(dtype)
        let weight = Tensor(c.weight, shape: [Self.vocabulary, Self.width]).to(dtype)
        hidden.requiresGrad = true
        weight.requiresGrad = true
        let (logp, entropy) = hidden.tokenLogp(
            weight: weight, targets: Tensor(c.targets), inverseTemperature: Tensor(c.inverse).to(dtype), cap: cap,
            wantEntropy: true)
        guard let entropy else {
            Issue.record("entropy was asked for")
            return
        }
        let h = c.hidden.map(Double.init)
        let w = c.weight.map(Double.init)
        let value =
            zip(logp.doubles, c.a).reduce(0) { $0 + $1.0 * Double($1.1) }
            + zip(entropy.doubles, c.b).reduce(0) { $0 + $1.0 * Double($1.1) }
        let tolerance = dtype == .float32 ? 2e-5 : 1e-7
        #expect(abs(value - Self.loss(c, cap: cap, hidden: h, weight: w)) < tolerance * 5)
        backward([logp, entropy], gradients: [Tensor(c.a).to(dtype), Tensor(c.b).to(dtype)])

        let step = 1e-5
        for (tensor, isHidden) in [(hidden, true), (weight, false)] {
            let found = tensor.gradient?.doubles ?? []
            #expect(found.count == tensor.count)
            for index in found.indices {
                var up = isHidden ? h : w
                var down = up
                up[index] += step
                down[index] -= step
                let expected =
                    isHidden
                    ? (Self.loss(c, cap: cap, hidden: up, weight: w) - Self.loss(c, cap: cap, hidden: down, weight: w))
                        / (2 * step)
                    : (Self.loss(c, cap: cap, hidden: h, weight: up) - Self.loss(c, cap: cap, hidden: h, weight: down))
                        / (2 * step)
                #expect(abs(found[index] - expected) < tolerance)
            }
        }
    }

    @Test("without a wish for entropy, the log-probabilities are the same")
    func withoutEntropy() {
        let c = Case(seed: 8)
        let hidden = Tensor(c.hidden, shape: [Self.rows, Self.width])
        let weight = Tensor(c.weight, shape: [Self.vocabulary, Self.width])
        let both = hidden.tokenLogp(weight: weight, targets: Tensor(c.targets), inverseTemperature: nil, wantEntropy: true)
        let one = hidden.tokenLogp(weight: weight, targets: Tensor(c.targets), inverseTemperature: nil, wantEntropy: false)
        #expect(one.entropy == nil)
        #expect(one.logp.floats == both.logp.floats)
    }

    @Test("two likely tokens among many give ln ½ each and an entropy of ln 2, also for large logits")
    func extremeLogits() {
        let hidden = Tensor([1] as [Float], shape: [1, 1])
        let weight = Tensor([90, 90] + [Float](repeating: -90, count: 20), shape: [22, 1])
        let (logp, entropy) = hidden.tokenLogp(weight: weight, targets: Tensor([1]), inverseTemperature: nil, wantEntropy: true)
        #expect(abs(logp.item + 0.693147180559945) < 1e-6)
        #expect(abs((entropy?.item ?? 0) - 0.693147180559945) < 1e-6)
    }

    @Test("more rows than a chunk holds, or than are kept, give what one row at a time gives, with its gradients")
    func chunks() {
        let generator = Generator(seed: 9)
        // 2²³ / 100 000 is below the least chunk of 128 rows; 2²⁴ numbers are kept, which 168 rows exceed and 130 do not.
        let vocabulary = 100_000
        for rows in [130, 170] {
            let hidden = Tensor.normal([rows, 4], generator: generator)
            let weight = Tensor.normal([vocabulary, 4], generator: generator)
            let targets = (0..<rows).map { _ in generator.integer(below: vocabulary) }
            func gradients(_ h: Tensor, _ logp: (Tensor, Tensor) -> Tensor) -> [[Float]] {
                let leaves = [h.clone(), weight.clone()]
                for leaf in leaves { leaf.requiresGrad = true }
                let found = logp(leaves[0], leaves[1])
                backward([found], gradients: [.ones(found.shape)])
                return [found.floats] + leaves.map { $0.gradient?.floats ?? [] }
            }
            let all = gradients(hidden) {
                $0.tokenLogp(weight: $1, targets: Tensor(targets), inverseTemperature: nil, wantEntropy: false).logp
            }
            let whole = gradients(hidden) {
                $0.matmul($1.transpose(0, 1)).logSoftmax(dim: 1).gather(Tensor(targets).reshape([rows, 1]), dim: 1)
            }
            for (found, expected) in zip(all[0...1], whole[0...1]) {
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 3e-4 })
            }
            #expect(zip(all[2], whole[2]).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }
}
