import ZooData
import ZooKit

/// A batch of samples that every probed algorithm is handed: prompts, a fixed number of samples of each, and their rewards.
struct FrozenBatch {
    /// Sequence p · samples + j is sample j of prompt p.
    let rollout: Batch
    let samples: Int
    /// `reward` and its components, [n].
    let rewards: [Column]
    /// Per step: what the return from that action on is, E[reward] − β KL: reward − β Σ (log π − log π_ref). [steps]
    let returns: [Double]

    var sequenceCount: Int { rollout.sequenceCount }
    var total: [Double] { rewards[0].doubles }

    init(rollout: Batch, samples: Int, rewards: [Column], reference: [Double], beta: Double) throws {
        self.rollout = rollout
        self.samples = samples
        self.rewards = rewards
        returns = Self.returns(rollout, rewards[0].doubles, try rollout.steps("behaviour_logp"), reference, beta)
    }

    /// Returns-to-go at the actions, 0 elsewhere.
    static func returns(_ batch: Batch, _ rewards: [Double], _ logp: [Double], _ reference: [Double], _ beta: Double) -> [Double]
    {
        var returns = [Double](repeating: 0, count: batch.stepCount)
        for sequence in 0..<batch.sequenceCount {
            var toGo = rewards[sequence]
            for step in batch.steps(of: sequence).reversed() where batch.mask[step] {
                toGo -= beta * (logp[step] - reference[step])
                returns[step] = toGo
            }
        }
        return returns
    }

    /// The return of whole sequences, [n].
    var totals: [Double] {
        (0..<sequenceCount).map { sequence in
            rollout.steps(of: sequence).first { rollout.mask[$0] }.map { returns[$0] } ?? total[sequence]
        }
    }

    /// Several batches as one, whose sequences keep their order.
    static func concatenated(_ batches: [FrozenBatch]) throws -> FrozenBatch {
        guard let first = batches.first else { throw ZooError(.internal, "no batches to put together") }
        return FrozenBatch(
            rollout: .concatenated(batches.map(\.rollout)), samples: first.samples,
            rewards: [Column("reward", perStep: false, .f64(batches.flatMap(\.total)))], returns: batches.flatMap(\.returns))
    }

    private init(rollout: Batch, samples: Int, rewards: [Column], returns: [Double]) {
        self.rollout = rollout
        self.samples = samples
        self.rewards = rewards
        self.returns = returns
    }

    /// `n` prompts: each once, or as often as it has samples, or in between.
    func prompts(_ n: Int, for algorithm: String) throws -> Batch {
        guard n > 0, sequenceCount % n == 0, samples % (sequenceCount / n) == 0 else {
            throw ZooError(
                .invalidArgument,
                "algorithm '\(algorithm)' asks for \(n) prompts; the probe's batch has \(sequenceCount / samples) with \(samples) "
                    + "samples each: give both the same numbers")
        }
        let each = sequenceCount / n
        let contexts = (0..<n).map { prompt in Array(rollout.steps(of: prompt * each).prefix { !rollout.mask[$0] }) }
        var offsets = [0]
        for context in contexts { offsets.append(offsets[offsets.count - 1] + context.count) }
        let tokens = contexts.flatMap { $0.map { rollout.tokens[$0] } }
        let rows = try rollout.integers("row")
        return Batch(
            offsets: offsets, tokens: tokens, mask: tokens.map { _ in false },
            columns: [Column("row", perStep: false, .i64((0..<n).map { Int64(rows[$0 * each]) }))])
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
            throw ZooError(.failedPrecondition, "no preference pair: the reward tells no two samples of a prompt apart")
        }
        let chosen = (0..<n).map { found[$0 % found.count] }
        let batch = rollout.selecting(chosen.flatMap { [$0.0, $0.1] })
        let rows = try batch.integers("row")
        return Batch(
            offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask,
            columns: [
                Column("row", perStep: false, .i64(rows.map(Int64.init))),
                Column("pair", perStep: false, .i64((0..<2 * n).map { Int64($0 / 2) })),
                Column("chosen", perStep: false, .u8((0..<2 * n).map { $0 % 2 == 0 ? 1 : 0 })),
            ])
    }
}
