import Foundation
import Testing
import ZooModels
import ZooTensor

/// Numbers that `make_flux.py` wrote beside the models that diffusers saved.
struct RecordedFlux {
    let folder: URL
    let numbers: [String: Tensor]

    init(_ name: String, _ file: String = "expected") throws {
        folder = fixtures.appendingPathComponent(name)
        numbers = try Safetensors.read(folder.appendingPathComponent("\(file).safetensors"))
    }

    subscript(_ name: String) -> Tensor {
        get throws { try #require(numbers[name], "\(name) was not recorded") }
    }

    /// The transformer's recorded inputs as rows; the inputs are leaves of the gradient graph.
    func input(reference: [Int]) throws -> (FluxInput, leaves: [NamedTensor]) {
        let leaves = try ["image", "prompt", "pooled"].map { name in
            let rows = try self[name]
            let leaf = rows.rank == 3 ? rows.reshape([-1, rows.size(2)]).detached() : rows
            leaf.requiresGrad = true
            return NamedTensor(name, leaf)
        }
        let input = FluxInput(
            image: leaves[0].tensor, prompt: leaves[1].tensor, pooled: leaves[2].tensor, timestep: try self["time"].floats,
            guidance: numbers["guidance"]?.floats ?? [], layout: TokenLayout(text: 2, canvas: [2, 3], reference: reference))
        return (input, leaves)
    }

    /// Names of the gradients that differ from the recorded ones by more than 1e-4 of their largest entry.
    func wrongGradients(_ parameters: [NamedTensor]) throws -> [String] {
        try parameters.compactMap { parameter in
            let expected = try self["grad." + parameter.name].floats
            let scale = max(1e-2, expected.map(abs).max() ?? 0)
            let worst = distance(parameter.tensor.gradient?.floats ?? [], expected)
            return worst <= 1e-4 * scale ? nil : "\(parameter.name): off by \(worst) of \(scale)"
        }
    }

    /// The stored trajectories of two sequences, three steps each.
    func trajectories(noise: StepNoise = .flowGRPO, level: Double = 0.7) throws -> ImageSequences {
        let sigmas = try self["sigmas"].doubles
        let states = try self["states"].floats
        var batch = ImageSequences(
            shape: ImageShape(channels: 1, height: 4, width: 6), referenceShape: ImageShape(channels: 1, height: 4, width: 2),
            kinds: 2, offsets: [0, 3, 6], state: Array(states[0..<72] + states[96..<168]),
            sigma: Array(sigmas[0..<3] + sigmas[0..<3]),
            sigmaNext: Array(sigmas[1...] + sigmas[1...]), noiseLevel: Array(repeating: level, count: 6),
            mask: Array(repeating: true, count: 6), sample: Array(states[72..<96] + states[168..<192]),
            conditions: try self["conditions"].values(), reference: try self["reference"].floats,
            guidance: try self["guidance"].doubles, pairSeed: try self["seeds"].integers.map(UInt64.init), noise: noise)
        batch.scoring = .init(draws: 3, times: .logitNormal(mean: -0.3, width: 1.2))
        return batch
    }
}

@Suite("parity with diffusers")
struct FluxParityTests {
    @Test("velocities with reference tokens, and every gradient, are PyTorch's")
    func kontext() throws {
        let recorded = try RecordedFlux("flux")
        let network = try FluxTransformer.load(
            from: recorded.folder.appendingPathComponent("transformer"), device: .cpu, trainable: true)
        let (input, leaves) = try recorded.input(reference: [2, 1])
        let velocity = network(input)
        #expect(distance(velocity.floats, try recorded["velocity"].floats) < 1e-5)
        backward([velocity], gradients: [try recorded["weight"].reshape([-1, 4])])
        #expect(try recorded.wrongGradients(network.parameters + leaves) == [])
    }

    @Test("a distilled model in bfloat16, spread over files, gives PyTorch's velocities")
    func guidance() throws {
        let recorded = try RecordedFlux("flux-guidance")
        let network = try FluxTransformer.load(
            from: recorded.folder.appendingPathComponent("transformer"), device: .cpu, trainable: false)
        #expect(network.config.guidanceEmbeds)
        let (input, _) = try recorded.input(reference: [])
        // The guidance embedder takes sines of angles in the thousands, whose last bits single precision does not keep.
        #expect(distance(network(input).floats, try recorded["velocity"].floats) < 1e-4)
    }

    @Test(
        "log-probabilities of stored steps are those of the published code",
        arguments: [(StepNoise.flowGRPO, 0.7), (.constant, 0.3)])
    func logp(noise: StepNoise, level: Double) throws {
        let recorded = try RecordedFlux("flux", "policy")
        let network = try FlowImage.load(from: recorded.folder)
        let batch = try recorded.trajectories(noise: noise, level: level)
        let logp = try network.forward(batch, [.logp])[0]
        let expected = try recorded["logp.\(noise.rawValue)"].floats
        #expect(zip(logp.floats, expected).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) })
        guard noise == .flowGRPO else { return }
        backward([logp], gradients: [try recorded["logp_weight"]])
        let checked = network.parameters.filter { recorded.numbers["grad." + $0.name] != nil }
        #expect(checked.count == 7)
        #expect(try recorded.wrongGradients(checked) == [])
    }

