import CZoo

/// Rows of the recipe's datasets, in a seeded order that the host checkpoints.
public struct DataService {
    private let service: Service<zoo_data_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_DATA_ID, host: host) { field($0, \.ctx) }
    }

    /// The next `n` prompts: sequences without an action. Columns: `row`.
    public func prompts(_ n: Int) throws -> Batch {
        let function = try service.function("prompts", \.prompts)
        return try service.batch("prompts") { function(service.context, UInt64(n), $0, $1) }
    }

    /// The next `n` preference pairs: 2n sequences whose actions are the completions. Columns: `row`, `pair`, `chosen`.
    public func pairs(_ n: Int) throws -> Batch {
        let function = try service.function("pairs", \.pairs)
        return try service.batch("pairs") { function(service.context, UInt64(n), $0, $1) }
    }

    /// The next `n` supervised examples. Columns: `row`, and `rating` and `label` where the dataset has them.
    public func examples(_ n: Int) throws -> Batch {
        let function = try service.function("examples", \.examples)
        return try service.batch("examples") { function(service.context, UInt64(n), $0, $1) }
    }
}

/// Samples of a policy.
public struct RolloutService {
    private let service: Service<zoo_rollout_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_ROLLOUT_ID, host: host) { field($0, \.ctx) }
    }

    /// `samples` sequences for each prompt, prompt-major. Columns: `behaviour_logp`, `group`, `finished`, `policy_version`,
    /// `temperature`, and the prompts' own. Throws where the recorded log-probabilities are not finite.
    public func generate(_ role: Role, _ prompts: Batch, samples: Int = 1) throws -> Batch {
        let function = try service.function("generate", \.generate)
        let rollout = try role.name.withZooString { role in
            try prompts.withCBatch { prompts in
                try service.batch("generate") { function(service.context, role, prompts, UInt64(samples), $0, $1) }
            }
        }
        guard rollout.actionCount > 0 else {
            throw ZooError(.dataLoss, "the rollout of \(rollout.sequenceCount) sequences has no action; expected at least one")
        }
        try requireFinite(rollout.steps("behaviour_logp"), "the rollout's behaviour_logp")
        return rollout
    }
}

/// Rewards of whole sequences.
public struct Rewards: Sendable {
    /// One component of the recipe's reward.
    public struct Component: Sendable {
        public let name: String
        /// [n]; NaN where it cannot score the sequence.
        public let values: [Double]
        /// What it counts for in the total.
        public let weight: Double
    }

    /// [n], the weighted sum of what the components score; NaN where none of them scores the sequence.
    public let total: [Double]
    /// In the host's order.
    public let components: [Component]

    /// The size of what each total was added up from, Σ|w·r|, [n]: what remains of large numbers that cancel is rounding by their size.
    public var sizes: [Double] {
        total.indices.map { index in
            let parts = components.reduce(0) { $1.values[index].isNaN ? $0 : $0 + abs($1.weight * $1.values[index]) }
            return max(parts, total[index].isNaN ? 0 : abs(total[index]))
        }
    }
}

/// The recipe's reward.
public struct RewardService {
    private let service: Service<zoo_reward_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_REWARD_ID, host: host) { field($0, \.ctx) }
    }

    /// Scores every sequence; each counts as one reward query.
    ///
    /// - Parameter unscorable: Whether the algorithm can leave out sequences that no component scores, whose total is NaN.
    /// - Throws: Where a reward is not finite, but for NaN in those sequences where `unscorable` is true.
    public func score(_ rollout: Batch, unscorable: Bool = false) throws -> Rewards {
        let function = try service.function("score", \.score)
        let columns = try rollout.withCBatch { batch in
            try service.columns("score", sequences: rollout.sequenceCount, steps: rollout.stepCount) {
                function(service.context, batch, $0, $1)
            }
        }
        guard let total = columns.first(where: { $0.name == "reward" && !$0.perStep }) else {
            throw ZooError(.internal, "the host's rewards have no array 'reward' of one number a sequence")
        }
        let prefix = "reward/"
        let components = columns.filter { $0.name.hasPrefix(prefix) && !$0.perStep }.map { column in
            let name = String(column.name.dropFirst(prefix.count))
            let weight = columns.first { $0.name == "weight/" + name }?.doubles.first ?? 1
            return Rewards.Component(name: name, values: column.doubles, weight: weight)
        }
        let rewards = Rewards(total: total.doubles, components: components)
        try rewards.check(unscorable: unscorable)
        return rewards
    }
}

extension Rewards {
    /// Throws where a number is not finite, and no NaN of a sequence that cannot be scored.
    fileprivate func check(unscorable: Bool) throws {
        for index in total.indices where total[index].isNaN {
            guard !components.isEmpty, components.allSatisfy({ $0.values[index].isNaN }) else {
                throw ZooError(.dataLoss, "'reward' is nan at index \(index) of \(total.count); expected finite numbers")
            }
            guard unscorable else {
                throw ZooError(
                    .dataLoss,
                    "no component of the reward scores sequence \(index) of \(total.count), and this algorithm needs all of them")
            }
        }
        try requireFinite(total.map { $0.isNaN ? 0 : $0 }, "'reward'")
        for component in components {
            try requireFinite(component.values.map { $0.isNaN ? 0 : $0 }, "'reward/\(component.name)'")
            try requireFinite([component.weight], "'weight/\(component.name)'")
        }
    }
}
