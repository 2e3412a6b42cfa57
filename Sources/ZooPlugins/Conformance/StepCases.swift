import CZoo
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    /// Whole iterations: what they call, and whether the plugin's description says so.
    static let stepCases: [ConformanceCase] = [
        .each(
            "contract/step", "It runs three iterations on plausible data, updates a network, and releases what it was given.",
            rule: "zoo/plugin.h: One iteration of the algorithm, for example rollout, update and metrics.",
            needs: "contract/create"
        ) { subject in
            let plugin = try subject.plugin()
            let table: HostTable
            let record: ScriptedHost.Record
            do {
                let session = try Session(plugin, subject.id)
                let early = session.host.record.calls.first
                try expect(early == nil, expected: "no call of a service before step", found: "\(early ?? "") in create")
                for iteration in 1...3 { try subject.attempt("iteration \(iteration)") { try session.step() } }
                (table, record) = (session.table, session.host.record)
            }
            try expect(
                table.unreleased == 0, expected: "that everything is released after destroy",
                found: "\(table.unreleased) objects of the host that never were")
            try expect(!record.updates.isEmpty, expected: "an update of a network in three iterations", found: "none")
            return "\(record.calls.count) calls, \(record.updates.count) updates, \(record.metrics.count) metrics"
        },
        .each(
            "contract/metrics", "On plausible data every metric is a finite number, under every setting.",
            rule: "zoo/log.h: NaN is a number that an algorithm may well have to show"
        ) { subject in
            var count = 0
            let settings = try subject.forEachVariant { _, session in
                try session.step(2)
                for metric in session.host.record.metrics {
                    count += 1
                    try expect(
                        metric.value.isFinite, expected: "a finite value of the metric '\(metric.name)'", found: "\(metric.value)"
                    )
                }
            }
            return "\(settings); \(count) metrics"
        },
        .each(
            "contract/services", "It calls only the services that its needs list, and these are known.",
            rule: "zoo/plugin.h: \"services\": [...]"
        ) { subject in
            let needs = try subject.algorithm(in: subject.plugin()).needs
            let host = HostTable(ScriptedHost())
            for id in needs.services {
                try expect(
                    host.service(id) != nil, expected: "needs that a host can meet", found: "the service '\(id)', which none has")
            }
            return try subject.forEachVariant { _, session in
                try session.step(2)
                let called = Set(session.host.record.calls.compactMap { $0.split(separator: ".").first }.map { "zoo.\($0)/1" })
                let unnamed = called.subtracting(needs.services).sorted()
                try expect(
                    unnamed.isEmpty, expected: "calls of \(needs.services.joined(separator: ", ")) alone, which its needs list",
                    found: "calls of \(unnamed.joined(separator: ", "))")
            }
        },
        .each(
            "contract/roles", "It names the roles that its needs list, and under some setting each of them.",
            rule: "zoo/plugin.h: \"roles\": [...]"
        ) { subject in
            let needs = try subject.algorithm(in: subject.plugin()).needs
            let known = Set(SyntheticTask.roles.keys)
            for role in needs.roles {
                try expect(
                    known.contains(role), expected: "needs of \(known.sorted().joined(separator: ", "))",
                    found: "the role '\(role)', which no host has")
            }
            var used: Set<String> = []
            let settings = try subject.forEachVariant { _, session in
                try session.step(2)
                used.formUnion(session.host.record.roles)
                let unnamed = session.host.record.roles.intersection(known).subtracting(needs.roles).sorted()
                try expect(
                    unnamed.isEmpty, expected: "the roles \(needs.roles.joined(separator: ", ")) alone, which its needs list",
                    found: "the role \(unnamed.joined(separator: ", "))")
            }
            let idle = needs.roles.filter { !used.contains($0) }
            try expect(
                idle.isEmpty, expected: "that every role of its needs is used under some setting",
                found: "that \(idle.joined(separator: ", ")) never is")
            return "\(settings); roles: \(used.sorted().joined(separator: ", "))"
        },
        .each(
            "contract/actions", "It never makes an action of a step that the host gave it as context.",
            rule: "zoo/batch.h: the step is an action of the policy and may receive gradient; without it, the step is context"
        ) { subject in
            try subject.forEachVariant { _, session in
                try session.step(2)
                for loss in session.host.record.losses {
                    for sequence in 0..<loss.batch.sequenceCount {
                        let steps = loss.batch.steps(of: sequence)
                        guard let given = session.task.handedOut[Array(loss.batch.tokens[steps])] else { continue }
                        let wrong = zip(steps, given).first { loss.batch.mask[$0] && !$1 }
                        try expect(
                            wrong == nil, expected: "the mask of sequence \(sequence) as it was handed out",
                            found:
                                "an action at step \((wrong?.0 ?? 0) - steps.lowerBound) of its context, in accumulate of role "
                                + "'\(loss.role)'")
                    }
                }
            }
        },
        .each(
            "contract/progress", "It goes on updating: the 11th to 20th iteration make updates, too.",
            rule: "zoo/zoo.h: calls `step` until the budget is spent"
        ) { subject in
            let session = try Session(subject.plugin(), subject.id)
            var updates: [Int] = []
            for iteration in 1...20 {
                try subject.attempt("iteration \(iteration)") { try session.step() }
                updates.append(session.host.record.updates.count)
            }
            let early = updates[9]
            try expect(
                updates[19] > early, expected: "updates in iterations 11 to 20, after \(early) in the first ten",
                found: "none; the last one was in iteration \((updates.firstIndex(of: updates[19]) ?? 0) + 1)")
            return "\(updates[19]) updates in 20 iterations"
        },
    ]
}