    @Test("a step's log-probability summed over elements is D times its mean")
    func sum() throws {
        let recorded = try RecordedFlux("flux", "policy")
        let network = try FlowImage.load(from: recorded.folder)
        var batch = try recorded.trajectories()
        batch.reduction = .sum
        let expected = try recorded["logp.flowGRPO"].floats.map { $0 * 24 }
        let found = try network.forward(batch, [.logp])[0].floats
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) })
    }

    @Test("the denoising error at seeded times and noise is PyTorch's, and the score is minus it")
    func error() throws {
        let recorded = try RecordedFlux("flux", "policy")
        let network = try FlowImage.load(from: recorded.folder)
        var batch = try recorded.trajectories()
        let expected = try recorded["error"].floats
        #expect(distance(try network.denoisingError(batch).floats, expected) < 1e-4)
        #expect(distance(try network.forward(batch, [.score])[0].floats, expected.map { -$0 }) < 1e-4)
        batch.scoring.reduction = .sum
        #expect(distance(try network.denoisingError(batch).floats, expected.map { 24 * $0 }) < 24e-4)
    }

    @Test("noise levels are those of diffusers' scheduler", arguments: [1, 3], [1, 4, 10, 28])
    func sigmas(shift: Int, steps: Int) throws {
        let expected = try RecordedFlux("flux", "sigmas")["sigmas.\(shift).\(steps)"].floats
        let found = FlowSchedule(shift: Double(shift)).sigmas(steps, tokens: 36).map(Float.init)
        #expect(distance(found, expected) < 1e-6)
        #expect(try FlowImage.load(from: fixtures.appendingPathComponent("flux")).schedule.shift == 3)
    }

    @Test("operations are counted as PyTorch counts them")
    func operations() throws {
        let recorded = try RecordedFlux("flux", "policy")
        let network = try FlowImage.load(from: recorded.folder)
        var batch = try recorded.trajectories()
        // FlopCounterMode finds 82728 in one pass; it leaves out attention's 2 · 4 · 10² · 12, and counts the last layer on two
        // reference tokens too, 2 · 2 · 12 · 4.
        let pass = 82728.0 + 9600 - 192
        #expect(network.forwardFLOPs(batch, [.score]) == 6 * pass)
        #expect(network.forwardFLOPs(batch, [.logp]) == 12 * pass)
        batch.guidance = [1, 1]
        #expect(network.generationFLOPs(batch) == 6 * pass)
    }

    @Test(
        "writes a model for diffusers to read", .enabled(if: ProcessInfo.processInfo.environment["ZOO_PARITY"] != nil),
        arguments: [false, true])
    func writesFluxForParity(guidance: Bool) throws {
        let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["ZOO_PARITY"]))
        let folder = root.appendingPathComponent(guidance ? "flux-guidance" : "flux")
        var config = FluxConfig.tiny
        config.guidanceEmbeds = guidance
        let generator = Generator(seed: 8)
        let network = try FlowImage.initialize(
            config: config, kinds: [.init("class", 3)], schedule: FlowSchedule(shift: 3), trainable: false, generator: generator)
        // Modulations and the last layer start at zero: every parameter must matter.
        for parameter in network.parameters {
            parameter.tensor.copy(from: parameter.tensor + .normal(parameter.tensor.shape, generator: generator) * 0.1)
        }
        try network.save(to: folder)
        let (image, prompt) = (Tensor.normal([2, 52, 4], generator: generator), Tensor.normal([2, 3, 32], generator: generator))
        let pooled = Tensor.normal([2, 32], generator: generator)
        let velocity = network.transformer(
            FluxInput(
                image: image.reshape([-1, 4]), prompt: prompt.reshape([-1, 32]), pooled: pooled, timestep: [0.2, 0.9],
                guidance: [1.5, 4], layout: TokenLayout(text: 3, canvas: [6, 6], reference: [4, 4])))
        try Safetensors.write(
            [
                NamedTensor("image", image), NamedTensor("prompt", prompt), NamedTensor("pooled", pooled),
                NamedTensor("time", Tensor([0.2, 0.9] as [Float])), NamedTensor("guidance", Tensor([1.5, 4] as [Float])),
                NamedTensor("velocity", velocity.reshape([2, 36, 4])),
                NamedTensor("sigmas", Tensor(network.schedule.sigmas(7, tokens: 36).map(Float.init))),
            ], to: folder.appendingPathComponent("ours.safetensors"))
    }
}
