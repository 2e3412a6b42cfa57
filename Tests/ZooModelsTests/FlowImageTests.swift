import Foundation
import Testing
import ZooModels
import ZooTensor

/// A small policy whose parameters all matter, on 4 × 4 images with a reference of 2 × 2.
func smallFlow(_ head: Head = .languageModel, guidanceEmbeds: Bool = false, seed: UInt64 = 1) throws -> FlowImage {
    let generator = Generator(seed: seed)
    let config = FluxConfig(
        inChannels: 4, layers: 1, singleLayers: 1, headWidth: 6, heads: 2, jointAttentionDim: 8, pooledProjectionDim: 8,
        guidanceEmbeds: guidanceEmbeds, axesDimsRope: [2, 2, 2])
    let network = try FlowImage.initialize(
        config: config, kinds: [.init("class", 4), .init("place", 3)], schedule: FlowSchedule(shift: 2), head: head,
        generator: generator)
    for parameter in network.parameters where !parameter.name.hasPrefix("value_head") {
        parameter.tensor.copy(from: parameter.tensor + .normal(parameter.tensor.shape, generator: generator) * 0.2)
    }
    return network
}

private let canvas = ImageShape(channels: 1, height: 4, width: 4)
private let patch = ImageShape(channels: 1, height: 2, width: 2)

private func drawn(
    _ network: FlowImage, _ settings: ImageSampler, samples: Int = 3, seed: UInt64 = 5, isCancelled: () -> Bool = { false }
) throws -> ImageGeneration {
    let prompts = [[0, 2], [3, -1]].map { ImagePrompt(conditions: $0, reference: [0.5, -1, 0.25, 1]) }
    return try network.generate(
        prompts: prompts, shape: canvas, referenceShape: patch, samplesPerPrompt: samples, settings: settings,
        generator: Generator(seed: seed), isCancelled: isCancelled)
}

/// A network whose velocity is `bias` everywhere, for four elements of a patch.
private func constant(_ bias: [Float]) throws -> FlowImage {
    let network = try smallFlow()
    for parameter in network.parameters where parameter.name.hasPrefix("proj_out") {
        parameter.tensor.fill(0)
        if parameter.name == "proj_out.bias" { parameter.tensor.copy(from: Tensor(bias)) }
    }
    return network
}

@Suite("flow-image sampling")
struct FlowImageTests {
    @Test("a stored trajectory's log-probabilities come out bit for bit", arguments: StepNoise.allCases, [1, 2.5])
    func ratio(noise: StepNoise, guidance: Double) throws {
        let network = try smallFlow()
        let found = try drawn(network, ImageSampler(steps: 4, noiseLevel: 0.6, noise: noise, guidance: guidance))
        #expect(found.logp.count == 6 * 3)
        let again = try network.forward(found.sequences, [.logp])[0]
        #expect(again.floats == found.logp)
        #expect(again.requiresGrad)
        try expectSameInSlices(network, found)
    }

    @Test("steps without noise are no actions: the last, and those outside the window")
    func window() throws {
        let network = try smallFlow()
        let found = try drawn(network, ImageSampler(steps: 6, noiseLevel: 0.5, window: 1..<3), samples: 1).sequences
        #expect(found.mask == [false, true, true, false, false, false, false, true, true, false, false, false])
        #expect(found.noiseLevel == found.mask.map { $0 ? 0.5 : 0 })
        let all = try drawn(network, ImageSampler(steps: 3, noiseLevel: 0.5), samples: 1).sequences
        #expect(all.mask == [true, true, false, true, true, false])
        #expect(distance(all.sigmaNext.map(Float.init), [0.8, 0.5, 0, 0.8, 0.5, 0]) < 1e-6)
        let noisy = try drawn(network, ImageSampler(steps: 3, noiseLevel: 0.5, noisyEnd: true), samples: 1)
        #expect(noisy.sequences.mask == [true, true, true, true, true, true])
        #expect(noisy.logp.allSatisfy { $0.isFinite })
        var wrong = found
        wrong.mask[0] = true
        #expect(throws: ModelError.self) { try network.forward(wrong, [.logp]) }
    }

    @Test("Euler's method follows a constant velocity to x - v")
    func euler() throws {
        let velocity: [Float] = [0.5, -0.25, 1, 2]
        let found = try drawn(try constant(velocity), ImageSampler(steps: 5), samples: 1)
        #expect(found.logp == [])
        for sequence in 0..<2 {
            let first = found.sequences.steps(sequence).lowerBound * 16
            let expected = (0..<16).map { element in
                let (row, column) = (element / 4 % 2, element % 2)
                return found.sequences.state[first + element] - velocity[2 * row + column]
            }
            #expect(distance(Array(found.sequences.sample[sequence * 16..<(sequence + 1) * 16]), expected) < 1e-5)
        }
    }

