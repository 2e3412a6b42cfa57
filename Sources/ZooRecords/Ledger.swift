import Foundation
import ZooPlugins
import ZooRecipe

/// The costs of one run: seconds, floating-point operations, steps and bytes by role, and reward queries.
public struct Ledger: Codable, Sendable, Equatable {
    /// What a network did.
    public enum Activity: String, Codable, Sendable, CaseIterable {
        /// The pass over the prompts that sampling begins with.
        case prefill
        case generate, forward, backward, optimize
        /// Giving weights to a server that samples.
        case handover
    }

    /// The account of one role.
    public struct Account: Codable, Sendable, Equatable {
        public var parameters = 0
        public var weightBytes = 0
        public var gradientBytes = 0
        public var optimizerBytes = 0
        /// The largest transient memory of one call: activations, logits, caches.
        public var transientBytes = 0
        /// Seconds by activity.
        public var seconds: [String: Double] = [:]
        /// Floating-point operations by activity, counted from the shapes.
        public var flops: [String: Double] = [:]
        /// Steps (tokens) by activity, prompts included.
        public var steps: [String: Int] = [:]
        /// Bytes of the weights that were handed over; nil where none were.
        public var handedBytes: Int?

        public var totalSeconds: Double { seconds.values.reduce(0, +) }
        public var totalFLOPs: Double { flops.values.reduce(0, +) }
        /// What the role holds between calls.
        public var heldBytes: Int { weightBytes + gradientBytes + optimizerBytes }

        package init() {}
    }

    /// The memory of the device where the networks are, if that is not the process's own.
    public struct DeviceMemory: Codable, Sendable, Equatable {
        /// "cuda:0".
        public var name: String
        /// The most that the process had taken of it, what its allocator keeps among it.
        public var peakBytes: Int
        /// What the process may use of it: all that other processes do not.
        public var availableBytes: Int
        public var totalBytes: Int

        package init(name: String, peakBytes: Int, availableBytes: Int, totalBytes: Int) {
            (self.name, self.peakBytes, self.availableBytes, self.totalBytes) = (name, peakBytes, availableBytes, totalBytes)
        }
    }

    /// The memory of one rank's process.
    public struct RankMemory: Codable, Sendable, Equatable {
        /// The process's peak, including everything.
        public var peakBytes: Int
        /// Of the optimizers' states that it held at the end.
        public var optimizerBytes: Int

        package init(peakBytes: Int, optimizerBytes: Int) { (self.peakBytes, self.optimizerBytes) = (peakBytes, optimizerBytes) }
    }

    public var roles: [String: Account] = [:]
    /// By rank, of a run on several; the other bytes are rank 0's. nil: one process.
    public var ranks: [RankMemory]?
    /// nil: networks are in the process's memory.
    public var device: DeviceMemory?
    public var rewardQueries = 0
    /// In reward functions; a reward model's seconds are those of the role `reward`.
    public var rewardSeconds = 0.0
    /// Waiting for an environment while sampling; nil where there is none.
    public var environmentSeconds: Double?
    /// Of a run on several ranks: telling the others and waiting for them, within iterations; nil in one process.
    public var communicationSeconds: Double?
    /// Sampled actions of the policy.
    public var sampledSteps = 0
    /// Updates of the policy.
    public var updates = 0
    /// Iterations.
    public var algorithmSteps = 0
    /// Seconds in the data service: reading rows, and turning them into tokens.
    public var dataSeconds = 0.0
    /// Seconds inside the algorithm's `step`, including everything, plus those of what was made for it beforehand.
    public var seconds = 0.0
    /// Part of `seconds`: for what is made once, such as preference pairs, here or by an earlier run.
    public var preparedSeconds = 0.0
    /// Seconds of the process outside of `step`, by ``Phase``.
    public var phases: [String: Double] = [:]
    /// From the start of the process to this account; over all processes of a run that was resumed.
    public var wallSeconds = 0.0
    /// The program and its libraries: code and constants that were used, and their variables.
    public var programBytes = 0
    /// In use at the end and not tensors: datasets, tokenizers, batches, the engine's own buffers.
    public var dataBytes = 0
    /// Freed and kept by the allocator for the next pass, beyond the largest one.
    public var keptBytes = 0
    /// Memory of the gold rewards.
    public var goldBytes = 0
    /// The largest working memory of one call while measuring.
    public var evaluationBytes = 0
    /// The process's peak memory, including everything.
    public var processPeakBytes = 0

