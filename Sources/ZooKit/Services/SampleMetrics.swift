extension Host {
    /// What an algorithm that samples groups logs of a rollout before its update, by TRL's names: `reward`, `reward_std` and
    /// `frac_reward_zero_std` of groups, `rewards/NAME/{mean,std}`, `num_tokens` and `completions/*`. Means weigh each sequence, or each
    /// group, alike; what cannot be scored (NaN) counts in none.
    ///
    /// - Throws: where the rollout has no columns `group` and `finished`.
    public func logGroupSamples(_ rollout: Batch, _ rewards: Rewards) throws {
        let groups = members(of: try rollout.integers("group"))
        let sizes = rewards.sizes
        let deviations = groups.map { group in
            standardDeviation(scored(group.map { rewards.total[$0] }), scale: largest(group.map { sizes[$0] }))
        }
        try log("reward", mean(scored(rewards.total)), over: scored(rewards.total).count)
        try log("reward_std", mean(deviations), over: groups.count)
        try log("frac_reward_zero_std", mean(deviations.map { $0 == 0 ? 1 : 0 }), over: groups.count)
        try logComponents(rewards)
        try logCompletions(rollout)
    }

    /// `num_tokens` and `completions/*` of a rollout, by TRL's names; means weigh each sequence alike.
    ///
    /// - Throws: where the rollout has no column `finished`.
    public func logCompletions(_ rollout: Batch) throws {
        let sequences = rollout.sequenceCount
        let lengths = rollout.actionCounts.map(Double.init)
        let terminated = zip(lengths, try rollout.integers("finished")).compactMap { $1 != 0 ? $0 : nil }
        try log("num_tokens", lengths.reduce(0, +), .sum)
        try log("completions/clipped_ratio", 1 - Double(terminated.count) / Double(max(sequences, 1)), over: sequences)
        for (kind, lengths) in [("", lengths), ("terminated_", terminated)] {
            guard let shortest = lengths.min(), let longest = lengths.max() else { continue }
            try log("completions/mean_\(kind)length", mean(lengths), over: lengths.count)
            try log("completions/min_\(kind)length", shortest, .min)
            try log("completions/max_\(kind)length", longest, .max)
        }
    }

    /// `loss`, and `rewards/*` and `logps/*` of preference pairs, by TRL's names: means over pairs.
    ///
    /// - Parameters:
    ///   - rewards: of each sequence of the batch, the implicit ones β log π/π_ref.
    ///   - logps: of each sequence, log π.
    public func logPairs(_ pairs: [Pair], loss: Double, rewards: [Double], logps: [Double]) throws {
        func pairMean(_ value: (Pair) -> Double) -> Double { mean(pairs.map(value)) }
        let metrics = [
            ("loss", loss),
            ("rewards/chosen", pairMean { rewards[$0.chosen] }),
            ("rewards/rejected", pairMean { rewards[$0.rejected] }),
            ("rewards/margins", pairMean { rewards[$0.chosen] - rewards[$0.rejected] }),
            ("rewards/accuracies", pairMean { rewards[$0.chosen] > rewards[$0.rejected] ? 1 : 0 }),
            ("logps/chosen", pairMean { logps[$0.chosen] }),
            ("logps/rejected", pairMean { logps[$0.rejected] }),
        ]
        for (name, value) in metrics { try log(name, value, over: pairs.count) }
    }

    /// `rewards/NAME/{mean,std}`: mean and standard deviation over the sequences that the component scores.
    public func logComponents(_ rewards: Rewards) throws {
        for component in rewards.components {
            let values = scored(component.values)
            try log("rewards/\(component.name)/mean", mean(values), over: values.count)
            try log("rewards/\(component.name)/std", standardDeviation(values), over: values.count)
        }
    }

    private func scored(_ rewards: [Double]) -> [Double] { rewards.filter { !$0.isNaN } }
}
