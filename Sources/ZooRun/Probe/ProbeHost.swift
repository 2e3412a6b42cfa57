import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Serves an algorithm a frozen batch in place of data and samples, and takes the gradient that it would apply to the policy.
/// Nothing is updated.
final class ProbeHost: HostServices {
    private let live: RunServices
    private let algorithm: String
    private var random: SplitMix64
    /// The batch that the next `step` is about.
    var batch: FrozenBatch
    private var gradients: [Tensor] = []
    /// Variances of the column `advantage` of the policy's losses, over actions.
    private(set) var advantageVariances: [Double] = []

    init(_ live: RunServices, algorithm: String, seed: UInt64, batch: FrozenBatch) {
        self.live = live
        self.algorithm = algorithm
        self.batch = batch
        random = SplitMix64(seed: seed, stream: 2)
    }

    /// The gradient of the loss by the policy's weights, flat, [D]: the mean over the updates that the algorithm asked for since the
    /// last call. Throws if it asked for none.
    func takeGradient() throws -> Tensor {
        guard let first = gradients.first else {
            throw ZooError(.failedPrecondition, "algorithm '\(algorithm)' applied no gradient to the policy in its iteration")
        }
        defer { gradients = [] }
        return gradients.dropFirst().reduce(first, +) / Double(gradients.count)
    }

    // MARK: - Data and samples

    func prompts(_ n: Int) throws -> Batch { try batch.prompts(n, for: algorithm) }
    func pairs(_ n: Int) throws -> Batch { try batch.pairs(n) }
    func examples(_ n: Int) throws -> Batch { throw ZooError(.unavailable, "a probe has samples of the policy, and no examples") }

    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        try batch.rollout(prompts.sequenceCount, samples, for: algorithm)
    }

    func score(_ rollout: Batch) throws -> [Column] {
        guard rollout.hasSamples(of: batch.rollout) else { return try live.score(rollout) }
        return batch.rewards
    }

    // MARK: - Networks

    func supports(role: String, output: String) throws -> OutputInfo { try live.supports(role: role, output: output) }

    func forward(role: String, batch: Batch, outputs wanted: [String]) throws -> [Column] {
        guard batch.hasSamples(of: self.batch.rollout) else {
            return try live.forward(role: role, batch: batch, outputs: wanted)
        }
        return try self.batch.forward(role, wanted, live)
    }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        guard role == "policy" else {
            return try loss(batch, forward(role: role, batch: batch, outputs: outputs)).loss
        }
        if let column = batch.column("advantage") {
            let values = column.perStep ? column.doubles : batch.perStep(column.doubles)
            advantageVariances.append(maskedVariance(values, batch.mask))
        }
        return try live.model.accumulate(role: role, batch: batch, outputs: outputs, flags: flags, loss: loss)
    }

    func optimizerStep(role: String) throws -> UpdateInfo {
        let role = try live.model.roles.role(role)
        guard role.name == "policy" else { return UpdateInfo(gradientNorm: 0, learningRate: 0, version: role.version) }
        let norm = gradientNorm(role.network.parameters)
        guard role.hasGradient, norm.isFinite else {
            throw ZooError(.dataLoss, "algorithm '\(algorithm)' has no finite gradient of the policy (norm \(norm))")
        }
        gradients.append(role.takeGradient())
        return UpdateInfo(gradientNorm: norm, learningRate: 0, version: role.version)
    }

    func discard(role: String) throws { try live.discard(role: role) }

    var position: RunPosition { live.position }

    /// Creates a role of the algorithm's own as a copy; an existing one is unchanged.
    func blend(destination: String, source: String, weight: Double) throws {
        live.model.roles.addCopy(destination, of: try live.model.roles.role(source))
    }

    // MARK: - The rest

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {}

    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws {
        for index in numbers.indices { numbers[index] = random.next() }
    }

    func log(level: Int32, message: String) { live.log(level: level, message: message) }
    var isCancelled: Bool { live.isCancelled }
}

extension RoleNetwork {
    /// The accumulated gradient of all weights in their order, flat, on the CPU; it is then forgotten.
    func takeGradient() -> Tensor {
        let parts = network.parameters.map { parameter in
            (parameter.tensor.gradient ?? .zeros(parameter.tensor.shape, device: parameter.tensor.device)).reshape([-1])
        }
        let flat = withoutGrad { Tensor.concatenate(parts).to(.cpu).clone() }
        for parameter in network.parameters { parameter.tensor.clearGradient() }
        hasGradient = false
        return flat
    }
}

extension Batch {
    /// Whether two batches hold the same samples.
    fileprivate func hasSamples(of other: Batch) -> Bool {
        tokens == other.tokens && mask == other.mask && column("sample") == other.column("sample")
    }
}
