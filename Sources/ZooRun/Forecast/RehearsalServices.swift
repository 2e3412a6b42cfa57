import CZoo
import ZooData
import ZooKit
import ZooPlugins
import ZooRecords
import ZooServices

/// The services of a run for one iteration that only tells what iterations cost.
///
/// Samples are drawn for the first prompts and repeated for the others. Of every kind of pass the largest one is made; the others are
/// charged by their steps, and the algorithm sees numbers like those of the pass that was made. Rewards are asked for as many samples.
/// Nothing that an algorithm logs or learns here means anything.
final class RehearsalServices: HostServices {
    private let live: RunServices
    /// Steps of one pass.
    private let limit: Int
    /// Seconds of what was really done and charged, and of reading networks.
    private(set) var spentSeconds = 0.0
    private(set) var loadingSeconds = 0.0
    private var passes: [Kind: Pass] = [:]
    private var updates: [String: (charges: Ledger, info: UpdateInfo)] = [:]
    /// What the reference's scores of fixed rows cost in this iteration: a run asks for those of a row once.
    private(set) var scores = Ledger()
    /// Fixed rows of this iteration, and of the dataset; nil if there are none, or if it sampled, too.
    private var fixed: (drawn: Int, all: Int)? = (0, 0)
    /// Sequences that are sampled and rewarded at most.
    private static let most = 64
    /// A pass that is this much larger than one that was made is made too: its memory is not known yet.
    private static let margin = 1.25

    /// What passes have in common.
    private struct Kind: Hashable {
        var role: String
        var outputs: [String]
        var cut: UInt32?
    }

    /// A pass that was made.
    private struct Pass {
        var steps: Int
        var charges: Ledger
        /// Of each output.
        var means: [Double]
    }

    init(_ live: RunServices, limit: Int) { (self.live, self.limit) = (live, limit) }

    /// Begins another iteration, of which everything is measured again.
    func begin() {
        (spentSeconds, loadingSeconds) = (0, 0)
        (passes, updates) = ([:], [:])
        (scores, fixed) = (Ledger(), (0, 0))
    }

    /// The part of ``scores`` that is paid in each of so many iterations, on average.
    func share(of iterations: Int) -> Double {
        guard let fixed, fixed.drawn > 0 else { return 1 }
        return min(1, Double(fixed.all) / Double(fixed.drawn * iterations))
    }

    // MARK: - Rows, samples, rewards

    func prompts(_ n: Int) throws -> Batch { try whole { try live.prompts(n) } }
    func pairs(_ n: Int) throws -> Batch { try rows(n, .pairs) { try live.pairs(n) } }
    func examples(_ n: Int) throws -> Batch { try rows(n, .examples) { try live.examples(n) } }

