import ZooRecipe

/// What training a stage would cost, from one iteration of which each kind of pass was made once.
public struct Forecast: Codable, Sendable {
    public var stage: String
    public var algorithm: String
    /// Of one iteration, with the memory of every role.
    public var ledger: Ledger
    /// Numbers that are trained, by role.
    public var trained: [String: Int]
    public var iterations: Int
    /// Of one iteration.
    public var seconds: Double
    /// Of evaluations during training, and of the one at the end.
    public var evaluationSeconds = 0.0
    /// Of pairs and normalisations that are not in the cache yet.
    public var preparedSeconds = 0.0
    /// Before the first iteration: reading the model, the data and the plugin.
    public var loadingSeconds = 0.0
    /// The trained model as it is written.
    public var modelBytes: Int
    /// One checkpoint.
    public var checkpointBytes: Int
    /// Checkpoints that lie on the disk at once.
    public var checkpoints: Int

    package init(
        stage: String, algorithm: String, ledger: Ledger, trained: [String: Int], iterations: Int, seconds: Double,
        modelBytes: Int,
        checkpointBytes: Int, checkpoints: Int
    ) {
        (self.stage, self.algorithm, self.ledger, self.trained) = (stage, algorithm, ledger, trained)
        (self.iterations, self.seconds) = (iterations, seconds)
        (self.modelBytes, self.checkpointBytes, self.checkpoints) = (modelBytes, checkpointBytes, checkpoints)
    }

    public var trainingSeconds: Double { Double(iterations) * seconds }
    public var totalSeconds: Double { loadingSeconds + preparedSeconds + trainingSeconds + evaluationSeconds }
    public var diskBytes: Int { modelBytes + checkpoints * checkpointBytes }
}

// MARK: - Parts of a ledger

extension Ledger {
    /// Seconds of what the host did; the algorithm's own arithmetic is not among them.
    package var chargedSeconds: Double {
        roles.values.reduce(0) { $0 + $1.totalSeconds } + rewardSeconds + (environmentSeconds ?? 0) + dataSeconds
    }

    /// What was charged after `before`: seconds, operations and steps of the roles, rewards, the environment, rows and updates.
    package func charges(since before: Ledger) -> Ledger {
        var made = Ledger()
        made.add(charges: self, times: 1)
        made.add(charges: before, times: -1)
        return made
    }

    /// Adds what was charged in another part of the work, as if that had been done `factor` times.
    package mutating func add(charges other: Ledger, times factor: Double) {
        func scaled(_ count: Int) -> Int { Int((Double(count) * factor).rounded()) }
        for (role, account) in other.roles {
            for activity in Activity.allCases where account.seconds[activity.rawValue] != nil {
                let key = activity.rawValue
                charge(
                    role, activity, seconds: (account.seconds[key] ?? 0) * factor, flops: (account.flops[key] ?? 0) * factor,
                    steps: scaled(account.steps[key] ?? 0))
            }
        }
        rewardQueries += scaled(other.rewardQueries)
        rewardSeconds += other.rewardSeconds * factor
        if let seconds = other.environmentSeconds { environmentSeconds = (environmentSeconds ?? 0) + seconds * factor }
        dataSeconds += other.dataSeconds * factor
        sampledSteps += scaled(other.sampledSteps)
        updates += scaled(other.updates)
    }
}
