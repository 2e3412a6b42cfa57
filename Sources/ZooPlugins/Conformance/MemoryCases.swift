import CProcess
import CZoo
import Foundation
import ZooBase
import ZooKit

extension ConformanceCase {
    /// Memory that the host lends: read while it may be, written where it may be, given back once.
    static let memoryCases: [ConformanceCase] = [
        lent(.released, "memory/released", "It reads nothing of a batch or a list after it released it."),
        lent(
            .borrowed, "memory/borrowed", "It keeps no pointer to what a call lent it: slice, outputs, gradients, texts, bytes."),
        lent(.readOnly, "memory/read-only", "It writes into gradients alone, not into batches, slices or outputs."),
        lent(.edges, "memory/edges", "It stays within every array, by a byte."),
        .each(
            "memory/leaks", "An iteration leaves no memory and no object of the host behind.",
            rule: "zoo/zoo.h: the plugin gives it back with `zoo_host_v1.release`"
        ) { subject in
            let session = try Session(subject.plugin(), subject.id)
            session.task.remembers = false
            func step(_ count: Int) throws -> Int {
                for _ in 0..<count {
                    try session.step()
                    session.host.clearRecord()
                }
                return Int(zoo_malloc_bytes())
            }
            _ = try step(20)
            let held = session.table.unreleased
            let first = try step(40)
            let second = try step(40)
            let third = try step(40)
            let more = session.table.unreleased - held
            try expect(
                more <= 0, expected: "as many objects of the host after 140 iterations as after 20, \(held)",
                found: "\(more) more: it releases them only at its end, if at all")
            let grown = min(second - first, third - second)
            try expect(
                grown < 16_384, expected: "less than 16 KiB more memory after 40 more iterations",
                found: "\(grown / 1024) KiB, twice in succession")
            return "\(max(grown, 0)) bytes grown in 40 iterations"
        },
    ]

    private static func lent(_ guarded: Guarded, _ id: String, _ claim: String) -> ConformanceCase {
        .each(id, claim, rule: "zoo/zoo.h: Pointers are borrowed for the duration of the call unless the comment says otherwise.")
        {
            subject in
            let report = HostChannel.signalReport
            zoo_explain_crashes(CommandStatus.data.rawValue, report.descriptor, strdup(report.prefix))
            let plugin = try subject.plugin()
            let session = try subject.attempt("create") { try Session(plugin, subject.id, guarded) }
            for iteration in 1...4 { try subject.attempt("iteration \(iteration)") { try session.step() } }
            let state = try subject.attempt("save") { try session.algorithm.save() }
            let other = try Session(plugin, subject.id, guarded)
            try subject.attempt("load") {
                let arena = GuardedArena(guarded)
                let bytes = UnsafeMutableRawPointer(mutating: arena.lend(Array(state), as: "the bytes for load"))
                try other.algorithm.load(Data(bytesNoCopy: bytes, count: state.count, deallocator: .none))
            }
            try subject.attempt("iteration 1 after load") { try other.step() }
            return "5 iterations"
        }
    }
}

extension Session {
    /// Creates with texts in memory that is the plugin's for the call alone, and guards what it is lent later.
    convenience init(_ plugin: Plugin, _ algorithm: String, _ guarded: Guarded) throws {
        let host = ScriptedHost(seed: 1)
        let task = SyntheticTask()
        task.serve(host)
        let table = HostTable(host) { GuardedArena(guarded) }
        if let description = plugin.description.algorithm(algorithm) {
            table.parameters = try GivenParameters([:], of: description, recipe: plugin.description.path)
        }
        var made: UnsafeMutablePointer<zoo_algorithm_v1>?
        do {
            let arena = GuardedArena(guarded)
            let id = arena.lend(algorithm, as: "the id for create")
            let parameters = arena.lend("{}", as: "the parameters for create")
            try ZooError.check("create") { error in
                table.gate.during(.create) { plugin.table.pointee.create(id, table.table, parameters, &made, error) }
            }
        }
        guard let made else { throw ZooError(.failedPrecondition, "create returned OK but created nothing") }
        self.init(
            task: task, host: host, table: table, algorithm: try AlgorithmInstance(table: made, name: algorithm, host: table))
    }
}
