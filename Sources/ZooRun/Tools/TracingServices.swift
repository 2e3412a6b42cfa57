import ZooBase
import ZooKit
import ZooPlugins

/// The services of a run, each call of which is also written as a line of JSON: what a plugin asks, and what it sees.
///
/// The key `call` names the function as the contract does; `loss` is a call of the plugin's loss, within the `accumulate` that follows.
/// Arrays are cut after `limit` elements, and their `count` is given.
final class TracingServices: HostServices {
    private let live: any HostServices
    private let limit: Int
    private let write: (String) throws -> Void

    init(_ live: any HostServices, limit: Int, write: @escaping (String) throws -> Void) {
        (self.live, self.limit, self.write) = (live, limit, write)
    }

    // MARK: - Lines

    private func line(_ call: String, _ members: [String: JSONValue]) throws {
        try write(JSONValue.object(members.merging(["call": .string(call)]) { $1 }).text())
    }

    private func numbers(_ values: [Double]) -> JSONValue {
        .array(values.prefix(limit).map { $0.isFinite ? .number($0) : .string("\($0)") })
    }

    private func shown(_ columns: [Column]) -> JSONValue {
        .array(
            columns.map { column in
                let values: JSONValue =
                    column.strings.map { .array($0.prefix(limit).map(JSONValue.string)) } ?? numbers(column.doubles)
                return .object([
                    "name": .string(column.name), "per": .string(column.perStep ? "step" : "sequence"),
                    "width": .integer(column.width), "count": .integer(max(column.doubles.count, column.strings?.count ?? 0)),
                    "values": values,
                ])
            })
    }

    private func shown(_ batch: Batch) -> JSONValue {
        .object([
            "sequences": .integer(batch.sequenceCount), "steps": .integer(batch.stepCount),
            "actions": .integer(batch.actionCount), "offsets": .array(batch.offsets.prefix(limit + 1).map(JSONValue.integer)),
            "tokens": .array(batch.tokens.prefix(limit).map { .integer(Int($0)) }),
            "mask": .array(batch.mask.prefix(limit).map { .integer($0 ? 1 : 0) }), "columns": shown(batch.columns),
        ])
    }

    private func names(_ names: [String]) -> JSONValue { .array(names.map(JSONValue.string)) }

    // MARK: - Calls

    private func rows(_ call: String, _ n: Int, _ read: (Int) throws -> Batch) throws -> Batch {
        let batch = try read(n)
        try line(call, ["n": .integer(n), "batch": shown(batch)])
        return batch
    }

    func prompts(_ n: Int) throws -> Batch { try rows("zoo.data/1 prompts", n, live.prompts) }
    func pairs(_ n: Int) throws -> Batch { try rows("zoo.data/1 pairs", n, live.pairs) }
    func examples(_ n: Int) throws -> Batch { try rows("zoo.data/1 examples", n, live.examples) }

    func generate(role: String, prompts: Batch, samples: Int) throws -> Batch {
        let batch = try live.generate(role: role, prompts: prompts, samples: samples)
        try line("zoo.rollout/1 generate", ["role": .string(role), "samples": .integer(samples), "batch": shown(batch)])
        return batch
    }

    func score(_ rollout: Batch) throws -> [Column] {
        let columns = try live.score(rollout)
        try line("zoo.reward/1 score", ["sequences": .integer(rollout.sequenceCount), "rewards": shown(columns)])
        return columns
    }

    func supports(role: String, output: String) throws -> OutputInfo {
        let info = try live.supports(role: role, output: output)
        try line("zoo.model/1 supports", ["role": .string(role), "output": .string(output)])
        return info
    }

    func forward(role: String, batch: Batch, outputs: [String]) throws -> [Column] {
        let columns = try live.forward(role: role, batch: batch, outputs: outputs)
        try line("zoo.model/1 forward", ["role": .string(role), "want": names(outputs), "outputs": shown(columns)])
        return columns
    }

    func accumulate(role: String, batch: Batch, outputs: [String], flags: UInt32, loss: LossCall) throws -> Double {
        let traced = LossCall { [self] slice, columns in
            let result = try loss(slice, columns)
            let gradients = zip(columns, result.gradients).map { Column($0.name, perStep: $0.perStep, .f64($1)) }
            try line(
                "loss",
                [
                    "role": .string(role), "slice": shown(slice), "outputs": shown(columns), "gradients": shown(gradients),
                    "loss": .number(result.loss),
                ])
            return result
        }
        let sum = try live.accumulate(role: role, batch: batch, outputs: outputs, flags: flags, loss: traced)
        try line(
            "zoo.model/1 accumulate",
            ["role": .string(role), "want": names(outputs), "flags": .integer(Int(flags)), "loss": .number(sum)])
        return sum
    }

    func optimizerStep(role: String) throws -> UpdateInfo {
        let info = try live.optimizerStep(role: role)
        try line(
            "zoo.model/1 optimizer_step",
            [
                "role": .string(role), "gradient_norm": .number(info.gradientNorm), "learning_rate": .number(info.learningRate),
                "policy_version": .integer(info.version),
            ])
        return info
    }

    func discard(role: String) throws {
        try live.discard(role: role)
        try line("zoo.model/1 discard", ["role": .string(role)])
    }

    func blend(destination: String, source: String, weight: Double) throws {
        try live.blend(destination: destination, source: source, weight: weight)
        try line(
            "zoo.model/1 blend",
            ["destination": .string(destination), "source": .string(source), "weight": .number(weight)])
    }

    func metric(name: String, value: Double, weight: Double, normaliser: Int32) throws {
        try live.metric(name: name, value: value, weight: weight, normaliser: normaliser)
        try line(
            "zoo.log/1 metric",
            ["name": .string(name), "value": value.isFinite ? .number(value) : .string("\(value)"), "weight": .number(weight)])
    }

    func fill(_ numbers: UnsafeMutableBufferPointer<UInt64>) throws {
        try live.fill(numbers)
        try line("zoo.rng/1 fill", ["n": .integer(numbers.count)])
    }

    var position: RunPosition { live.position }
    func log(level: Int32, message: String) { live.log(level: level, message: message) }
    var isCancelled: Bool { live.isCancelled }
}
