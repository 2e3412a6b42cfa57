import Synchronization
import ZooBase
import ZooData
import ZooKit

/// A host whose every answer is scripted and whose every call is recorded: what golden tests and the conformance bench put in
/// front of a plugin instead of a model.
///
///     let host = ScriptedHost(script)
///     let algorithm = try plugin.create("ppo", host: HostTable(host), parameters: #"{"epochs": 1}"#)
///     try algorithm.step()
///     host.record.losses[0].gradients["logp"]
public final class ScriptedHost: HostServices {
    public var script: Script
    /// What the plugin did so far.
    public var record: Record {
        var whole = recorded
        whole.messages = messages.withLock { $0 }
        return whole
    }
    /// Makes calls fail, and asks the plugin to stop.
    public var faults = Faults()
    /// Sees each loss after it was recorded, while it can still be called again.
    public var inspect: ((LossCall, Record.Loss) throws -> Void)?
    /// Called with the role of each update.
    var updated: ((String) -> Void)?
    var blended: ((Record.Blend) -> Void)?

    private var recorded = Record()
    /// Messages come from any thread, and the question whether to stop does, too.
    private let messages = Mutex<[String]>([])
    private let callCount = Atomic(0)
    private var metrics = MetricAccumulator()
    private var copies: Set<String> = []
    private var generator: SplitMix64
    private var versions: [String: Int] = [:]
    private var pending: Set<String> = []

    /// - Parameter seed: Of the random service.
    public init(_ script: Script = Script(), seed: UInt64 = 0) {
        self.script = script
        generator = SplitMix64(seed: seed)
    }

    /// Updates of the role so far.
    public func version(of role: String) -> Int { versions[role] ?? 0 }

    /// A host in the same position as this one, with an empty record and no script.
    func copy() -> ScriptedHost {
        let copy = ScriptedHost()
        (copy.generator, copy.versions, copy.pending, copy.copies) = (generator, versions, pending, copies)
        return copy
    }

    /// Forgets what was recorded.
    public func clearRecord() {
        recorded = Record()
        messages.withLock { $0 = [] }
        callCount.store(0, ordering: .relaxed)
    }

    /// Begins another iteration's metrics.
    public func endIteration() { _ = metrics.take() }

    private func count(_ name: String) throws {
        recorded.calls.append(name)
        callCount.store(recorded.calls.count, ordering: .relaxed)
        if let failing = faults.failing, failing.call == recorded.calls.count - 1 { throw failing.error }
    }

    // MARK: - What a run's host refuses

    private func check(_ batch: Batch) throws {
        guard let vocabulary = script.vocabulary else { return }
        try RoleRules.requireSequences(batch)
        try RoleRules.requireTokens(batch)
        let objection = RaggedTokens.objection(
            offsets: batch.offsets, tokens: batch.tokens, mask: batch.mask,
            temperature: batch.column("temperature")?.floats, vocabulary: vocabulary)
        if let objection { throw ZooError(.invalidArgument, "batch: \(objection)") }
    }

    /// The outputs of a role. Throws where there is no such role.
    private func outputs(of role: String) throws -> Set<String> {
        guard let roles = script.roles else { return Set(Self.outputs.keys) }
        if let outputs = roles[role]?.outputs { return outputs }
        guard copies.contains(role) else { throw RoleRules.unknown(role, known: copies.union(roles.keys)) }
        return ["logp", "entropy", "score"]
    }

    public func prompts(_ n: Int) throws -> Batch {
        try count("data.prompts")
        return try script.prompts(n)
    }

    public func pairs(_ n: Int) throws -> Batch {
        try count("data.pairs")
        return try script.pairs(n)
    }

    public func examples(_ n: Int) throws -> Batch {
        try count("data.examples")
        return try script.examples(n)
    }

