import ZooKit

// What DAPO does about rewards before there are advantages (Yu et al. 2025, https://arxiv.org/abs/2503.14476): the soft overlong
// punishment (eq. 13) and dynamic sampling (section 3.2, the constraint of eq. 11).
extension GRPO {
    /// A rollout and its rewards, the overlong penalty among them.
    ///
    /// With `dynamic_sampling`, prompts whose samples all earn the same before that penalty are thrown away, and as many others are drawn
    /// in their place, that many times at most. What is missing then stays missing; where nothing is left, the last draw is trained on
    /// as it is, its advantages being 0.
    func draw(_ sampler: Role) throws -> (rollout: Batch, rewards: Rewards) {
        guard parameters.dynamicSampling > 0 else { return try drawOnce(sampler, prompts: parameters.prompts).shaped }
        var kept: [(rollout: Batch, rewards: Rewards)] = []
        var (draws, found, discarded) = (0, 0, 0)
        while true {
            try host.checkCancellation()
            let (shaped, earned) = try drawOnce(sampler, prompts: parameters.prompts - found)
            let groups = try shaped.rollout.integers("group")
            let alive = members(of: groups).filter { group in Self.differ(group.map { earned[$0] }) }
            draws += 1
            discarded += Set(groups).count - alive.count
            found += alive.count
            let chosen = alive.flatMap { $0 }
            if !chosen.isEmpty {
                kept.append((shaped.rollout.selecting(chosen), shaped.rewards.selecting(chosen, of: shaped.rollout)))
            }
            guard found >= parameters.prompts || draws >= parameters.dynamicSampling else { continue }
            try host.log("train/num_gen_batches", Double(draws), .last)
            try host.log("dynamic_sampling/groups", Double(found), .last)
            try host.log("dynamic_sampling/discarded_groups", Double(discarded), .sum)
            return kept.isEmpty ? shaped : try Self.joined(kept)
        }
    }

    /// Whether rewards of a group are not all equal, those that cannot be scored left out.
    static func differ(_ rewards: [Double]) -> Bool {
        let scored = rewards.filter { !$0.isNaN }
        return scored.contains { $0 != scored[0] }
    }

    /// One rollout, with its rewards and what each sequence earned before the overlong penalty, [n].
    private func drawOnce(_ sampler: Role, prompts: Int) throws -> (shaped: (rollout: Batch, rewards: Rewards), earned: [Double])
    {
        let rollout = try host.rollout.generate(sampler, try host.data.prompts(prompts), samples: parameters.samples)
        var rewards = try host.reward.score(rollout, unscorable: true)
        let earned = rewards.total
        if let buffer = parameters.overlongBuffer, let limit = parameters.maxCompletionLength {
            rewards = rewards.adding(
                "overlong",
                rollout.actionCounts.map { parameters.overlongPenalty * Self.overlong($0, limit: limit, buffer: buffer) })
        }
        try host.logGroupSamples(rollout, rewards)
        return ((rollout, rewards), earned)
    }

    /// R_length (eq. 13): 0 up to `limit` − `buffer` actions, from there down to −1 at `limit`.
    static func overlong(_ length: Int, limit: Int, buffer: Int) -> Double {
        min(0, max(-1, Double(limit - buffer - length) / Double(buffer)))
    }

    /// Several draws as one, whose groups have numbers of their own.
    private static func joined(_ parts: [(rollout: Batch, rewards: Rewards)]) throws -> (rollout: Batch, rewards: Rewards) {
        var rollout = Batch.concatenated(parts.map(\.rollout))
        var numbers: [Int64] = []
        for part in parts {
            let first = (numbers.max() ?? -1) + 1
            var own = [Int64](repeating: 0, count: part.rollout.sequenceCount)
            for (place, group) in members(of: try part.rollout.integers("group")).enumerated() {
                for index in group { own[index] = first + Int64(place) }
            }
            numbers += own
        }
        rollout.set(Column("group", perStep: false, .i64(numbers)))
        return (rollout, Rewards.concatenated(parts.map(\.rewards)))
    }
}
