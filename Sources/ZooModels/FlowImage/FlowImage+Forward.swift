import Foundation
import ZooTensor

extension FlowImage {
    /// Packed outputs, differentiable unless inside `withoutGrad`: `logp` and `value` `[n_masked]`, `score` `[n_sequences]`.
    ///
    /// Each masked step costs a forward pass of its own, and each draw of the score one per image.
    public func forward(_ batch: ImageSequences, _ outputs: [NetworkOutput]) throws -> [Tensor] {
        try forward(batch, outputs, klTo: nil).outputs
    }

    /// The same, with the divergence of each masked step from `reference` `[n_masked]`, which gets no gradient.
    public func forward(
        _ batch: ImageSequences, _ outputs: [NetworkOutput], klTo reference: FlowImage?, klScale: StepKLScale = .exact
    ) throws -> (outputs: [Tensor], kl: Tensor?) {
        try check(batch)
        if let output = outputs.first(where: { !supports($0) || $0 == .klReference }) {
            throw ModelError("this flow-image network has no output \(output.rawValue); \(outputsText)")
        }
        let steps = MaskedSteps(batch)
        let velocity: Tensor? =
            if (outputs.contains(.logp) || reference != nil) && !steps.isEmpty {
                try guidedVelocity(steps.states(batch, device), steps.sigma, rows: steps.rows(batch), batch)
            } else { nil }
        var kl: Tensor?
        if let reference {
            try reference.check(batch)
            kl =
                try velocity.map { own in
                    let theirs = try withoutGrad {
                        try reference.guidedVelocity(steps.states(batch, device), steps.sigma, rows: steps.rows(batch), batch)
                    }
                    return steps.divergence(own, theirs, batch, klScale)
                } ?? .zeros([0], device: device)
        }
        let results = try outputs.map { output in
            switch output {
            case .score: return -(try denoisingError(batch))
            case .value: return try values(batch, steps)
            case .entropy: return steps.entropy(batch, device)
            default: return velocity.map { steps.logp($0, batch) } ?? .zeros([0], device: device)
            }
        }
        return (results, kl)
    }

    private var outputsText: String {
        if case .value = head { return "a value head gives value" }
        return "a policy has the outputs logp, entropy and score, and its divergence from a reference"
    }

    /// ‖v_θ(x_t, t, c) - (ε - x_0)‖² of each image, averaged over the draws that its `pairSeed` fixes, `[n_sequences]`.
    ///
    /// Images with one seed see the same times and the same noise, and so do a policy and its reference: their differences are free of
    /// the draws' noise. Wallace et al. 2023 (Diffusion-DPO), eq. 14.
    public func denoisingError(_ batch: ImageSequences) throws -> Tensor {
        try check(batch)
        if batch.count == 0 { return .zeros([0], device: device) }
        let looks = NoisyLooks(batch, device)
        let (draws, size) = (batch.scoring.draws, Double(batch.shape.count))
        let error = (try velocity(looks.mixed, looks.times, rows: looks.rows) - looks.target).square().sum(dim: 1)
        let scale = 1 / Double(draws) / (batch.scoring.reduction == .mean ? size : 1)
        return error.reshape([batch.count, draws]).sum(dim: 1) * scale
    }

    /// How far the velocities are from another network's, at the same times and noise as the denoising error: the root of the mean
    /// square over elements and draws, `[n_sequences]`.
    public func drift(from other: FlowImage, _ batch: ImageSequences) throws -> [Double] {
        try check(batch)
        if batch.count == 0 { return [] }
        return try withoutGrad {
            let looks = NoisyLooks(batch, device)
            let own = try velocity(looks.mixed, looks.times, rows: looks.rows)
            let difference = own - (try other.velocity(looks.mixed, looks.times, rows: looks.rows))
            let squares = difference.square().sum(dim: 1).reshape([batch.count, batch.scoring.draws]).sum(dim: 1)
            return squares.floats.map { (Double($0) / Double(batch.shape.count * batch.scoring.draws)).squareRoot() }
        }
    }

    /// V of each masked step.
    private func values(_ batch: ImageSequences, _ steps: MaskedSteps) throws -> Tensor {
        guard case .value(let weight, let bias) = head else { fatalError("values without a value head") }
        if steps.isEmpty { return .zeros([0], device: device) }
        let input = try input(steps.states(batch, device), steps.sigma, rows: steps.rows(batch))
        let canvas = input.layout.canvasCount
        let pooled = transformer.states(input).reshape([input.count, canvas, config.width]).sum(dim: 1) / Double(canvas)
        return pooled.withEnoughRows { $0.linear(weight, bias: bias) }.reshape([-1])
    }

    /// Throws if the network cannot take the batch.
    func check(_ batch: ImageSequences) throws {
        try batch.validate()
        guard batch.kinds == conditioning.kinds else {
            throw ModelError("batch: has \(batch.kinds) condition(s) per sequence; this network takes \(conditioning.kinds)")
        }
        for shape in [batch.shape] + (batch.referenceShape.map { [$0] } ?? []) where shape.channels != config.channels {
            throw ModelError(
                "batch: images have \(shape.channels) channel(s); this network takes \(config.channels) (in_channels / 4)")
        }
    }
}