    /// What a process does outside iterations.
    public enum Phase: String, Codable, Sendable, CaseIterable {
        /// Before the first iteration: the program, its libraries, datasets, the plugin.
        case loading
        case checkpoints
        /// Writing metrics.
        case logging
        /// On held-out prompts, during training and at the end.
        case evaluation
        /// Writing the model.
        case saving
    }

    /// In the algorithm's own arithmetic and in passing arrays through the plugin ABI.
    public var algorithmSeconds: Double {
        seconds - rewardSeconds - (environmentSeconds ?? 0) - (communicationSeconds ?? 0) - dataSeconds
            - roles.values.reduce(0) { $0 + $1.totalSeconds }
    }
    /// The process's time that no other row explains.
    public var remainingSeconds: Double { wallSeconds - (seconds - preparedSeconds) - phases.values.reduce(0, +) }
    /// The largest working memory of one call: only one pass runs at a time.
    public var transientBytes: Int { max(evaluationBytes, roles.values.map(\.transientBytes).max() ?? 0) }
    /// What the networks hold and their largest pass took, wherever they are.
    private var networkBytes: Int { goldBytes + transientBytes + roles.values.reduce(0) { $0 + $1.heldBytes } }
    /// The process's peak memory that no other row explains.
    public var remainingBytes: Int {
        processPeakBytes - programBytes - dataBytes - keptBytes - (device == nil ? networkBytes : 0)
    }
    /// The device's, which its allocator keeps beyond the largest pass; nil where there is none.
    public var remainingDeviceBytes: Int? { device.map { $0.peakBytes - networkBytes } }
    public var totalFLOPs: Double { roles.values.reduce(0) { $0 + $1.totalFLOPs } }

    package mutating func note(_ phase: Phase, seconds: Double) { phases[phase.rawValue, default: 0] += seconds }

    package mutating func communicate(_ seconds: Double) { communicationSeconds = (communicationSeconds ?? 0) + seconds }

    /// Adds the cost of one call for a role.
    package mutating func charge(_ role: String, _ activity: Activity, seconds: Double, flops: Double, steps: Int) {
        var account = roles[role] ?? Account()
        account.seconds[activity.rawValue, default: 0] += seconds
        account.flops[activity.rawValue, default: 0] += flops
        account.steps[activity.rawValue, default: 0] += steps
        roles[role] = account
    }

    /// Records weights that were given to a server.
    package mutating func note(_ role: String, handedBytes: Int) {
        roles[role, default: Account()].handedBytes = (roles[role]?.handedBytes ?? 0) + handedBytes
    }

    /// Records the transient memory of one call of a role.
    package mutating func note(_ role: String, transientBytes: Int) {
        roles[role, default: Account()].transientBytes = max(roles[role]?.transientBytes ?? 0, transientBytes)
    }

    /// Adds the cost of another part of the work: building DPO's pairs counts for each run that trains on them.
    package mutating func add(_ other: Ledger) {
        for (role, account) in other.roles {
            for activity in Activity.allCases where account.seconds[activity.rawValue] != nil {
                let key = activity.rawValue
                charge(
                    role, activity, seconds: account.seconds[key] ?? 0, flops: account.flops[key] ?? 0,
                    steps: account.steps[key] ?? 0)
            }
            note(role, transientBytes: account.transientBytes)
            if let bytes = account.handedBytes { note(role, handedBytes: bytes) }
        }
        rewardQueries += other.rewardQueries
        rewardSeconds += other.rewardSeconds
        if let own = other.environmentSeconds { environmentSeconds = (environmentSeconds ?? 0) + own }
        dataSeconds += other.dataSeconds
        sampledSteps += other.sampledSteps
        seconds += other.seconds
        preparedSeconds += other.seconds
    }

    package init() {}
}

/// Seconds of a monotonic clock.
package func secondsNow() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

/// When this process was started, on the same clock; passed by its host, since getting here takes time.
package let processStart: Double = {
    let said = ProcessInfo.processInfo.environment[Worker.started].flatMap(Double.init)
    return said.map { $0 / 1e9 } ?? secondsNow()
}()