    public func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        try count("rollout.generate")
        recorded.roles.insert(role)
        guard try outputs(of: role).contains("logp") else { throw RoleRules.notSampled(role) }
        try check(prompts)
        return try script.generate(role, prompts, samples)
    }

    public func score(_ rollout: Batch) throws -> [Column] {
        try count("reward.score")
        try check(rollout)
        return try script.rewards(rollout)
    }

    public func supports(role: String, output: String) throws -> OutputInfo {
        try count("model.supports")
        recorded.roles.insert(role)
        guard try outputs(of: role).contains(output) else { throw RoleRules.noOutput(output, of: role) }
        return try info(output)
    }

    public func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        try count("model.forward")
        try check(batch)
        return try answer(role, batch, outputs)
    }

    public func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        try count("model.accumulate")
        if script.roles != nil, copies.contains(role) || script.roles?[role]?.isTrained == false { throw RoleRules.frozen(role) }
        try check(batch)
        // As if it had to be cut: a run's host cuts where the batch does not fit.
        if script.roles != nil { _ = try Slices.cut(batch, flags: flags, limit: 1) }
        let given = try answer(role, batch, outputs)
        let (value, gradients) = try loss(batch, given)
        let made = Record.Loss(
            role: role, batch: batch, outputs: given, flags: flags, value: value,
            gradients: Dictionary(zip(outputs, gradients)) { first, _ in first })
        recorded.losses.append(made)
        pending.insert(role)
        try inspect?(loss, made)
        return value
    }

    public func optimizerStep(role: String) throws -> UpdateInfo {
        try count("model.optimizer_step")
        guard pending.remove(role) != nil else {
            throw RoleRules.noGradient(role)
        }
        versions[role, default: 0] += 1
        recorded.updates.append(role)
        updated?(role)
        return UpdateInfo(gradientNorm: 1, learningRate: 1e-3, version: version(of: role))
    }

    public func discard(role: String) throws {
        pending.remove(role)
    }

    public var position: RunPosition { script.position }

    public func blend(destination: String, source: String, weight: Double) throws {
        try count("model.blend")
        recorded.roles.formUnion([destination, source])
        if let roles = script.roles {
            let given = try outputs(of: source)
            if roles[destination] == nil { copies.insert(destination) }
            if roles[destination]?.isTrained == true { throw RoleRules.trained(destination) }
            if given.contains("logp") != (try outputs(of: destination)).contains("logp") {
                throw RoleRules.different(destination, source)
            }
        }
        let blend = Record.Blend(destination: destination, source: source, weight: weight)
        recorded.blends.append(blend)
        blended?(blend)
    }

    public func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try count("log.metric")
        try ReservedMetric.check(name)
        try metrics.add(name, value, weight: weight, normaliser: normaliser)
        recorded.metrics.append(Record.Metric(name: name, value: value, weight: weight, normaliser: normaliser))
    }

    public func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws {
        try count("rng.fill")
        for index in numbers.indices { numbers[index] = generator.next() }
    }

    public func log(level: Int32, message: String) { messages.withLock { $0.append(message) } }

    public var isCancelled: Bool { faults.cancelFrom.map { callCount.load(ordering: .relaxed) >= $0 } ?? false }

    // MARK: - Outputs

    private static let outputs = [
        "logp": OutputInfo(perStep: true), "entropy": OutputInfo(perStep: true), "value": OutputInfo(perStep: true),
        "kl:reference": OutputInfo(perStep: true), "score": OutputInfo(perStep: false),
    ]

    private func info(_ output: String) throws -> OutputInfo {
        guard let info = Self.outputs[output], !script.absentOutputs.contains(output) else {
            throw ZooError(.notFound, "no role gives the output '\(output)'")
        }
        return info
    }

    private func answer(_ role: String, _ batch: Batch, _ wanted: [String]) throws -> [Column] {
        recorded.roles.insert(role)
        let allowed = try outputs(of: role)
        for name in wanted where !allowed.contains(name) { throw RoleRules.noOutput(name, of: role) }
        let scripted = try script.outputs(role, batch, wanted)
        return try wanted.map { name in
            let info = try info(name)
            let rows = info.perStep ? batch.stepCount : batch.sequenceCount
            guard let values = scripted[name], values.count == rows else {
                throw ZooError(
                    .internal,
                    "the script gives role '\(role)' \(scripted[name]?.count ?? 0) values of '\(name)'; expected \(rows)")
            }
            return Column(name, perStep: info.perStep, .f64(values))
        }
    }
}

