import Foundation

/// Who cost what in one run: seconds, floating-point operations, steps and bytes by role, and the queries of the reward.
public struct Ledger: Codable, Sendable, Equatable {
    /// What a network was asked to do.
    public enum Activity: String, Codable, Sendable, CaseIterable {
        case generate, forward, backward, optimize
    }

    /// The account of one role.
    public struct Account: Codable, Sendable, Equatable {
        public var parameters = 0
        public var weightBytes = 0
        public var gradientBytes = 0
        public var optimizerBytes = 0
        /// The most memory that one call needed beyond what the role holds anyway: activations, logits, caches.
        public var transientBytes = 0
        /// Seconds by activity.
        public var seconds: [String: Double] = [:]
        /// Floating-point operations by activity, counted from the shapes.
        public var flops: [String: Double] = [:]
        /// Steps (tokens) by activity, prompts included.
        public var steps: [String: Int] = [:]

        public var totalSeconds: Double { seconds.values.reduce(0, +) }
        public var totalFLOPs: Double { flops.values.reduce(0, +) }
        /// What the role holds and its largest transient.
        public var peakBytes: Int { weightBytes + gradientBytes + optimizerBytes + transientBytes }
    }

    public var roles: [String: Account] = [:]
    public var rewardQueries = 0
    /// In reward functions; a reward model's seconds are those of the role `reward`.
    public var rewardSeconds = 0.0
    /// Sampled actions of the policy.
    public var sampledSteps = 0
    /// Updates of the policy.
    public var updates = 0
    /// Steps of the algorithm.
    public var algorithmSteps = 0
    /// Seconds inside the algorithm's `step`, everything included.
    public var seconds = 0.0
    /// The most memory that the process held, everything included.
    public var processPeakBytes = 0

    /// Adds the cost of one call for a role.
    mutating func charge(_ role: String, _ activity: Activity, seconds: Double, flops: Double, steps: Int) {
        var account = roles[role] ?? Account()
        account.seconds[activity.rawValue, default: 0] += seconds
        account.flops[activity.rawValue, default: 0] += flops
        account.steps[activity.rawValue, default: 0] += steps
        roles[role] = account
    }

    /// Notes the memory that one call of a role needed beyond what the role holds.
    mutating func note(_ role: String, transientBytes: Int) {
        roles[role, default: Account()].transientBytes = max(roles[role]?.transientBytes ?? 0, transientBytes)
    }

    /// Adds what another part of the work cost: the making of DPO's pairs counts for each run that trains on them.
    mutating func add(_ other: Ledger) {
        for (role, account) in other.roles {
            for activity in Activity.allCases {
                let key = activity.rawValue
                charge(
                    role, activity, seconds: account.seconds[key] ?? 0, flops: account.flops[key] ?? 0,
                    steps: account.steps[key] ?? 0)
            }
            note(role, transientBytes: account.transientBytes)
        }
        rewardQueries += other.rewardQueries
        rewardSeconds += other.rewardSeconds
        sampledSteps += other.sampledSteps
        seconds += other.seconds
    }
}

/// Seconds on a clock that never goes back.
func secondsNow() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
