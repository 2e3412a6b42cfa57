import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// The services of a live run.
package final class RunServices: HostServices, NetworkAccess {
    package let model: NetworkService
    package let data: RowService
    package let rewards: ScoringService
    package let modality: any Modality
    private let settings: RolloutSettings
    /// What samples for the algorithm; nil: the host's own engine, which samples for all others.
    package var server: RolloutServer?
    /// Decay of the policy's moving average; nil for none.
    private let ema: Double?
    /// Draws the samples.
    package let sampling: Generator
    /// The role whose updates count.
    private let trainedRole: String
    package var trainsPolicy: Bool { trainedRole == "policy" }
    /// Sequences that the algorithm sampled since this process began, and how many of them ended before the limit.
    package private(set) var drawn = (sequences: 0, finished: 0)
    /// Serves the algorithm's own random numbers.
    package var random: SplitMix64
    package var metrics = MetricAccumulator()
    /// What is logged of every algorithm, from what it asks the host for.
    package let common: CommonMetrics
    /// When the run is measured along the way; nil if the recipe says when, or nothing is measured.
    package var schedule: EvaluationSchedule?
    /// The share of a budget of seconds that is spent by rank 0's clock, as it was asked last; nil: this process has its own.
    package var rankClock: Double?
    let stop: StopSignal
    private let seed: UInt64
    /// Start time of the current iteration; nil between iterations.
    package var stepStart: Double?

    package init(
        model: NetworkService, data: RowService, rewards: ScoringService, modality: any Modality, settings: RolloutSettings,
        ema: Double? = nil, trainedRole: String = "policy", seed: UInt64, stop: StopSignal
    ) {
        self.trainedRole = trainedRole
        common = CommonMetrics(trainedRole: trainedRole, dimensions: modality.info(.logp).dimensions, keys: modality.keys)
        self.ema = ema
        self.model = model
        self.data = data
        self.rewards = rewards
        self.modality = modality
        self.settings = settings
        self.stop = stop
        self.seed = seed
        if settings.lag > 0, trainedRole == "policy" { model.past = PastPolicies(lag: settings.lag) }
        sampling = Generator(seed: seed)
        random = SplitMix64(seed: seed, stream: 1)
    }

    package func prompts(_ n: Int) throws -> Batch { try timed { try data.prompts(n) } }
    package func pairs(_ n: Int) throws -> Batch { try timed { try data.pairs(n) } }
    package func examples(_ n: Int) throws -> Batch { try timed { try data.examples(n) } }

    private func timed(_ read: () throws -> Batch) throws -> Batch {
        let start = secondsNow()
        defer { model.ledger.dataSeconds += secondsNow() - start }
        let batch = try read()
        for drawn in data.drawn {
            try metrics.add(
                SourceMetric.rows.name(drawn.source), Double(drawn.rows), weight: 1, normaliser: ZOO_METRIC_SUM)
            try metrics.add(SourceMetric.epochs.name(drawn.source), drawn.epochs, weight: 1, normaliser: ZOO_METRIC_LAST)
        }
        return batch
    }

    package func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        let request = SamplingRequest(prompts: prompts, samples: samples, settings: settings, row: data.promptRow)
        let drawn: Batch
        if let server {
            drawn = try generate(request, role: role, by: server)
            try common.sampled(drawn)
        } else {
            let past = try past(role)
            drawn = try generate(request, role: role, past: past, generator: sampling)
            try common.sampled(drawn, updatesBehind: past.map { try model.roles.role(role).version - $0.version })
        }
        model.ledger.sampledSteps += drawn.actionCount
        self.drawn.sequences += drawn.sequenceCount
        self.drawn.finished += drawn.column("finished")?.doubles.count { $0 != 0 } ?? drawn.sequenceCount
        return drawn
    }

    /// The policy that a rollout is drawn with where rollouts lag behind training; nil for the one of the role itself.
    private func past(_ name: String) throws -> PastPolicies.Past? {
        guard let past = model.past, try model.roles.role(name).optimizer != nil || name != "policy" else { return nil }
        guard name == "policy" else {
            throw ZooError(
                .failedPrecondition,
                "rollout.lag is \(past.lag), which holds for samples of the policy, and the algorithm samples from role '\(name)'; set "
                    + "rollout.lag to 0, or parameters so that it samples from the policy (of grpo: refresh_interval 1)")
        }
        past.note(try model.roles.role(name), iteration: model.ledger.algorithmSteps)
        return past.kept.first
    }

    /// Samples with the caller's settings and generator, as evaluation does.
    package func generate(
        role: String, prompts: Batch, samples: Int, settings: RolloutSettings, generator: Generator, row: @escaping (Int) -> Row?
    ) throws -> Batch {
        let request = SamplingRequest(prompts: prompts, samples: samples, settings: settings, row: row)
        return try generate(request, role: role, generator: generator)
    }

    package func generate(
        _ request: SamplingRequest, role name: String, past: PastPolicies.Past? = nil, generator: Generator
    ) throws -> Batch {
        let role = try model.roles.role(name)
        let samples =
            try model.ranks.map { try drawn(request, role, past: past, generator, $0) }
            ?? draw(request, role, past: past, generator)
        return sampled(samples, of: request, version: past?.version ?? role.version)
    }

    /// Draws samples in this process, and charges the call.
    func draw(_ request: SamplingRequest, _ role: RoleNetwork, past: PastPolicies.Past?, _ generator: Generator) throws -> Drawn {
        let start = secondsNow()
        let (stop, iteration) = (stop, model.ledger.algorithmSteps)
        let drawn = try model.transient(role) {
            let sequences = request.prompts.sequenceCount * request.samples
            let tokens = modality is ImageModality ? 0 : request.settings.maxNewTokens
            return try MemoryUse.noting(.sampling(role: role.name, sequences: sequences, tokens: tokens)) {
                try modality.generate(
                    request, with: past?.network ?? role.network, generator: generator, iteration: iteration,
                    isCancelled: { stop.isImmediate })
            }
        }
        guard let drawn else {
            throw RoleRules.notSampled(role.name)
        }
        model.device.synchronize()
        let began = start + drawn.environmentSeconds
        if drawn.prefill.seconds > 0 {
            let last = began + drawn.prefill.seconds
            model.charge(role, .prefill, from: began, to: last, flops: drawn.prefill.flops, steps: 0)
        }
        model.charge(
            role, .generate, from: began + drawn.prefill.seconds, to: secondsNow(), flops: drawn.flops, steps: drawn.steps)
        if drawn.environmentSeconds > 0 {
            model.ledger.environmentSeconds = (model.ledger.environmentSeconds ?? 0) + drawn.environmentSeconds
        }
        return drawn
    }

    /// Samples with the columns that all of them have, their prompts' among them.
    func sampled(_ drawn: Drawn, of request: SamplingRequest, version: Int) -> Batch {
        var batch = drawn.batch
        let (prompts, samples) = (request.prompts, request.samples)
        let count = batch.sequenceCount
        for column in prompts.columns where !column.perStep {
            batch.set(column.repeated(samples, rows: prompts.sequenceCount))
        }
        batch.set("behaviour_logp", perStep: Slices.unpack(drawn.logp.map(Double.init), batch.mask))
        batch.set(Column("group", perStep: false, .i64((0..<count).map { Int64($0 / samples) })))
        batch.set(Column("finished", perStep: false, .u8(drawn.finished.map { $0 ? 1 : 0 })))
        batch.set(Column("policy_version", perStep: false, .i64(Array(repeating: Int64(version), count: count))))
        for column in drawn.columns { batch.set(column) }
        return batch
    }

    package func score(_ rollout: Batch) throws -> [Column] {
        let scores = try rewards.score(rollout, row: data.promptRow, ledger: &model.ledger, unscorable: true)
        common.scored(scores[0].doubles)
        if let rows = rollout.column("row")?.integers {
            for own in data.meanRewards(rows.map { Int($0) }, scores[0].doubles) {
                try metrics.add(
                    SourceMetric.reward.name(own.source), own.mean, weight: Double(own.count), normaliser: ZOO_METRIC_MEAN)
            }
        }
        return scores + rewards.weights(rollout, of: scores)
    }

    package func network(_ role: String) throws -> any Network { try model.roles.role(role).network }

    package func supports(role: String, output: String) throws -> OutputInfo { try model.supports(role: role, output: output) }

    package func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        let columns = try model.forward(role: role, batch: batch, outputs: outputs)
        try common.evaluated(role: role, batch, columns)
        return columns
    }

    package func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        try common.accumulating(role: role, batch, loss) {
            try model.accumulate(role: role, batch: batch, outputs: outputs, flags: flags, loss: $0)
        }
    }

    package func optimizerStep(role: String) throws -> UpdateInfo {
        if role == "policy", ema != nil {  // it begins where the policy does
            model.roles.addCopy(Self.averaged, of: try model.roles.role(role))
        }
        if role == "policy", let past = model.past {
            past.note(try model.roles.role(role), iteration: model.ledger.algorithmSteps)
        }
        let update = try model.optimizerStep(role: role)
        common.updated(role: role)
        if role == "policy", let ema { try model.blend(destination: Self.averaged, source: role, weight: 1 - ema) }
        try metrics.add("grad_norm/\(role)", update.gradientNorm, weight: 1, normaliser: ZOO_METRIC_MEAN)
        try metrics.add("lr/\(role)", update.learningRate, weight: 1, normaliser: ZOO_METRIC_LAST)
        if role == trainedRole { model.ledger.updates += 1 }
        return update
    }

    package func discard(role: String) throws { try model.discard(role: role) }

    package var position: RunPosition {
        RunPosition(progress: min(1, max(0, model.progress())), iteration: model.ledger.algorithmSteps, seed: seed)
    }

    private static let averaged = "ema"

    /// The role that is evaluated and saved as the policy.
    package var keptPolicy: String { model.roles.built[Self.averaged] == nil ? "policy" : Self.averaged }

    package func blend(destination: String, source: String, weight: Double) throws {
        try model.blend(destination: destination, source: source, weight: weight)
    }

    package func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try metrics.add(name, value, weight: weight, normaliser: normaliser)
    }

    package func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws {
        for index in numbers.indices { numbers[index] = random.next() }
    }

    package func log(level: Int32, message: String) { RunEvent.log(level, message) }

    package var isCancelled: Bool { stop.isImmediate }
}

extension Column {
    /// Each row repeated `times` times: a prompt's columns for its samples.
    func repeated(_ times: Int, rows: Int) -> Column {
        selecting((0..<rows).flatMap { Array(repeating: $0, count: times) })
    }
}
