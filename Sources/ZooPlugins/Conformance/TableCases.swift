import CZoo
import ZooKit

extension ConformanceCase {
    /// Older and newer hosts: the ABI's promise that a plugin built once loads in every host of its major version.
    static let tableCases: [ConformanceCase] = [
        .each(
            "contract/short-host", "A truncated host table leads to an error, not to reading past its end.",
            rule: "zoo/zoo.h: its reader uses a field only where `ZOO_HAS` says that the maker knew it"
        ) { subject in
            for offset in AlteredHost.functionOffsets[AlteredHost.hostTable] ?? [] {
                try subject.attempt("with a host table of \(offset) bytes") {
                    let outcome = try steps(subject, [AlteredHost.hostTable: .resized(offset)])
                    // Without get_extension there is no service, so nothing can have worked.
                    guard offset <= 24 else { return }
                    try expect(
                        outcome != nil, expected: "an error, as this table offers no service",
                        found: "that create and step were OK")
                }
            }
            return "5 lengths"
        },
        .each(
            "contract/short-services", "A truncated service table leads to an error, not to reading past its end.",
            rule: "zoo/zoo.h: its reader uses a field only where `ZOO_HAS` says that the maker knew it"
        ) { subject in
            var count = 0
            for (id, offsets) in AlteredHost.functionOffsets where id != AlteredHost.hostTable {
                for offset in offsets {
                    try subject.attempt("with a table \(id) of \(offset) bytes") {
                        _ = try steps(subject, [id: .resized(offset)])
                    }
                    count += 1
                }
            }
            return "\(count) lengths"
        },
        .each(
            "contract/missing-services", "A missing service that is needed leads to an error.",
            rule: "zoo/plugin.h: NULL where this host does not offer it"
        ) { subject in
            let used = try servicesUsed(subject)
            for id in AlteredHost.functionOffsets.keys.sorted() where id != AlteredHost.hostTable {
                try subject.attempt("without \(id)") {
                    let outcome = try steps(subject, [id: .missing])
                    try expect(
                        !used.contains(id) || outcome != nil, expected: "an error, as it uses this service",
                        found: "that create and step were OK")
                }
            }
            return "\(used.count) used"
        },
        .each(
            "contract/released-hosts", "It works with the host of every released minor version, and of the next.",
            rule: "zoo/zoo.h: Fields are only ever appended within version 1."
        ) { subject in
            let next = AlteredHost.released.last.map { [$0.mapValues { $0 + 8 }] } ?? []
            for (minor, sizes) in (AlteredHost.released + next).enumerated() {
                try subject.attempt("with a host of version 1.\(minor)") {
                    let outcome = try steps(subject, sizes.mapValues { .resized($0) }, minor: minor)
                    try expect(outcome == nil, expected: "two iterations", found: "the error: \(outcome ?? "")")
                }
            }
            return "1.0 to 1.\(ZOO_ABI_MINOR + 1)"
        },
        .each(
            "contract/long-tables", "Tables of a newer host, with unknown functions, change nothing.",
            rule: "zoo/zoo.h: Fields are only ever appended within version 1."
        ) { subject in
            let all = AlteredHost.functionOffsets.keys.reduce(into: [:]) { $0[$1] = AlteredHost.Alteration.lengthened(256) }
            let outcome = try steps(subject, all)
            try expect(outcome == nil, expected: "two iterations with longer tables", found: "the error: \(outcome ?? "")")
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
                subject.id, host: AlteredHost(scripted, alterations, minor: minor))
            for _ in 0..<2 { try algorithm.step() }
        } catch let error as ZooError {
            try expect(!error.message.isEmpty, "the error for \(alterations.keys.joined()) says nothing")
            return error.message
        }
        return nil
    }

    private static func servicesUsed(_ subject: Subject) throws -> Set<String> {
        let session = try Session(subject.plugin(), subject.id)
        try session.step(2)
        return Set(session.host.record.calls.compactMap { $0.split(separator: ".").first.map { "zoo.\($0)/1" } })
    }
}
