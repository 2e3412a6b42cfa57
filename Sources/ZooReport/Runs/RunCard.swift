import Foundation
import ZooBase
import ZooRecords

/// One run on a page of a terminal: what ran, with what, how it ended, and what came out.
package struct RunCard {
    private let run: RunRecord

    package init(_ run: RunRecord) { self.run = run }

    package func plain(width: Int) -> String {
        let facts = lines.map { $0.0.fact($0.1, width: width) }.joined()
        var parts = [facts]
        if let evaluation = run.evaluation, !evaluation.metrics.isEmpty {
            parts.append(RunSummary.table(evaluation).plain(width: width))
        } else if let last = run.last {
            var table = TextTable([.text("metric"), .number("iteration \(last.step)")])
            for (name, value) in last.values.sorted(by: { $0.key < $1.key }) where !name.hasPrefix("budget/") {
                table.append([name, Quantity.number(value)])
            }
            parts.append(table.plain(width: width))
        }
        if let ledger = run.ledger { parts.append(Self.costs(ledger).plain(width: width)) }
        return parts.joined(separator: "\n")
    }

    private var lines: [(String, String)] {
        let settings = run.settings
        let data = settings.filter { $0.key.wholeMatch(of: /data\.(prompts|pairs|examples)(\.\d+)?/) != nil }.sorted {
            $0.key < $1.key
        }
        .map { "\($0.key.dropFirst("data.".count)) \(URL(fileURLWithPath: $0.value).shortPath)" }
        let environment = run.environment
        let rewards = settings.filter { $0.key.wholeMatch(of: /rewards\.\d+\.function/) != nil }.sorted { $0.key < $1.key }.map(
            \.value)
        let found: [(String, String?)] = [
            ("run", run.folder.url.shortPath), ("status", status),
            ("recipe", run.note.recipe.name + (run.note.recipe.about.map { $0.isEmpty ? "" : ": \($0)" } ?? "")),
            ("stage", "\(run.note.stage): \(run.algorithm), seed \(run.note.seed)"), ("model", run.model),
            ("data", data.isEmpty ? nil : data.joined(separator: ", ")),
            ("rewards", rewards.isEmpty ? nil : rewards.joined(separator: ", ")), ("budget", run.progress),
            ("iterations", run.iterations.map(String.init)),
            ("memory", run.ledger.map { "\(Quantity.bytes(Double($0.processPeakBytes))) at most" }),
            ("plugin", environment.map { "\($0.plugin.path) (sha256 \($0.plugin.sha256.prefix(12))…)" }),
            ("versions", environment.map(Self.versions)), ("command", run.note.command.map(\.shellWord).joined(separator: " ")),
        ]
        return found.compactMap { name, value in value.map { (name, $0) } }
    }

    private var status: String {
        let took = run.seconds.map { " after \(Quantity.seconds($0))" } ?? ""
        switch run.status {
        case .finished: return "finished on \(RunRecord.day(run.ended))\(took); started on \(RunRecord.day(run.started))"
        case .running: return "running since \(RunRecord.day(run.started))"
        case .stopped:
            return "stopped on \(RunRecord.day(run.ended))\(took); continue with: zoo train --resume \(run.folder.url.shortPath)"
        case .failed: return "failed on \(RunRecord.day(run.ended))\(took): \(run.reason ?? "its log.txt may say why")"
        }
    }

    private static func versions(_ note: EnvironmentNote) -> String {
        let parts = [
            note.libtorch.map { "libtorch \($0)" }, note.abi.map { "ABI \($0)" }, note.system, note.device,
            note.threads.map { "\($0) thread\($0 == 1 ? "" : "s")" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }

    private static func costs(_ ledger: Ledger) -> TextTable {
        var table = TextTable([
            .text("network"), .number("parameters"), .number("seconds"), .number("operations"), .number("memory"),
        ])
        for (name, account) in ledger.roles.sorted(by: { $0.key < $1.key }) {
            table.append([
                name, Quantity.count(Double(account.parameters)), Quantity.seconds(account.totalSeconds),
                Quantity.count(account.totalFLOPs), Quantity.bytes(Double(account.heldBytes)),
            ])
        }
        return table
    }
}
