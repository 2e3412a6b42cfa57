import CZoo
import ZooKit

extension ConformanceCase {
    /// Older and newer hosts: the ABI's promise that a plugin built once loads in every host of its major version.
    static let tableCases: [ConformanceCase] = [
        .each("contract/short-host", "A truncated host table leads to an error, not to reading past its end.") {
            subject in
            for offset in AlteredHost.functionOffsets[AlteredHost.hostTable] ?? [] {
                let outcome = try steps(subject, [AlteredHost.hostTable: .cut(offset)])
                // Without get_extension there is no service, so nothing can have worked.
                guard offset <= 24 else { continue }
                try expect(
                    outcome != nil, "with a host table of \(offset) bytes, which offers no service, create and step were OK")
            }
            return "5 lengths"
        },
        .each(
            "contract/short-services", "A truncated service table leads to an error, not to reading past its end."
        ) { subject in
            var count = 0
            for (id, offsets) in AlteredHost.functionOffsets where id != AlteredHost.hostTable {
                for offset in offsets {
                    _ = try steps(subject, [id: .cut(offset)])
                    count += 1
                }
            }
            return "\(count) lengths"
        },
        .each("contract/missing-services", "A missing service that is needed leads to an error.") {
            subject in
            let used = try servicesUsed(subject)
            for id in AlteredHost.functionOffsets.keys.sorted() where id != AlteredHost.hostTable {
                let outcome = try steps(subject, [id: .missing])
                try expect(!used.contains(id) || outcome != nil, "without \(id), which it uses, create and step were OK")
            }
            return "\(used.count) used"
        },
        .each("contract/released-hosts", "It works with the host of every released minor version.") {
            subject in
            for (minor, sizes) in AlteredHost.released.enumerated() {
                let outcome = try steps(subject, sizes.mapValues { .cut($0) }, minor: minor)
                try expect(outcome == nil, "with a host of version 1.\(minor) it failed: \(outcome ?? "")")
            }
            return "1.0 to 1.\(ZOO_ABI_MINOR)"
        },
        .each("contract/long-tables", "Tables of a newer host, with unknown functions, change nothing.") { subject in
            let all = AlteredHost.functionOffsets.keys.reduce(into: [:]) { $0[$1] = AlteredHost.Alteration.lengthened(256) }
            let outcome = try steps(subject, all)
            try expect(outcome == nil, "with tables longer than its own it failed: \(outcome ?? "")")
            return "\(all.count) tables"
        },
    ]

    /// Creates and steps twice with altered tables: the message of the error that came, or nil.
    private static func steps(
        _ subject: Subject, _ alterations: [String: AlteredHost.Alteration], minor: Int = Int(ZOO_ABI_MINOR)
    ) throws -> String? {
        let scripted = ScriptedHost(seed: 1)
        let task = SyntheticTask()
        task.serve(scripted)
        do {
            let algorithm = try subject.plugin().create(
                subject.algorithmID, host: AlteredHost(scripted, alterations, minor: minor))
            for _ in 0..<2 { try algorithm.step() }
        } catch let error as ZooError {
            try expect(!error.message.isEmpty, "the error for \(alterations.keys.joined()) says nothing")
            return error.message
        }
        return nil
    }

    private static func servicesUsed(_ subject: Subject) throws -> Set<String> {
        let session = try Session(subject.plugin(), subject.algorithmID)
        try session.step(2)
        return Set(session.host.record.calls.compactMap { $0.split(separator: ".").first.map { "zoo.\($0)/1" } })
    }
}
