import CZoo

/// The host, as an algorithm sees it: services to call during `step`.
///
/// Every service call throws a `ZooError` where the host reports one, or where this host lacks the service. What the host hands out
/// is copied into Swift values and given back at once. To be used on the thread that called the algorithm.
public final class Host {
    let table: UnsafePointer<zoo_host_v1>

    /// Throws where the table is NULL or too short to find services with.
    init(_ table: UnsafePointer<zoo_host_v1>?) throws {
        guard let table else { throw ZooError(.invalidArgument, "the host is NULL") }
        guard field(table, \.get_extension) != nil, field(table, \.release) != nil else {
            throw ZooError(
                .invalidArgument, "the host's table is too short: it needs get_extension and release, as version 1.0 has them")
        }
        self.table = table
    }

    /// Rows of the recipe's datasets.
    public var data: DataService { get throws { try DataService(table) } }

    /// Samples of a policy.
    public var rollout: RolloutService { get throws { try RolloutService(table) } }

    /// The recipe's reward.
    public var reward: RewardService { get throws { try RewardService(table) } }

    /// Networks by role, and their gradients.
    public var model: ModelService { get throws { try ModelService(table) } }

    /// How far the run has come.
    public var run: RunInfo { get throws { try RunInfo(table) } }

    /// A generator seeded by the next number of the run's own, which the host checkpoints. Make one in each step, so that a resumed run
    /// continues bit for bit.
    public func makeGenerator() throws -> RunGenerator { try RunGenerator(table) }

    /// Adds a value to a metric of this step. `over` is the number of things that `value` is a mean of, and weighs it among other
    /// values of the same name; a mean over nothing is not logged.
    public func log(_ name: String, _ value: Double, over count: Int = 1, _ normaliser: MetricNormaliser = .mean) throws {
        guard count > 0 else { return }
        let service = try Service<zoo_log_v1>(ZOO_LOG_ID, host: table) { field($0, \.ctx) }
        let metric = try service.function("metric", \.metric)
        try name.withZooString { name in
            try ZooError.check("\(service.id) metric") {
                metric(service.context, name, value, Double(count), normaliser.rawValue, $0)
            }
        }
    }

    /// Writes a line to the run's log.
    public func message(_ level: MessageLevel, _ text: String) {
        text.withZooString { field(table, \.log)?(field(table, \.ctx), level.rawValue, $0) }
    }

    /// Throws `.cancelled` where the run is to stop. Call it between the long parts of a step; `train` does between updates.
    public func checkCancellation() throws {
        guard let cancelled = field(table, \.cancelled), cancelled(field(table, \.ctx)) != 0 else { return }
        throw ZooError(.cancelled, "the run was asked to stop")
    }
}

/// How several values of one metric within one step become one.
public enum MetricNormaliser: Int32, Sendable {
    case mean = 1
    case sum, min, max, last
}

/// Severity of a line in the run's log.
public enum MessageLevel: Int32, Sendable {
    case debug, info, warning, error
}

/// How far the run has come, for what an algorithm anneals.
public struct RunInfo: Sendable, Equatable {
    /// The share of the stage's budget that is spent, in [0, 1]; learning-rate schedules go by it.
    public let progress: Double
    /// Calls of `step` that are done, those before a resumption among them.
    public let iteration: Int
    /// The recipe's.
    public let seed: UInt64

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        let service = try Service<zoo_run_v1>(ZOO_RUN_ID, host: host) { field($0, \.ctx) }
        let function = try service.function("info", \.info)
        var info = zoo_run_info()
        info.size = UInt32(MemoryLayout<zoo_run_info>.size)
        try ZooError.check("\(service.id) info") { function(service.context, &info, $0) }
        (progress, iteration, seed) = (info.progress, Int(clamping: info.iteration), info.seed)
    }
}

/// A deterministic generator (SplitMix64; Steele, Lea and Flood 2014), seeded by one number of the run's own.
public struct RunGenerator: RandomNumberGenerator {
    private var state: UInt64 = 0

    init(_ host: UnsafePointer<zoo_host_v1>) throws {
        let service = try Service<zoo_rng_v1>(ZOO_RNG_ID, host: host) { field($0, \.ctx) }
        let fill = try service.function("fill", \.fill)
        try ZooError.check("\(service.id) fill") { fill(service.context, &state, 1, $0) }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