/// Each image of a batch at the times and with the noise that its `pairSeed` fixes, `draws` rows per image.
private struct NoisyLooks {
    let times: [Double]
    /// x_t and ε - x_0, `[n · draws, D]`.
    let mixed: Tensor, target: Tensor
    let rows: ConditionRows

    init(_ batch: ImageSequences, _ device: Device) {
        let (draws, size) = (batch.scoring.draws, batch.shape.count)
        var times: [Double] = []
        var noises: [Tensor] = []
        for seed in batch.pairSeed {
            let generator = Generator(seed: seed)
            times += batch.scoring.times.draw(draws, generator)
            noises.append(.normal([draws, size], generator: generator))
        }
        let owners = (0..<batch.count).flatMap { Array(repeating: $0, count: draws) }
        let noise = Tensor.concatenate(noises).to(device)
        let image = Tensor(batch.sample, shape: [batch.count, size], device: device).select(Tensor(owners, device: device))
        let t = Tensor(times.map(Float.init), shape: [times.count, 1], device: device)
        self.times = times
        target = noise - image
        mixed = image + target * t
        rows = ConditionRows(batch, owners)
    }
}

/// The conditions of some rows of a forward pass.
struct ConditionRows {
    let shape: ImageShape, referenceShape: ImageShape?
    /// `[rows, kinds]` and `[rows, D_reference]`.
    var conditions: [Int32]
    let reference: [Float]
    let guidance: [Double]

    /// Row i is sequence `owners[i]`.
    init(_ batch: ImageSequences, _ owners: [Int]) {
        shape = batch.shape
        referenceShape = batch.referenceShape
        conditions = owners.flatMap { batch.conditions[$0 * batch.kinds..<($0 + 1) * batch.kinds] }
        let size = batch.referenceShape?.count ?? 0
        reference = owners.flatMap { batch.reference[$0 * size..<($0 + 1) * size] }
        guidance = owners.map { batch.guidance[$0] }
    }

    /// The same without the prompt; the reference image stays, as in Kontext's pipeline.
    var unconditional: ConditionRows {
        var rows = self
        rows.conditions = Array(repeating: -1, count: conditions.count)
        return rows
    }
}

extension FlowImage {
    /// Velocity under classifier-free guidance, v_∅ + g (v_c - v_∅), `[n, D]`. Ho & Salimans 2022.
    ///
    /// The pass without condition is made where some row's scale is not 1 and the network has no guidance embedder.
    func guidedVelocity(_ x: Tensor, _ sigma: [Double], rows: ConditionRows, _ batch: ImageSequences) throws -> Tensor {
        let conditional = try velocity(x, sigma, rows: rows)
        if config.guidanceEmbeds || rows.guidance.allSatisfy({ $0 == 1 }) { return conditional }
        let without = try velocity(x, sigma, rows: rows.unconditional)
        let scale = Tensor(rows.guidance.map(Float.init), shape: [rows.guidance.count, 1], device: device)
        return without + (conditional - without) * scale
    }

    /// Velocity of images x `[n, D]` at times `sigma`, `[n, D]`.
    func velocity(_ x: Tensor, _ sigma: [Double], rows: ConditionRows) throws -> Tensor {
        transformer(try input(x, sigma, rows: rows)).unpatched(rows.shape)
    }

    func input(_ x: Tensor, _ sigma: [Double], rows: ConditionRows) throws -> FluxInput {
        let count = sigma.count
        var image = x.patched(rows.shape)
        if let shape = rows.referenceShape {
            let reference = Tensor(rows.reference, shape: [count, shape.count], device: device).patched(shape)
            image = .concatenate([image, reference], dim: 1)
        }
        let (prompt, pooled) = try conditioning.embed(rows.conditions, device)
        return FluxInput(
            image: image.reshape([-1, config.inChannels]), prompt: prompt, pooled: pooled, timestep: sigma.map(Float.init),
            guidance: rows.guidance.map(Float.init),
            layout: TokenLayout(
                text: conditioning.tokens, canvas: rows.shape.patches, reference: rows.referenceShape?.patches ?? []))
    }
}

extension Tensor {
    /// Images `[n, D]` as tokens of 2 × 2 patches `[n, h/2 · w/2, 4 c]`, elements by channel, row, column.
    func patched(_ shape: ImageShape) -> Tensor {
        let (c, h, w) = (shape.channels, shape.height / 2, shape.width / 2)
        return reshape([-1, c, h, 2, w, 2]).transpose(1, 2).transpose(2, 4).transpose(3, 4).reshape([-1, h * w, 4 * c])
    }

    /// Tokens `[n · h/2 · w/2, 4 c]` as images `[n, D]`.
    func unpatched(_ shape: ImageShape) -> Tensor {
        let (c, h, w) = (shape.channels, shape.height / 2, shape.width / 2)
        return reshape([-1, h, w, c, 2, 2]).transpose(3, 4).transpose(2, 4).transpose(1, 2).reshape([-1, shape.count])
    }
}
