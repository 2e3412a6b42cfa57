import Foundation
import Testing
import ZooTensor

/// The hand-written float32 kernels against libtorch's own operators in double precision, values and gradients.
@Suite("transformer operators")
struct TransformerOperatorTests {
    /// Runs `operation` in both precisions on `inputs` and compares outputs and the inputs' gradients.
    private func compare(_ inputs: [Tensor], tolerance: Double = 2e-5, _ operation: ([Tensor], DType) -> [Tensor]) {
        var found: [[Double]] = []
        var expected: [[Double]] = []
        for dtype in [DType.float32, .float64] {
            let leaves = inputs.map { $0.to(dtype).clone() }
            for leaf in leaves { leaf.requiresGrad = true }
            let outputs = operation(leaves, dtype)
            let generator = Generator(seed: 77)
            backward(outputs, gradients: outputs.map { .normal($0.shape, generator: generator).to(dtype) })
            let numbers = outputs.map(\.doubles) + leaves.map { $0.gradient?.doubles ?? [] }
            if dtype == .float32 { found = numbers } else { expected = numbers }
        }
        for (a, b) in zip(found, expected) {
            #expect(a.count == b.count)
            let worst = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1) / (1 + abs($1.1))) }
            #expect(worst < tolerance)
        }
    }

    @Test("RMSNorm", arguments: [(300, 24), (5, 16), (1, 7)])
    func rmsNorm(rows: Int, width: Int) {
        let generator = Generator(seed: 1)
        compare([.normal([rows, width], generator: generator), .normal([width], generator: generator)], tolerance: 1e-4) {
            inputs, _ in
            [inputs[0].rmsNorm(inputs[1], eps: 1e-5)]
        }
    }

    @Test("SwiGLU, also where the gate is far from zero", arguments: [(70, 23), (3, 16)])
    func swiGLU(rows: Int, width: Int) {
        compare([.normal([rows, 2 * width], generator: Generator(seed: 2)) * 12]) { inputs, _ in [inputs[0].swiGLU()] }
    }

    @Test(
        "rotary heads with shared keys, packed evenly, with padding and with rows of both sequences, turned whole, in part and not",
        arguments: [nil, [0, 1, 2, 3, 4, 5, 6, 7, -1, -1], [0, 1, 2, 3, 4, 5, 0, 1, 6, 7, -1, -1]], [3, 2, 0])
    func rotaryHeads(rows: [Int]?, turned: Int) {
        // Two sequences of 4 steps, of 5 and 3, of 6 and 4 that begin alike; 4 heads of width 6 over 2 shared keys.
        let longest = (rows?.count ?? 8) / 2
        let angles = Tensor.normal([8, turned], generator: Generator(seed: 4)).floats
        compare([.normal([8, 8 * 6], generator: Generator(seed: 3))]) { inputs, dtype in
            let cosine = Tensor(angles.map { Float(cos(Double($0))) }, shape: [8, turned]).to(dtype)
            let sine = Tensor(angles.map { Float(sin(Double($0))) }, shape: [8, turned]).to(dtype)
            let (q, k, v) = inputs[0].rotaryHeads(
                rows: rows.map { Tensor($0) }, cosine: cosine, sine: sine, batch: 2, length: longest, heads: 4, kvHeads: 2)
            #expect(q.shape == [2, 4, longest, 6])
            return [q.contiguous(), k.contiguous(), v.contiguous()]
        }
    }

    @Test(
        "attention with a scale and a bound of its own, a query of the cache like the last of its sequence",
        arguments: [nil, 0.7])
    func boundedAttention(cap: Double?) {
        let generator = Generator(seed: 6)
        let inputs = (0..<3).map { _ in Tensor.normal([2, 3, 5, 6], generator: generator) }
        let (q, k, v) = (inputs[0].doubles, inputs[1].doubles, inputs[2].doubles)
        let found = inputs[0].causalAttention(inputs[1], inputs[2], window: 3, scale: 0.4, cap: cap).contiguous().doubles
        let cached = inputs[0].narrow(2, 4..<5).reshape([2, 3, 1, 6]).cachedAttention(
            keys: inputs[1], values: inputs[2],
            seen: SeenColumns(first: [2, 2], starts: Tensor([2, 2]), end: 5, caches: inputs[1]), scale: 0.4, cap: cap
        ).doubles
        for head in 0..<6 {
            for row in 0..<5 {
                let places = max(0, row - 2)...row
                let scores = places.map { place in
                    let dot = (0..<6).reduce(0.0) { $0 + q[(head * 5 + row) * 6 + $1] * k[(head * 5 + place) * 6 + $1] } * 0.4
                    return exponential(cap.map { $0 * hyperbolicTangent(dot / $0) } ?? dot)
                }
                for column in 0..<6 {
                    let sum = zip(places, scores).reduce(0.0) { $0 + $1.1 * v[(head * 5 + $1.0) * 6 + column] }
                    let expected = sum / scores.reduce(0, +)
                    #expect(abs(found[(head * 5 + row) * 6 + column] - expected) < 1e-5)
                    if row == 4 { #expect(abs(cached[head * 6 + column] - expected) < 1e-5) }
                }
            }
        }
    }

    @Test("distinct rows and fused projections")
    func rowsAndProjections() {
        let generator = Generator(seed: 5)
        compare([.normal([6, 8], generator: generator), .normal([5, 8], generator: generator)]) { inputs, _ in
            let whole = inputs[1].detached()
            let parts = [inputs[1].narrow(0, 0..<2), inputs[1].narrow(0, 2..<5)]
            return [inputs[0].distinctRows(Tensor([4, 0, 5])).linear(fused: whole, parts: parts)]
        }
    }

    @Test(
        "products of few rows are those of many, and a row's bits do not depend on the others",
        arguments: [DType.float32, .bfloat16, .float16], [(37, 13), (64, 96), (16, 5), (800, 700)])
    func fewRows(dtype: DType, size: (Int, Int)) {
        let generator = Generator(seed: 9)
        let (inputs, outputs) = size
        // Elsewhere decoding takes the general product, which makes no such promise.
        let hasKernel = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains("avx512vl") == true
        let weight = Tensor.normal([outputs, inputs], generator: generator).to(dtype)
        let bias = Tensor.normal([outputs], generator: generator)
        for rows in [1, 3, 4, 6, 64, 65] {
            let x = Tensor.normal([rows, inputs], generator: generator)
            let residual = Tensor.normal([rows, outputs], generator: generator)
            let (plain, biased, added) = decoding {
                (x.linear(weight), x.linear(weight, bias: bias), residual.addingLinear(x, weight))
            }
            let product = x.to(.float64).matmul(weight.to(.float64).transpose(0, 1))
            for (found, expected) in [
                (plain, product), (biased, product + bias.to(.float64)), (added, product + residual.to(.float64)),
            ] {
                #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 2e-4 })
            }
            // More rows of a small weight, or of any, are the general product's.
            if hasKernel, rows <= (inputs * outputs * dtype.size > 1 << 20 ? 64 : 24) {
                let last = decoding { x.narrow(0, rows - 1..<rows).linear(weight) }
                #expect(last.floats == plain.narrow(0, rows - 1..<rows).contiguous().floats)
            }
        }
    }
}
