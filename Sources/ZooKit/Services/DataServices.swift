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
    /// [n], the weighted sum.
    public let total: [Double]
    /// By the component's name, [n] each, in the host's order.
    public let components: [(name: String, values: [Double])]
}

/// The recipe's reward.
public struct RewardService {
    private let service: Service<zoo_reward_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_REWARD_ID, host: host) { field($0, \.ctx) }
    }

    /// Scores every sequence; each counts as one reward query. Throws where a reward is not finite.
    public func score(_ rollout: Batch) throws -> Rewards {
        let function = try service.function("score", \.score)
        let columns = try rollout.withCBatch { batch in
            try service.columns("score", sequences: rollout.sequenceCount, steps: rollout.stepCount) {
                function(service.context, batch, $0, $1)
            }
        }
        for column in columns { try requireFinite(column.doubles, "'\(column.name)'") }
        guard let total = columns.first(where: { $0.name == "reward" && !$0.perStep }) else {
            throw ZooError(.internal, "the host's rewards have no array 'reward' of one number a sequence")
        }
        let prefix = "reward/"
        let components = columns.filter { $0.name.hasPrefix(prefix) }
            .map { (name: String($0.name.dropFirst(prefix.count)), values: $0.doubles) }
        return Rewards(total: total.doubles, components: components)
    }
}
