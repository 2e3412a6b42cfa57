import Foundation
import ZooTensor

/// The steps of a batch that are actions, with the Gaussians that they were drawn from.
struct MaskedSteps {
    /// Indices into the batch's steps, and the sequence of each.
    let indices: [Int], owners: [Int]
    let sigma: [Double]
    private let gaussians: [FlowStep]

    var isEmpty: Bool { indices.isEmpty }

    init(_ batch: ImageSequences) {
        var (indices, owners) = ([Int](), [Int]())
        for sequence in 0..<batch.count {
            for step in batch.steps(sequence) where batch.mask[step] {
                indices.append(step)
                owners.append(sequence)
            }
        }
        self.indices = indices
        self.owners = owners
        sigma = indices.map { batch.sigma[$0] }
        gaussians = indices.map { batch.step($0) }
    }

    func rows(_ batch: ImageSequences) -> ConditionRows { ConditionRows(batch, owners) }

    /// x of each step, `[n, D]`.
    func states(_ batch: ImageSequences, _ device: Device) -> Tensor {
        let size = batch.shape.count
        return Tensor(
            indices.flatMap { batch.state[$0 * size..<($0 + 1) * size] }, shape: [indices.count, size], device: device)
    }

    /// log π(x') of each step, `[n]`, x' being the state of the step after it, or the final image.
    func logp(_ velocity: Tensor, _ batch: ImageSequences) -> Tensor {
        let size = batch.shape.count
        var next: [Float] = []
        for (step, sequence) in zip(indices, owners) {
            let isLast = step + 1 == batch.offsets[sequence + 1]
            let start = (isLast ? sequence : step + 1) * size
            next += (isLast ? batch.sample : batch.state)[start..<start + size]
        }
        let device = velocity.device
        return StepDensity(gaussians, batch.reduction, device).logp(
            of: Tensor(next, shape: [indices.count, size], device: device), from: states(batch, device), velocity: velocity)
    }

    /// Entropy of each step's Gaussian, `[n]`: the sampler's, whatever the network says, so without gradient.
    func entropy(_ batch: ImageSequences, _ device: Device) -> Tensor {
        let size = batch.reduction == .mean ? 1 : Double(batch.shape.count)
        return Tensor(
            gaussians.map { Float(size * (log($0.deviation) + 0.5 * log(2 * Double.pi) + 0.5)) }, device: device)
    }

    /// Divergence of each step from a reference with other velocities, `[n]`.
    func divergence(_ own: Tensor, _ theirs: Tensor, _ batch: ImageSequences, _ scale: StepKLScale) -> Tensor {
        let size = batch.reduction == .mean ? Double(batch.shape.count) : 1
        let factors = zip(indices, gaussians).map { index, step in
            Float(step.divergence(scale, span: batch.sigma[index] - batch.sigmaNext[index]) / size)
        }
        return (own - theirs).square().sum(dim: 1) * Tensor(factors, device: own.device)
    }
}

/// Gaussians of one step each for some rows `[n, D]`. Sampling and scoring both come through here, with the same operators in the same
/// order, so that a stored trajectory's log-probabilities come out bit for bit.
struct StepDensity {
    private let state: Tensor, velocity: Tensor, deviation: Tensor
    private let steps: [FlowStep]
    private let reduction: Reduction

    init(_ steps: [FlowStep], _ reduction: Reduction, _ device: Device) {
        func column(_ value: (FlowStep) -> Double) -> Tensor {
            Tensor(steps.map { Float(value($0)) }, shape: [steps.count, 1], device: device)
        }
        state = column(\.state)
        velocity = column(\.velocity)
        deviation = column(\.deviation)
        self.steps = steps
        self.reduction = reduction
    }

    func mean(_ x: Tensor, velocity v: Tensor) -> Tensor { x * state + v * velocity }

    /// The next state for noise `[n, D]`.
    func next(_ x: Tensor, velocity v: Tensor, noise: Tensor) -> Tensor { mean(x, velocity: v) + noise * deviation }

    /// log N(x'; mean, deviation²), put together over the elements, `[n]`.
    func logp(of next: Tensor, from x: Tensor, velocity v: Tensor) -> Tensor {
        let size = Double(next.size(1))
        let parts = reduction == .mean ? 1 : size
        let factors = Tensor(
            steps.map { Float(-parts / (2 * size * $0.deviation * $0.deviation)) }, device: next.device)
        let constants = Tensor(
            steps.map { Float(-parts * (log($0.deviation) + 0.5 * log(2 * Double.pi))) }, device: next.device)
        return (next - mean(x, velocity: v)).square().sum(dim: 1) * factors + constants
    }
}