extension ScriptedHost {
    /// The services' answers. A service without a script returns `unavailable`.
    public struct Script {
        public var prompts: (_ n: Int) throws -> Batch = { _ in throw Script.absent("prompts") }
        public var pairs: (_ n: Int) throws -> Batch = { _ in throw Script.absent("pairs") }
        public var examples: (_ n: Int) throws -> Batch = { _ in throw Script.absent("examples") }
        public var generate: (_ role: String, _ prompts: Batch, _ samples: Int) throws -> Batch = { _, _, _ in
            throw Script.absent("rollouts")
        }
        /// "reward" and its components, [n_sequences].
        public var rewards: (_ rollout: Batch) throws -> [Column] = { _ in throw Script.absent("rewards") }
        /// At least the wanted outputs, per step or per sequence; asked by `forward` and by `accumulate` alike.
        public var outputs: (_ role: String, _ batch: Batch, _ wanted: [String]) throws -> [String: [Double]] = { _, _, _ in
            throw Script.absent("outputs")
        }
        /// How far the run has come.
        public var position = RunPosition()
        /// Outputs that no role of this host gives.
        public var absentOutputs: Set<String> = []
        /// The roles with their outputs, and whether they are trained; nil: any role, any output. With roles, the host refuses what a
        /// run's would.
        var roles: [String: (outputs: Set<String>, isTrained: Bool)]?
        /// The number of different tokens; nil: batches are not looked at.
        var vocabulary: Int?

        public init() {}

        private static func absent(_ what: String) -> ZooError { ZooError(.unavailable, "this script has no \(what)") }
    }

    /// What goes wrong on purpose.
    public struct Faults {
        /// The call of this number, counted from 0 over all services, fails.
        public var failing: (call: Int, error: ZooError)?
        /// The host asks to stop once this many calls were made.
        public var cancelFrom: Int?

        public init() {}
    }

    /// What the plugin did, in order.
    public struct Record: Sendable, Equatable {
        public struct Loss: Sendable, Equatable {
            public var role: String
            /// With the plugin's own columns.
            public var batch: Batch
            /// In the order asked.
            public var outputs: [Column]
            public var flags: UInt32
            public var value: Double
            /// dLoss/d(output) by the output's name.
            public var gradients: [String: [Double]]
        }

        public struct Blend: Sendable, Equatable {
            public var destination: String
            public var source: String
            public var weight: Double
        }

        public struct Metric: Sendable, Equatable {
            public var name: String
            public var value: Double
            public var weight: Double
            public var normaliser: Int32

            /// NaN is itself here: two runs that both log it are alike.
            public static func == (one: Metric, other: Metric) -> Bool {
                one.name == other.name && one.value.bitPattern == other.value.bitPattern && one.weight == other.weight
                    && one.normaliser == other.normaliser
            }
        }

        /// "model.accumulate" and so on.
        public var calls: [String] = []
        /// Every role that was sampled from, asked, trained or blended.
        public var roles: Set<String> = []
        public var losses: [Loss] = []
        /// The roles of the optimizer's steps.
        public var updates: [String] = []
        public var blends: [Blend] = []
        public var metrics: [Metric] = []
        public var messages: [String] = []

        public init() {}

        /// The last value of the metric, or nil.
        public func metric(_ name: String) -> Double? { metrics.last { $0.name == name }?.value }
    }
}
