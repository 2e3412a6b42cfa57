import Testing
import ZooTensor

@Suite("AdamW")
struct OptimizerTests {
    @Test("six clipped steps give PyTorch's parameters")
    func parity() throws {
        let recorded = try Safetensors.read(fixtures.appendingPathComponent("adamw.safetensors"))
        // The recorded optimiser has one decay for all: both are given as matrices.
        let parameters = try (0..<2).map { index in
            let start = try #require(recorded["start.\(index)"])
            return NamedTensor("p\(index)", start.reshape([-1, start.shape.last ?? 1]).clone())
        }
        for parameter in parameters { parameter.tensor.requiresGrad = true }
        let optimizer = AdamW(parameters: parameters, betas: (0.8, 0.95), eps: 1e-6, weightDecay: 0.1)
        for step in 0..<6 {
            try Self.backward(
                parameters,
                try (0..<2).map { try #require(recorded["grad.\(step).\($0)"]).reshape(parameters[$0].tensor.shape) })
            let norm = clipGradientNorm(parameters, maxNorm: 2)
            #expect(abs(norm - (try #require(recorded["norm.\(step)"])).item) < 1e-5)
            optimizer.step(learningRate: 0.05)
            optimizer.zeroGradients()
        }
        for (index, parameter) in parameters.enumerated() {
            let expected = try #require(recorded["end.\(index)"]).floats
            for (found, wanted) in zip(parameter.tensor.floats, expected) { #expect(abs(found - wanted) < 2e-6) }
        }
    }

    @Test("decay pulls at matrices, and not at norms and biases")
    func decay() throws {
        let matrix = NamedTensor("layer.weight", Tensor([1, -2] as [Float], shape: [1, 2]))
        let vectors = [
            NamedTensor("layer.bias", Tensor([0.5, -0.5] as [Float])), NamedTensor("norm.weight", Tensor([1, 1] as [Float])),
        ]
        let parameters = [vectors[0], matrix, vectors[1]]
        for parameter in parameters { parameter.tensor.requiresGrad = true }
        let optimizer = AdamW(parameters: parameters, weightDecay: 0.5)
        for _ in 0..<2 {
            try Self.backward(
                parameters,
                [Tensor([1, -1] as [Float]), Tensor([3, -4] as [Float], shape: [1, 2]), Tensor([-2, 2] as [Float])])
            optimizer.step(learningRate: 0.1)
            optimizer.zeroGradients()
        }
        // Under a constant gradient Adam's step is the rate: p ← p (1 - 0.1 · 0.5) ∓ 0.1 with decay, p ∓ 0.1 without.
        for (parameter, expected) in zip(parameters, [[0.3, -0.3], [0.7075, -1.61], [1.2, 0.8]] as [[Float]]) {
            for (found, wanted) in zip(parameter.tensor.floats, expected) {
                #expect(abs(found - wanted) < 1e-6, "\(parameter.name)")
            }
        }
        #expect(optimizer.state["layer.bias.step"]?.floats == [2])
    }

    @Test("one step from zero moves by the learning rate against the gradient's sign")
    func firstStep() {
        let parameter = NamedTensor("p", Tensor([1, -2, 0.5] as [Float]))
        parameter.tensor.requiresGrad = true
        ZooTensor.backward([parameter.tensor * Tensor([3, -4, 0.25] as [Float])], gradients: [.ones([3])])
        AdamW(parameters: [parameter]).step(learningRate: 0.1)
        for (found, wanted) in zip(parameter.tensor.floats, [0.9, -1.9, 0.4] as [Float]) { #expect(abs(found - wanted) < 1e-6) }
    }

    @Test("a restored state continues bit for bit")
    func resume() throws {
        func run(breakAfter: Int?) throws -> [Float] {
            let parameter = NamedTensor("w", Tensor((0..<12).map { Float($0) / 7 }, shape: [3, 4]))
            parameter.tensor.requiresGrad = true
            var optimizer = AdamW(parameters: [parameter], weightDecay: 0.01)
            let generator = Generator(seed: 4)
            for step in 0..<9 {
                if step == breakAfter {
                    let state = optimizer.state
                    optimizer = AdamW(parameters: [parameter], weightDecay: 0.01)
                    try optimizer.restore(state)
                }
                try Self.backward([parameter], [.normal([3, 4], generator: generator)])
                optimizer.step(learningRate: 0.03)
                optimizer.zeroGradients()
            }
            return parameter.tensor.floats
        }
        #expect(try run(breakAfter: 5) == run(breakAfter: nil))
    }

    @Test("a state that does not fit is refused by name")
    func refusesForeignState() throws {
        let parameter = NamedTensor("w", Tensor.zeros([2]))
        let optimizer = AdamW(parameters: [parameter])
        let whole: [String: Tensor] = ["w.exp_avg": .zeros([2]), "w.exp_avg_sq": .zeros([2]), "w.step": .zeros([])]
        try optimizer.restore(whole)
        for (key, tensor, expected) in [
            ("w.exp_avg", Tensor.zeros([3]), "w.exp_avg: expected float32 [2]"), ("v.step", Tensor.zeros([]), "v.step"),
        ] {
            var state = whole
            state[key] = tensor
            let error = #expect(throws: TensorError.self) { try optimizer.restore(state) }
            #expect(error?.description.contains(expected) == true)
        }
        var state = whole
        state["w.step"] = nil
        #expect(throws: TensorError.self) { try optimizer.restore(state) }
    }

    @Test("clipping leaves small gradients alone and scales large ones to the limit")
    func clipping() throws {
        let parameters = [NamedTensor("a", Tensor.zeros([2])), NamedTensor("b", Tensor.zeros([1]))]
        for parameter in parameters { parameter.tensor.requiresGrad = true }
        try Self.backward(parameters, [Tensor([3, 0] as [Float]), Tensor([4] as [Float])])
        #expect(clipGradientNorm(parameters, maxNorm: 6) == 5)
        #expect(parameters[0].tensor.gradient?.floats == [3, 0])
        #expect(clipGradientNorm(parameters, maxNorm: 1) == 5)
        #expect(abs(gradientNorm(parameters) - 1) < 1e-5)
    }

    /// Gives each parameter this gradient.
    private static func backward(_ parameters: [NamedTensor], _ gradients: [Tensor]) throws {
        ZooTensor.backward(parameters.map { $0.tensor * 1 }, gradients: gradients)
    }
}

@Suite("stochastic gradient descent")
struct SGDTests {
    @Test("a step goes down the gradient by the rate, and decay pulls to zero; it has no state")
    func step() throws {
        let parameter = NamedTensor("p", Tensor([1, -2, 0.5] as [Float], shape: [1, 3]))
        let bias = NamedTensor("bias", Tensor([2] as [Float]))
        for tensor in [parameter.tensor, bias.tensor] { tensor.requiresGrad = true }
        ZooTensor.backward(
            [parameter.tensor * Tensor([3, -4, 0.25] as [Float]), bias.tensor * Tensor([1] as [Float])],
            gradients: [.ones([1, 3]), .ones([1])])
        let optimizer = SGD(parameters: [parameter, bias], weightDecay: 0.5)
        optimizer.step(learningRate: 0.1)
        // p (1 - 0.1 · 0.5) - 0.1 g
        for (found, wanted) in zip(parameter.tensor.floats, [0.65, -1.5, 0.45] as [Float]) { #expect(abs(found - wanted) < 1e-6) }
        #expect(abs(bias.tensor.floats[0] - 1.9) < 1e-6, "a bias does not decay")
        optimizer.zeroGradients()
        optimizer.step(learningRate: 0.1)
        #expect(abs(parameter.tensor.floats[0] - 0.65) < 1e-6, "without a gradient nothing moves")
        #expect(optimizer.bytes == 0 && optimizer.state.isEmpty)
        #expect(throws: TensorError.self) { try optimizer.restore(["p.exp_avg": .zeros([3])]) }
    }
}
