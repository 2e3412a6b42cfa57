import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    static let stateCases: [ConformanceCase] = [
        .each(
            "state/same-seed", "The same data and the same seed give the same bits.",
            rule: "zoo/zoo.h: the same bits"
        ) { subject in
            try subject.forEachVariant { variant, first in
                let second = try Session(subject.plugin(), subject.id, first.parameters)
                try first.step(2)
                try second.step(2)
                try expectEqual(first.host.record, second.host.record, "a second run from the same seed")
            }
        },
        .each(
            "state/resume", "Saved and loaded in the middle, it continues bit for bit.",
            rule: "zoo/plugin.h: Writes all state that a later `load` needs to go on bit for bit."
        ) { subject in
            try subject.forEachVariant { variant, session in
                for steps in 1...2 {
                    try session.step(steps)
                    let state = try session.algorithm.save()
                    let resumed = try Session(
                        subject.plugin(), subject.id, session.parameters, task: session.task.copy(),
                        host: session.host.copy())
                    try resumed.algorithm.load(state)
                    try expect(try resumed.algorithm.save() == state, "the loaded state, saved again, has other bytes")
                    session.host.clearRecord()
                    try session.step(3)
                    try resumed.step(3)
                    try expectEqual(session.host.record, resumed.host.record, "a run resumed after \(steps) steps")
                }
            }
        },
        .each(
            "state/damaged", "Truncated or foreign saved state is refused.",
            rule: "zoo/plugin.h: ZOO_DATA_LOSS where the bytes are not such a state"
        ) { subject in
            let plugin = try subject.plugin()
            let session = try Session(plugin, subject.id)
            try session.step(2)
            let state = try session.algorithm.save()
            var generator = SplitMix64(seed: 7)
            let noise = Data((0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) })
            var damaged = [("64 random bytes", noise), ("a state with trailing bytes", state + noise)]
            if !state.isEmpty {
                damaged += [("an empty state", Data()), ("half of a state", state.prefix(state.count / 2))]
                damaged.append(("a state without its last byte", state.dropLast()))
            }
            for (what, bytes) in damaged {
                try subject.attempt("load of \(what)") {
                    let fresh = try Session(plugin, subject.id)
                    let refusal = try refusal("it") { try fresh.algorithm.load(Data(bytes)) }
                    try expect(refusal.code == .dataLoss, expected: "dataLoss", found: "\(refusal.code): \(refusal.message)")
                }
            }
            return "\(damaged.count) refused, of a state of \(state.count) bytes"
        },
    ]

    /// Throws at the first difference between two algorithms' calls.
    static func expectEqual(_ expected: ScriptedHost.Record, _ found: ScriptedHost.Record, _ what: String) throws {
        try expect(
            expected.calls == found.calls, "\(what) made other calls: \(found.calls.count) against \(expected.calls.count)")
        for (index, (one, other)) in zip(expected.losses, found.losses).enumerated() {
            try expect(one.batch == other.batch, "\(what) gave loss \(index) another batch")
            try expect(
                one.value == other.value && one.gradients == other.gradients,
                "\(what) has another loss \(index): \(other.value) against \(one.value)")
        }
        for (one, other) in zip(expected.metrics, found.metrics) {
            try expect(one == other, "\(what) has another metric \(one.name): \(other.value) against \(one.value)")
        }
        try expect(expected == found, "\(what) behaved differently")
    }
}
