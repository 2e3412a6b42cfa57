import ZooKit

// What RLOO logs, by TRL's names. Means weigh each sequence, each action or each ratio of each update alike.
extension RLOO {
    /// `reward`, `rewards/*`, `kl` and `completions/*`, of the rollout before the update. `kl` is per sequence, [n].
    func logSamples(_ rollout: Batch, _ rewards: Rewards, kl: [Double]) throws {
        let sequences = rollout.sequenceCount
        let groups = members(of: try rollout.integers("group"))
        let deviations = groups.map { group in standardDeviation(group.map { rewards.total[$0] }) }
        try host.log("reward", mean(rewards.total), over: sequences)
        try host.log("reward_std", mean(deviations), over: groups.count)
        // A dead group has one reward for all; the threshold leaves room for the rounding of the mean.
        try host.log("frac_reward_zero_std", mean(deviations.map { $0 < 1e-8 ? 1 : 0 }), over: groups.count)
        for component in rewards.components {
            try host.log("rewards/\(component.name)/mean", mean(component.values), over: sequences)
            try host.log("rewards/\(component.name)/std", standardDeviation(component.values), over: sequences)
        }

        let lengths = rollout.actionCounts.map(Double.init)
        let actions = lengths.reduce(0, +)
        let terminated = zip(lengths, try rollout.integers("finished")).compactMap { $1 != 0 ? $0 : nil }
        try host.log("kl", kl.reduce(0, +) / max(actions, 1), over: Int(actions))
        try host.log("num_tokens", actions, .sum)
        try host.log("completions/clipped_ratio", 1 - Double(terminated.count) / Double(max(sequences, 1)), over: sequences)
        for (kind, lengths) in [("", lengths), ("terminated_", terminated)] {
            guard let shortest = lengths.min(), let longest = lengths.max() else { continue }
            try host.log("completions/mean_\(kind)length", mean(lengths), over: lengths.count)
            try host.log("completions/min_\(kind)length", shortest, .min)
            try host.log("completions/max_\(kind)length", longest, .max)
        }
    }

    /// `policy_loss`, `entropy` and `clip_ratio/*`, of one minibatch before its update.
    func logUpdate(_ minibatch: Batch, _ update: ModelService.Accumulated, _ info: ModelService.StepInfo) throws {
        let logp = try update.outputs[.logp]
        let behaviour = try minibatch.steps("behaviour_logp")
        let ceiling = 1 + (parameters.epsilonHigh ?? parameters.epsilon)
        var (low, high): ([Double], [Double]) = ([], [])
        for (sequence, advantage) in try minibatch.sequences("advantage").enumerated() {
            for unit in Self.units(minibatch, of: sequence, parameters.ratio) {
                let rho = exp(unit.reduce(0) { $0 + logp[$1] - behaviour[$1] })
                low.append(rho < 1 - parameters.epsilon && advantage < 0 ? 1 : 0)
                high.append(rho > ceiling && advantage > 0 ? 1 : 0)
            }
        }
        try host.log("policy_loss", update.loss, over: minibatch.sequenceCount)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: minibatch.actionCount)
        try host.log("clip_ratio/low_mean", mean(low), over: low.count)
        try host.log("clip_ratio/low_min", mean(low), .min)
        try host.log("clip_ratio/high_mean", mean(high), over: high.count)
        try host.log("clip_ratio/high_max", mean(high), .max)
        try host.log("clip_ratio/region_mean", mean(low) + mean(high), over: low.count)
        try host.log("grad_norm", info.gradientNorm)
        try host.log("lr", info.learningRate, .last)
    }
}
