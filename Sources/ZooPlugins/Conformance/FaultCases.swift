import ZooKit

extension ConformanceCase {
    static let faultCases: [ConformanceCase] = [
        .each(
            "faults/failing-calls", "If a call to the host fails, step fails with the same status, and nothing is leaked.",
            rule: "zoo/plugin.h: On an error the run stops, so the status says why"
        ) { subject in
            let plugin = try subject.plugin()
            let calls = try recordedCalls(plugin, subject)
            let tried = sample(calls)
            for index in tried {
                let fault = ZooError(.resourceExhausted, "scripted failure of call \(index)")
                try subject.attempt("where call \(index), \(calls[index]), fails with resourceExhausted") {
                    let table: HostTable
                    do {
                        let session = try Session(plugin, subject.id)
                        session.host.faults.failing = (index, fault)
                        let error = try refusal("the failure") { try session.step(2) }
                        try expect(
                            error.code == fault.code, expected: "that step fails with it, too", found: "\(error.code) from step")
                        table = session.table
                    }
                    try expect(
                        table.unreleased == 0, expected: "that everything is released",
                        found: "\(table.unreleased) objects of the host that never were")
                }
            }
            return "\(tried.count) calls failed, one at a time"
        },
        .each(
            "faults/cancellation", "Asked to stop, it returns soon with the status for that.",
            rule: "zoo/plugin.h: return ZOO_CANCELLED from `step` soon"
        ) { subject in
            let plugin = try subject.plugin()
            let calls = try recordedCalls(plugin, subject)
            for index in sample(calls) {
                try subject.attempt("asked to stop from call \(index), \(calls[index]), on") {
                    let session = try Session(plugin, subject.id)
                    session.host.faults.cancelFrom = index
                    do {
                        try session.step()
                    } catch let error as ZooError {
                        try expect(
                            error.code == .cancelled, expected: "OK or cancelled from step",
                            found: "\(error.code): \(error.message)")
                    }
                }
            }
            for index in calls.indices where calls[index] == "rollout.generate" {
                let session = try Session(plugin, subject.id)
                session.host.faults.failing = (index, ZooError(.cancelled, "the run was asked to stop"))
                let error = try refusal("a cancelled rollout") { try session.step(2) }
                try expect(error.code == .cancelled, "generate was cancelled, and step returned \(error.code)")
            }
            return "\(calls.count) calls"
        },
        .each(
            "faults/empty", "No sequences, no actions, or half of a pair lead to an error or to finite numbers.",
            rule: "zoo/model.h: ZOO_DATA_LOSS where a number is not finite."
        ) { subject in
            let plugin = try subject.plugin()
            let none = try spoiled(plugin, subject) { $0.selecting([]) }
            try expect(none != nil, "a step on a batch without a sequence was OK")
            _ = try spoiled(plugin, subject) { batch in
                var batch = batch
                batch.mask = batch.mask.map { _ in false }
                return batch
            }
            _ = try spoiled(plugin, subject) { $0.selecting($0.sequenceCount > 0 ? [0] : []) }
            if try recordedCalls(plugin, subject).contains("data.pairs") {
                let odd = try spoiled(plugin, subject) { $0.selecting(Array(0..<($0.sequenceCount - 1))) }
                try expect(odd != nil, "a step on a pair without its other half was OK")
            }
            let short = SyntheticTask()
            short.lengths = 1...1
            let session = try Session(plugin, subject.id, task: short)
            try session.step(2)
            try expectFinite(session.host.record)
            return "5 inputs"
        },
    ]

    /// The calls of two steps.
    private static func recordedCalls(_ plugin: Plugin, _ subject: Subject) throws -> [String] {
        let session = try Session(plugin, subject.id)
        try session.step(2)
        return session.host.record.calls
    }

    /// The first and the last two calls of every kind. Whether a role gives an output may be asked in vain.
    private static func sample(_ calls: [String]) -> [Int] {
        let kinds = Dictionary(grouping: calls.indices) { calls[$0] }
        return kinds.filter { $0.key != "model.supports" }.flatMap { Set($0.value.prefix(2) + $0.value.suffix(2)) }.sorted()
    }

    /// An iteration on altered data: the message of its error, or nil if everything it did was finite.
    private static func spoiled(_ plugin: Plugin, _ subject: Subject, _ spoil: @escaping (Batch) -> Batch) throws -> String? {
        let task = SyntheticTask()
        task.spoilBatch = spoil
        let session = try Session(plugin, subject.id, task: task)
        do {
            try session.step()
        } catch let error as ZooError {
            try expect(!error.message.isEmpty, "the error has no message")
            return error.message
        }
        try expectFinite(session.host.record)
        return nil
    }

    private static func expectFinite(_ record: ScriptedHost.Record) throws {
        for loss in record.losses {
            try expect(loss.value.isFinite, "the loss of role '\(loss.role)' is \(loss.value)")
            try expect(loss.gradients.values.joined().allSatisfy(\.isFinite), "a gradient of role '\(loss.role)' is not finite")
        }
        for metric in record.metrics { try expect(metric.value.isFinite, "the metric \(metric.name) is \(metric.value)") }
    }
}
