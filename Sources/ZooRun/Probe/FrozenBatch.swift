import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// A batch of samples that every probed algorithm is handed: prompts, a fixed number of samples of each, and their rewards.
///
/// The networks are frozen too, so their outputs are computed only once.
final class FrozenBatch {
    /// Sequence p · samples + j is sample j of prompt p.
    let rollout: Batch
    let samples: Int
    private let modality: any Modality
    /// `reward` and its components, [n].
    let rewards: [Column]
    /// Per step: log π − log π_ref of the actions, 0 elsewhere. [steps]
    let logRatios: [Double]
    /// Per step: the return from that action on, E[reward] − β KL: reward − β Σ (log π − log π_ref). [steps]
    let returns: [Double]
    /// By role and outputs.
    private var outputs: [String: [Column]] = [:]

    var sequenceCount: Int { rollout.sequenceCount }
    var total: [Double] { rewards[0].doubles }

    /// - Parameter beta: Strength of the KL in the return.
    init(_ rollout: Batch, samples: Int, _ services: RunServices, beta: Double) throws {
        self.rollout = rollout
        self.samples = samples
        modality = services.modality
        rewards = try services.score(rollout)
        let reference = try services.forward(role: "reference", batch: rollout, outputs: ["logp"])
        outputs[Self.key("reference", ["logp"])] = reference
        logRatios = zip(try rollout.steps("behaviour_logp"), reference[0].doubles).map { $0 - $1 }
        var returns = [Double](repeating: 0, count: rollout.stepCount)
        for (sequence, reward) in rewards[0].doubles.enumerated() {
            var toGo = reward
            for step in rollout.steps(of: sequence).reversed() where rollout.mask[step] {
                toGo -= beta * logRatios[step]
                returns[step] = toGo
            }
        }
        self.returns = returns
    }

    private static func key(_ role: String, _ wanted: [String]) -> String { "\(role) \(wanted.joined(separator: " "))" }

    /// A role's outputs for the samples.
    func forward(_ role: String, _ wanted: [String], _ services: RunServices) throws -> [Column] {
        let key = Self.key(role, wanted)
        if let known = outputs[key] { return known }
        let found = try services.forward(role: role, batch: rollout, outputs: wanted)
        outputs[key] = found
        return found
    }

    /// The return of whole sequences, [n].
    var totals: [Double] {
        (0..<sequenceCount).map { sequence in
            rollout.steps(of: sequence).first { rollout.mask[$0] }.map { returns[$0] } ?? total[sequence]
        }
    }

    /// `n` prompts: each once, or as often as it has samples, or in between.
    func prompts(_ n: Int, for algorithm: String) throws -> Batch {
        guard n > 0, sequenceCount % n == 0, samples % (sequenceCount / n) == 0 else {
            throw ZooError(
                .invalidArgument,
                "algorithm '\(algorithm)' asks for \(n) prompts; the probe's batch has \(sequenceCount / samples) with \(samples) "
                    + "samples each: both need the same numbers")
        }
        let each = sequenceCount / n
        return try modality.prompts(of: rollout.selecting((0..<n).map { $0 * each }))
    }

    /// The samples, as an algorithm that asks for `samples` of each of its prompts numbers their groups.
    func rollout(_ prompts: Int, _ samples: Int, for algorithm: String) throws -> Batch {
        guard prompts * samples == sequenceCount else {
            throw ZooError(
                .invalidArgument,
                "algorithm '\(algorithm)' asks for \(samples) samples of \(prompts) prompts; the probe's batch has \(sequenceCount) sequences"
            )
        }
        var batch = rollout
        batch.set(Column("group", perStep: false, .i64((0..<sequenceCount).map { Int64($0 / samples) })))
        return batch
    }

    /// `n` preference pairs of the samples: of each prompt the best against the worst by reward, then the second best, and so on.
    /// Where there are fewer with different rewards, they come round again.
    func pairs(_ n: Int) throws -> Batch {
        let groups = stride(from: 0, to: sequenceCount, by: samples).map { first in
            (first..<first + samples).sorted { (total[$0], $1) > (total[$1], $0) }
        }
        let found = (0..<samples / 2).flatMap { rank in
            groups.compactMap { group -> (Int, Int)? in
                let (best, worst) = (group[rank], group[samples - 1 - rank])
                return total[best] > total[worst] ? (best, worst) : nil
            }
        }
        guard !found.isEmpty else {
            throw ZooError(.failedPrecondition, "no preference pair: the reward is the same for all samples of each prompt")
        }
        let chosen = (0..<n).map { found[$0 % found.count] }
        let batch = rollout.selecting(chosen.flatMap { [$0.0, $0.1] })
        var pairs = try modality.pairs(of: batch)
        pairs.set(Column("pair", perStep: false, .i64((0..<2 * n).map { Int64($0 / 2) })))
        pairs.set(Column("chosen", perStep: false, .u8((0..<2 * n).map { $0 % 2 == 0 ? 1 : 0 })))
        return pairs
    }
}
