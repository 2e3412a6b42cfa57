import ZooBase
import ZooKit
import ZooPlugins

/// Measures the ``CommonMetric``s of an iteration from what passes through the host anyway: it samples, evaluates and draws nothing.
package final class CommonMetrics {
    /// A mean in the making.
    private struct Mean {
        var sum = 0.0
        var count = 0

        mutating func add(_ values: [Double]) {
            sum += values.reduce(0, +)
            count += values.count
        }
    }

    /// A sequence of a pair, as an update sees it.
    private struct Half {
        var logp: Double
        var reference: Double?
    }

    private let trainedRole: String
    /// Log-probabilities of the policy are means over this many numbers of a step.
    private let dimensions: Double
    /// What tells sequences apart, [n].
    private let keys: (Batch) -> [[Int32]]
    private var means: [CommonMetric: Mean] = [:]
    private var tokens = 0
    /// Of the update in the making; nil: nothing was accumulated yet.
    private var loss: Double?
    /// log π_ref of the sequences that the reference has seen in this iteration.
    private var references: [[Int32]: Double] = [:]
    /// Of the pairs of an accumulation, by pair: chosen, rejected.
    private var halves: [Int: (chosen: Half?, rejected: Half?)] = [:]
    /// Whether an iteration is running: what happens between iterations, such as an evaluation, is none of theirs.
    private var isRunning = false
    private var seconds: Double?

    /// - Parameters:
    ///   - trainedRole: the network whose loss counts.
    ///   - dimensions: numbers in an action of which a log-probability is the mean: the elements of an image, else 1.
    ///   - keys: what tells the sequences of a batch apart.
    package init(trainedRole: String, dimensions: Int, keys: @escaping (Batch) -> [[Int32]]) {
        self.trainedRole = trainedRole
        self.keys = keys
        self.dimensions = Double(dimensions)
    }

    package func begin() {
        (means, tokens, loss, references, halves) = ([:], 0, nil, [:], [:])
        (isRunning, seconds) = (true, nil)
    }

    package func end(seconds: Double) {
        references = [:]
        (isRunning, self.seconds) = (false, seconds)
    }

    /// Notes a rollout of the policy.
    ///
    /// - Parameter updatesBehind: updates since the weights that it was drawn with, where rollouts lag.
    package func sampled(_ rollout: Batch, updatesBehind: Int? = nil) throws {
        guard isRunning else { return }
        if let updatesBehind { note(.lag, Array(repeating: Double(updatesBehind), count: rollout.sequenceCount)) }
        let lengths = rollout.actionCounts
        note(.length, lengths.map(Double.init))
        note(.finished, rollout.column("finished")?.doubles.map { $0 != 0 ? 1 : 0 } ?? lengths.map { _ in 1 })
        let logp = try rollout.steps("behaviour_logp")
        note(.entropy, logp.indices.filter { rollout.mask[$0] }.map { -logp[$0] * dimensions })
        tokens += rollout.actionCount
    }

    /// Notes rewards, [n]; NaN: the sequence cannot be scored.
    package func scored(_ rewards: [Double]) {
        guard isRunning else { return }
        note(.reward, rewards.filter { !$0.isNaN })
    }

    /// Notes the outputs of a pass without gradient.
    package func evaluated(role: String, _ batch: Batch, _ outputs: [Column]) throws {
        guard isRunning, role == "reference", let logp = sequenceLogp(batch, outputs) else { return }
        for (key, value) in zip(keys(batch), logp) { references[key] = value }
        guard outputs.contains(where: { $0.name == "logp" }), batch.column("behaviour_logp") != nil, batch.actionCount > 0 else {
            return
        }
        let own = batch.sequenceSums(try batch.steps("behaviour_logp"))
        note(.kl, zip(own, logp).map { $0 * dimensions - $1 })
    }

    /// Notes an accumulation: `body` runs it with a loss that notes the log-probabilities of pairs on the way, and returns its value.
    package func accumulating(role: String, _ batch: Batch, _ loss: LossCall, _ body: (LossCall) throws -> Double) throws
        -> Double
    {
        guard isRunning, role == trainedRole else { return try body(loss) }
        halves = [:]
        let hasPairs = role == "policy" && batch.column("pair")?.integers != nil && batch.column("chosen") != nil
        let value = try body(
            !hasPairs
                ? loss
                : LossCall { slice, outputs in
                    try self.notePairs(slice, outputs)
                    return try loss(slice, outputs)
                })
        let pairs = halves.sorted { $0.key < $1.key }.map(\.value)
        note(.logpChosen, pairs.compactMap { $0.chosen?.logp })
        note(.logpRejected, pairs.compactMap { $0.rejected?.logp })
        let margins = pairs.compactMap { pair -> Double? in
            guard let chosen = pair.chosen, let rejected = pair.rejected, let above = chosen.reference,
                let below = rejected.reference
            else { return nil }
            return (chosen.logp - above) - (rejected.logp - below)
        }
        note(.margin, margins)
        note(.accuracy, margins.map { $0 > 0 ? 1 : 0 })
        self.loss = (self.loss ?? 0) + value
        tokens += batch.actionCount
        return value
    }

    /// Notes an update.
    package func updated(role: String) {
        guard isRunning, role == trainedRole, let loss else { return }
        note(.loss, [loss])
        self.loss = nil
    }

    /// The last iteration's metrics by name, in the order of ``CommonMetric``; empty if none was run.
    package var values: [(name: String, value: Double)] {
        guard let seconds else { return [] }
        return CommonMetric.allCases.compactMap { metric in
            switch metric {
            case .tokens: tokens > 0 ? (metric.name, Double(tokens)) : nil
            case .seconds: (metric.name, seconds)
            default: means[metric].flatMap { $0.count > 0 ? (metric.name, $0.sum / Double($0.count)) : nil }
            }
        }
    }

    private func note(_ metric: CommonMetric, _ values: [Double]) { means[metric, default: Mean()].add(values) }

    private func notePairs(_ slice: Batch, _ outputs: [Column]) throws {
        guard let logp = sequenceLogp(slice, outputs) else { return }
        let (pairs, chosen) = (try slice.integers("pair"), slice.column("chosen")?.doubles ?? [])
        for (sequence, key) in keys(slice).enumerated() {
            let half = Half(logp: logp[sequence], reference: references[key])
            if chosen[sequence] != 0 {
                halves[pairs[sequence], default: (nil, nil)].chosen = half
            } else {
                halves[pairs[sequence], default: (nil, nil)].rejected = half
            }
        }
    }

    /// log π of whole sequences, in nats, [n]; nil if the outputs do not say.
    private func sequenceLogp(_ batch: Batch, _ outputs: [Column]) -> [Double]? {
        if let score = outputs.first(where: { $0.name == "score" }) { return score.doubles }
        guard let logp = outputs.first(where: { $0.name == "logp" }) else { return nil }
        return batch.sequenceSums(logp.doubles).map { $0 * dimensions }
    }
}
