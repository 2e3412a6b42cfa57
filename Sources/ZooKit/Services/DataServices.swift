import CZoo

/// Rows of the recipe's datasets, in a seeded order that the host checkpoints.
public struct DataService {
    private let service: Service<zoo_data_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_DATA_ID, host: host) { field($0, \.ctx) }
    }

    /// The next `n` prompts: sequences without an action. Columns: `row`.
    public func prompts(_ n: Int) throws -> Batch {
        try rows("prompts", \.prompts, n)
    }

    /// The next `n` preference pairs: 2n sequences whose actions are the completions. Columns: `row`, `pair`, `chosen`.
    public func pairs(_ n: Int) throws -> Batch {
        try rows("pairs", \.pairs, n)
    }

    /// The next `n` supervised examples. Columns: `row`, and `rating` and `label` where the dataset has them.
    public func examples(_ n: Int) throws -> Batch {
        try rows("examples", \.examples, n)
    }

    private typealias Rows =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<zoo_rows_args>?, UnsafeMutablePointer<UnsafePointer<zoo_batch>?>?,
            UnsafeMutablePointer<zoo_error>?
        ) -> Int32

    private func rows(_ name: String, _ path: KeyPath<zoo_data_v1, Rows?>, _ n: Int) throws -> Batch {
        let function = try service.function(name, path)
        var args = zoo_rows_args()
        args.size = UInt32(MemoryLayout<zoo_rows_args>.size)
        args.n = try count(n, "\(service.id) \(name)")
        return try service.batch(name) { function(service.context, &args, $0, $1) }
    }
}

/// Samples of a policy.
public struct RolloutService {
    private let service: Service<zoo_rollout_v1>

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        service = try Service(ZOO_ROLLOUT_ID, host: host) { field($0, \.ctx) }
    }

    /// Sequences for each prompt, those of a prompt together and with one number in `group`. `samples` of each are asked for; a host may
    /// return fewer or more. Columns: `behaviour_logp`, `group`, `finished`, `policy_version`, `temperature`, and the prompts' own.
    /// Throws where the recorded log-probabilities are not finite.
    public func generate(_ role: Role, _ prompts: Batch, samples: Int = 1) throws -> Batch {
        let function = try service.function("generate", \.generate)
        let rollout = try role.name.withZooString { role in
            try prompts.withCBatch { prompts in
                var args = zoo_generate_args()
                args.size = UInt32(MemoryLayout<zoo_generate_args>.size)
                args.role = role
                args.prompts = prompts
                args.samples = try count(samples, "\(service.id) generate")
                return try service.batch("generate") { function(service.context, &args, $0, $1) }
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
    /// [steps], the part of the total that came at each step, where the rewards say so; the rest came at the end.
    public let steps: [Double]?

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
                var args = zoo_score_args()
                args.size = UInt32(MemoryLayout<zoo_score_args>.size)
                args.rollout = batch
                return function(service.context, &args, $0, $1)
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
        let steps = columns.first { $0.name == "step_reward" && $0.perStep }?.doubles
        let rewards = Rewards(total: total.doubles, components: components, steps: steps)
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
        if let steps { try requireFinite(steps, "'step_reward'") }
        for component in components {
            try requireFinite(component.values.map { $0.isNaN ? 0 : $0 }, "'reward/\(component.name)'")
            try requireFinite([component.weight], "'weight/\(component.name)'")
        }
    }
}

/// A number of rows or samples for a service; throws where it is negative.
private func count(_ value: Int, _ what: String) throws -> UInt64 {
    guard let count = UInt64(exactly: value) else { throw ZooError(.invalidArgument, "\(what) was asked for \(value)") }
    return count
}
