import ZooKit

// From samples and scores to advantages and returns: PPO's arithmetic before its loss.
extension PPO {
    /// The score after the rule for sequences that were cut at the length limit, and after its own limit, [n].
    static func scores(_ rewards: [Double], finished: [Int], _ parameters: Parameters) -> [Double] {
        let limit = parameters.rewardClip ?? .infinity
        return zip(rewards, finished).map { reward, finished in
            let cut = parameters.missingEosScore ?? (reward - (parameters.missingEosPenalty ?? 0))
            let score = finished != 0 ? reward : cut
            return min(max(score, -limit), limit)
        }
    }

    /// r_t = −β·KL_t, plus the score at the last action (Ziegler et al. 2019, eq. 2), [steps].
    ///
    /// - Parameter earned: Where the rewards say what came when, [steps]: that stays at its steps, and the rest of the score is at the
    ///   last action.
    static func stepRewards(scores: [Double], earned: [Double]?, kl: [Double], coefficient: Double, batch: Batch) -> [Double] {
        var rewards = kl.map { -coefficient * $0 }
        for (sequence, score) in scores.enumerated() {
            var rest = score
            if let earned {
                for t in batch.steps(of: sequence) where batch.mask[t] {
                    rewards[t] += earned[t]
                    rest -= earned[t]
                }
            }
            if let last = batch.steps(of: sequence).last(where: { batch.mask[$0] }) { rewards[last] += rest }
        }
        return rewards
    }

    /// GAE: advantages, and the returns that the critic learns, [steps] each.
    static func estimate(rewards: [Double], values: [Double], _ batch: Batch, _ parameters: Parameters)
        -> (advantages: [Double], returns: [Double])
    {
        let lambdas = batch.actionCounts.map { length in
            parameters.lambdaLengthAlpha.map { max(0, 1 - 1 / ($0 * Double(max(length, 1)))) } ?? parameters.lambda
        }
        func estimate(_ lambdas: [Double]) -> (advantages: [Double], returns: [Double]) {
            generalizedAdvantages(
                rewards: rewards, values: values, batch: batch, gamma: parameters.gamma, lambdas: lambdas,
                carriesValues: parameters.carryValues)
        }
        let own = estimate(lambdas)
        guard let lambdaCritic = parameters.lambdaCritic else { return own }
        return (own.advantages, estimate(lambdas.map { _ in lambdaCritic }).returns)
    }

    /// Return-to-go minus the baseline of its sequence, [steps].
    static func advantagesWithoutCritic(rewards: [Double], batch: Batch, gamma: Double, baseline: Baseline) throws -> [Double] {
        let toGo = returnsToGo(rewards: rewards, batch: batch, gamma: gamma)
        let totals = (0..<batch.sequenceCount).map { sequence in
            batch.steps(of: sequence).first { batch.mask[$0] }.map { toGo[$0] } ?? 0
        }
        let baselines: [Double] =
            switch baseline {
            case .critic, .none: totals.map { _ in 0 }
            case .batchMean: totals.map { _ in mean(totals) }
            case .groupMean: groupMeans(totals, groups: try batch.integers("group"))
            case .leaveOneOut: leaveOneOutBaselines(totals, groups: try batch.integers("group"))
            }
        return zip(zip(toGo, batch.perStep(baselines)), batch.mask).map {
            $1 ? difference($0.0, $0.1, count: totals.count) : 0
        }
    }

    /// Advantages of variance 1, where they are wanted so, and within their limit.
    ///
    /// - Parameter size: Of the largest reward or value that they were made from, which rounding is measured by.
    static func scaled(_ advantages: [Double], _ mask: [Bool], size: Double, _ parameters: Parameters) -> [Double] {
        let limit = parameters.advantageClip ?? .infinity
        return whitened(advantages, mask, size: size, parameters).map { min(max($0, -limit), limit) }
    }

    /// Advantages of variance 1. Without a critic they are divided by their root mean square and not centred.
    private static func whitened(_ advantages: [Double], _ mask: [Bool], size: Double, _ parameters: Parameters) -> [Double] {
        guard parameters.whitenAdvantages else { return advantages }
        guard parameters.baseline == .critic else {
            let scale = 1 / (maskedMean(advantages.map { $0 * $0 }, mask) + 1e-8).squareRoot()
            return advantages.map { $0 * scale }
        }
        return whiten(
            advantages, mask, ddof: parameters.whitenVariance.ddof, shiftMean: !parameters.whitenKeepsMean, scale: size)
    }
}

// The state behind an end token, where N+ and TRL hand out the score: a step without an action of the policy, which the critic values.
extension PPO {
    /// The rollout with that step behind each sequence that ended by itself, and the columns that are per sequence.
    ///
    /// The new step's token is the last one's again: a value depends on what stands before its step.
    static func withEndStates(_ rollout: Batch) throws -> Batch {
        guard !rollout.tokens.isEmpty else {
            throw ZooError(.invalidArgument, "score_position 'after_end' needs steps that are tokens; this task has none")
        }
        let finished = try rollout.integers("finished")
        var (offsets, tokens, mask): ([Int], [Int32], [Bool]) = ([0], [], [])
        for sequence in 0..<rollout.sequenceCount {
            let steps = rollout.steps(of: sequence)
            tokens += rollout.tokens[steps]
            mask += rollout.mask[steps]
            if finished[sequence] != 0, let last = rollout.tokens[steps].last {
                tokens.append(last)
                mask.append(true)
            }
            offsets.append(tokens.count)
        }
        return Batch(offsets: offsets, tokens: tokens, mask: mask, columns: rollout.columns.filter { !$0.perStep })
    }

    /// Numbers per step of one batch at the same steps of the other, whose sequences may be a step longer or shorter: 0 there.
    static func aligned(_ values: [Double], of source: Batch, to target: Batch) -> [Double] {
        (0..<target.sequenceCount).flatMap { sequence in
            let (own, count) = (values[source.steps(of: sequence)], target.steps(of: sequence).count)
            return own.prefix(count) + [Double](repeating: 0, count: max(0, count - own.count))
        }
    }
}