    private func rows(_ n: Int, _ kind: DataKind, _ body: () throws -> Batch) throws -> Batch {
        if let before = fixed { fixed = (before.drawn + n, max(before.all, live.data.count(kind) ?? 0)) }
        return try whole(body)
    }

    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        try load(role)
        fixed = nil
        let take = min(prompts.sequenceCount, max(1, Self.most / samples))
        guard take < prompts.sequenceCount else {
            return try whole { try live.generate(role: role, prompts: prompts, samples: samples) }
        }
        let factor = Double(prompts.sequenceCount) / Double(take)
        let before = live.model.ledger
        let drawn = try whole {
            live.model.ledger.roles[role]?.transientBytes = 0
            return try live.generate(role: role, prompts: prompts.selecting(Array(0..<take)), samples: samples)
        }
        live.model.ledger.add(charges: live.model.ledger.charges(since: before), times: factor - 1)
        let bytes = Double(live.model.ledger.roles[role]?.transientBytes ?? 0) * factor
        live.model.ledger.note(role, transientBytes: max(before.roles[role]?.transientBytes ?? 0, Int(bytes)))
        var all = drawn.selecting((0..<prompts.sequenceCount * samples).map { $0 % drawn.sequenceCount })
        all.set(Column("group", perStep: false, .i64((0..<all.sequenceCount).map { Int64($0 / samples) })))
        return all
    }

    func score(_ rollout: Batch) throws -> [Column] {
        let count = rollout.sequenceCount
        guard count > Self.most else { return try whole { try live.score(rollout) } }
        let part = Array(0..<Self.most)
        let before = live.model.ledger
        let columns = try whole { try live.score(rollout.selecting(part)) }
        live.model.ledger.add(
            charges: live.model.ledger.charges(since: before), times: Double(count) / Double(Self.most) - 1)
        return columns.map { column in
            guard column.perStep else { return column.selecting((0..<count).map { $0 % Self.most }) }
            var values = Array(repeating: 0.0, count: rollout.stepCount)
            Slices.scatter(column, of: part, in: rollout, into: &values)
            return Column(column.name, perStep: true, .f64(values))
        }
    }

    // MARK: - Passes

    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        try load(role)
        let before = live.model.ledger
        defer {
            if role == "reference", outputs == ["score"], live.modality.repeatsScores {
                scores.add(charges: live.model.ledger.charges(since: before), times: 1)
            }
        }
        let costs = costs(batch)
        let parts = Slices.bySteps(batch, limit: limit, costs: costs)
        let kind = Kind(role: role, outputs: outputs)
        guard let part = missing(kind, parts, costs) else { return charged(kind, batch, costs) }
        var columns: [Column] = []
        try note(kind, part, costs) {
            columns = try live.forward(role: role, batch: batch.selecting(part), outputs: outputs)
            return columns
        }
        return completed(columns, of: part, kind, batch)
    }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        try load(role)
        let costs = costs(batch)
        let limit = try live.model.limit(role: role, costs: costs)
        let cut = try Slices.cut(batch, flags: flags, limit: limit, costs: costs)
        let parts = cut.isEmpty ? Slices.bySteps(batch, limit: limit, costs: costs) : cut
        let kind = Kind(role: role, outputs: outputs, cut: flags & ZOO_LOSS_CUT)
        var total = 0.0
        var rest = cut
        if let part = missing(kind, parts, costs) {
            rest = cut.filter { $0 != part }
            try note(kind, part, costs) {
                var seen: [Column] = []
                total = try live.accumulate(
                    role: role, batch: batch.selecting(part), outputs: outputs, flags: flags,
                    loss: LossCall { [self] slice, columns in
                        seen = columns
                        guard cut.isEmpty else { return try loss(slice, columns) }
                        let (value, gradients) = try loss(batch, completed(columns, of: part, kind, batch))
                        let own = zip(columns, gradients).map { column, values in
                            Slices.gather(values, perStep: column.perStep, of: part, in: batch)
                        }
                        return (value, own)
                    })
                return seen
            }
        } else {
            charge(kind, costs)
            if cut.isEmpty { total = try loss(batch, shown(kind, batch)).loss }
        }
        for part in rest {
            let slice = batch.selecting(part)
            total += try loss(slice, shown(kind, slice)).loss
        }
        return total
    }

    /// The largest pass, unless one like it was made.
    private func missing(_ kind: Kind, _ parts: [[Int]], _ costs: [Int]) -> [Int]? {
        func steps(_ part: [Int]) -> Int { part.reduce(0) { $0 + costs[$1] } }
        guard let largest = parts.max(by: { steps($0) < steps($1) }) else { return nil }
        guard let made = passes[kind] else { return largest }
        return Double(steps(largest)) > Self.margin * Double(made.steps) ? largest : nil
    }

    /// Makes a pass, and charges the others of the batch like it.
    private func note(_ kind: Kind, _ part: [Int], _ costs: [Int], _ body: () throws -> [Column]) throws {
        let before = live.model.ledger
        let columns = try whole(body)
        let steps = max(1, part.reduce(0) { $0 + costs[$1] })
        let made = Pass(
            steps: steps, charges: live.model.ledger.charges(since: before),
            means: columns.map { column in
                let values = column.doubles.filter { $0 != 0 }
                return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
            })
        passes[kind] = made
        live.model.ledger.add(charges: made.charges, times: Double(costs.reduce(0, +)) / Double(steps) - 1)
    }

    private func charge(_ kind: Kind, _ costs: [Int]) {
        guard let made = passes[kind] else { return }
        live.model.ledger.add(charges: made.charges, times: Double(costs.reduce(0, +)) / Double(made.steps))
    }

    private func charged(_ kind: Kind, _ batch: Batch, _ costs: [Int]) -> [Column] {
        charge(kind, costs)
        return shown(kind, batch)
    }

    /// Outputs like those of the pass that was made; a sample's log-probabilities are those that it was drawn with.
    private func shown(_ kind: Kind, _ batch: Batch) -> [Column] {
        kind.outputs.enumerated().map { index, output in
            let means = passes[kind]?.means ?? []
            let mean = means.indices.contains(index) ? means[index] : 0
            if output == "score" {
                return Column(output, perStep: false, .f64(Array(repeating: mean, count: batch.sequenceCount)))
            }
            if output == "logp", let drawn = batch.column("behaviour_logp"), drawn.perStep {
                return Column(output, perStep: true, .f64(drawn.doubles))
            }
            return Column(output, perStep: true, .f64(batch.mask.map { $0 ? mean : 0 }))
        }
    }

    private func completed(_ columns: [Column], of part: [Int], _ kind: Kind, _ batch: Batch) -> [Column] {
        zip(shown(kind, batch), columns).map { shown, column in
            var values = shown.doubles
            Slices.scatter(column, of: part, in: batch, into: &values)
            return Column(column.name, perStep: column.perStep, .f64(values))
        }
    }

    private func costs(_ batch: Batch) -> [Int] {
        live.modality.costs(batch) ?? (0..<batch.sequenceCount).map { batch.steps(of: $0).count }
    }

    // MARK: - Updates

    func optimizerStep(role: String) throws -> UpdateInfo {
        try load(role)
        if let known = updates[role] {
            live.model.ledger.add(charges: known.charges, times: 1)
            let network = try live.model.roles.role(role)
            network.version += 1
            var info = known.info
            info.version = network.version
            return info
        }
        let before = live.model.ledger
        let info = try whole { try live.optimizerStep(role: role) }
        updates[role] = (live.model.ledger.charges(since: before), info)
        return info
    }

    func discard(role: String) throws { try live.discard(role: role) }

    func blend(destination: String, source: String, weight: Double) throws {
        try load(source)
        try whole { try live.blend(destination: destination, source: source, weight: weight) }
    }

    // MARK: - The rest

    func supports(role: String, output: String) throws -> OutputInfo { try live.supports(role: role, output: output) }
    var position: RunPosition { live.position }

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try live.metric(name: name, value: value, weight: weight, normaliser: normaliser)
    }

    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws { try live.fill(numbers) }
    func log(level: Int32, message: String) { live.log(level: level, message: message) }
    var isCancelled: Bool { live.isCancelled }

    // MARK: - The clock

    /// Reads the role's network if nobody has asked for it before.
    private func load(_ role: String) throws {
        guard live.model.roles.built[role] == nil else { return }
        let start = secondsNow()
        defer { loadingSeconds += secondsNow() - start }
        _ = try live.model.roles.role(role)
    }

    /// Does all of something, whose charges are real seconds.
    private func whole<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = live.model.ledger.chargedSeconds
        defer { spentSeconds += live.model.ledger.chargedSeconds - before }
        return try body()
    }
}