    @Test("guidance moves the velocity away from the one without condition")
    func guidance() throws {
        let network = try smallFlow()
        func sample(_ conditions: [Int32], _ guidance: Double) throws -> [Float] {
            try network.generate(
                prompts: [ImagePrompt(conditions: conditions)], shape: canvas, samplesPerPrompt: 1,
                settings: ImageSampler(steps: 1, guidance: guidance), generator: Generator(seed: 3), isCancelled: { false }
            ).sequences.sample
        }
        let (with, without) = (try sample([1, 2], 1), try sample([-1, -1], 1))
        let expected = zip(with, without).map { $1 + 2.5 * ($0 - $1) }
        #expect(distance(try sample([1, 2], 2.5), expected) < 1e-5)
        #expect(distance(with, without) > 1e-2)
    }

    @Test("samples of a prompt share their pair's seed, and their noise where asked")
    func sharing() throws {
        let found = try drawn(try smallFlow(), ImageSampler(steps: 2, noiseLevel: 0.5, sharesNoise: true)).sequences
        #expect(found.pairSeed == [0, 0, 0, 3, 3, 3].map { found.pairSeed[$0] })
        #expect(found.pairSeed[0] != found.pairSeed[3])
        let starts = (0..<6).map { Array(found.state[$0 * 32..<$0 * 32 + 16]) }
        #expect(starts[0] == starts[2] && starts[3] == starts[5] && starts[0] != starts[3])
        let apart = try drawn(try smallFlow(), ImageSampler(steps: 2, noiseLevel: 0.5)).sequences
        #expect(apart.state[0..<16] != apart.state[32..<48])
    }

    @Test("the same generator gives the same images, and a cancelled call none")
    func repeats() throws {
        let network = try smallFlow()
        let settings = ImageSampler(steps: 3, noiseLevel: 0.7)
        let (first, second) = (try drawn(network, settings), try drawn(network, settings))
        #expect(first.sequences.sample == second.sequences.sample && first.logp == second.logp)
        #expect(first.sequences.sample != (try drawn(network, settings, seed: 6)).sequences.sample)
        #expect(throws: CancellationError.self) { try drawn(network, settings, isCancelled: { true }) }
    }

    @Test("the divergence from a policy with other velocities is that of the two Gaussians", arguments: StepNoise.allCases)
    func divergence(noise: StepNoise) throws {
        let (own, other) = (try constant([0, 0, 0, 0]), try constant([1, -1, 2, 0]))
        var batch = try drawn(own, ImageSampler(steps: 3, noiseLevel: 0.6, noise: noise), samples: 1).sequences
        // mean(Δv²) = 1.5; σ = 1, 0.8, 0.5 by shift 2.
        let expected = [(1.0, 0.8), (0.8, 0.5), (1, 0.8), (0.8, 0.5)].map { sigma, next -> (exact: Double, timesStep: Double) in
            let s = noise == .constant ? 0.6 : 0.6 * (sigma / (1 - (sigma == 1 ? next : sigma))).squareRoot()
            let factor = s * (1 - sigma) / (2 * sigma) + 1 / s
            let exact = (sigma - next) / 2 * factor * factor * 1.5
            return (exact, exact * (sigma - next))
        }
        let found = try own.forward(batch, [.logp], klTo: other)
        #expect(distance(try #require(found.kl).floats, expected.map { Float($0.exact) }) < 1e-4)
        let scaled = try own.forward(batch, [], klTo: other, klScale: .timesStep).kl
        #expect(distance(try #require(scaled).floats, expected.map { Float($0.timesStep) }) < 1e-4)
        batch.reduction = .sum
        let summed = try own.forward(batch, [], klTo: other).kl
        #expect(distance(try #require(summed).floats, expected.map { Float(16 * $0.exact) }) < 2e-3)
    }

    @Test("images with one seed see the same times and noise")
    func seeds() throws {
        let network = try smallFlow()
        var batch = try drawn(network, ImageSampler(steps: 2), samples: 1).sequences
        batch.sample.replaceSubrange(16..<32, with: batch.sample[0..<16])
        batch.conditions = [0, 2, 0, 2]
        batch.scoring.draws = 4
        batch.pairSeed = [9, 9]
        let same = try network.denoisingError(batch).floats
        #expect(same[0] == same[1])
        batch.pairSeed = [9, 10]
        let apart = try network.denoisingError(batch).floats
        #expect(apart[0] == same[0] && apart[1] != same[0])
    }

    @Test("a batch that does not fit is refused")
    func badBatches() throws {
        let network = try smallFlow()
        let good = try drawn(network, ImageSampler(steps: 2, noiseLevel: 0.5)).sequences
        func refused(_ text: String, _ change: (inout ImageSequences) -> Void) {
            var batch = good
            change(&batch)
            let error = #expect(throws: ModelError.self) { try network.forward(batch, [.logp, .score]) }
            #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
        }
        refused("class 4") { $0.conditions[0] = 4 }
        refused("sigma") { $0.sigmaNext[0] = 1 }
        refused("state has") { $0.state.removeLast() }
        refused("condition(s)") {
            $0.kinds = 1
            $0.conditions = [0, 0, 0, 0, 0, 0]
        }
        refused("even sizes") { $0.shape = ImageShape(channels: 1, height: 1, width: 16) }
        refused("channel") { $0.shape = ImageShape(channels: 4, height: 2, width: 2) }
        #expect(throws: ModelError.self) { try network.forward(good, [.value]) }
        #expect(throws: ModelError.self) { try drawn(network, ImageSampler(steps: 0)) }
    }
}
