import Foundation
import ZooBase
import ZooRecipe
import ZooRecords

/// What two runs differ in, and what came of it.
package struct RunDifference {
    private let (first, second): (RunRecord, RunRecord)
    /// Settings, files by content, the plugin, versions and the machine.
    package let differences: [RecipeDifference]

    package init(_ first: RunRecord, _ second: RunRecord) {
        (self.first, self.second) = (first, second)
        differences = Self.settings(first, second) + Self.surroundings(first, second)
    }

    /// Read as this version of zoo reads runs: by content. Runs of other versions are compared by what their files say.
    private static func settings(_ first: RunRecord, _ second: RunRecord) -> [RecipeDifference] {
        if let before = try? first.folder.readSpec(), let after = try? second.folder.readSpec(), let made = before.madeFrom,
            let now = after.madeFrom
        {
            let seeds = before.seed == after.seed ? [] : [RecipeDifference("seed", "\(before.seed)", "\(after.seed)")]
            let settings = before.recipe.differences(to: after.recipe).filter { $0.path != "seed" }
            // Files by content, and what a recipe does not say.
            let others = made.changes(to: now).filter { change in
                isContent(change) || surroundings.contains(change.path)
            }
            return seeds + settings.filter { setting in !others.contains { $0.path == setting.path } } + others.map(shortened)
        }
        var (old, new) = (first.settings, second.settings)
        (old["seed"], new["seed"]) = ("\(first.note.seed)", "\(second.note.seed)")
        return Set(old.keys).union(new.keys).sorted().compactMap { key in
            old[key] == new[key] ? nil : RecipeDifference(key, old[key], new[key])
        }
    }

    /// As ``MadeFrom`` calls them.
    private static let surroundings: Set<String> = [
        "the program's results version", "the plugin ABI", "libtorch", "the recipe's seed",
    ]

    private static func isContent(_ change: RecipeDifference) -> Bool {
        [change.before, change.after].contains { $0?.contains(" (sha256 ") ?? false }
    }

    /// Without the folders of a file.
    private static func shortened(_ change: RecipeDifference) -> RecipeDifference {
        func short(_ text: String?) -> String? {
            guard let text, let mark = text.range(of: " (sha256 ") else { return text }
            return URL(fileURLWithPath: String(text[..<mark.lowerBound])).lastPathComponent + text[mark.lowerBound...]
        }
        return RecipeDifference(change.path, short(change.before), short(change.after))
    }

    private static func surroundings(_ first: RunRecord, _ second: RunRecord) -> [RecipeDifference] {
        func facts(_ run: RunRecord) -> [(String, String?)] {
            let note = run.environment
            return [
                ("compiler", note?.compiler), ("system", note?.system), ("processors", note?.processors.map(String.init)),
                ("status", run.status.rawValue),
            ]
        }
        return zip(facts(first), facts(second)).compactMap { before, after in
            before.1 == after.1 ? nil : RecipeDifference(before.0, before.1, after.1)
        }
    }

    // MARK: - As text

    package func plain(width: Int) -> String {
        var parts: [String] = []
        let names = names
        if differences.isEmpty {
            parts.append("the same run: nothing that affects a result differs\n")
        } else {
            var table = TextTable([.text("differs"), .text(names.0), .text(names.1)])
            for difference in differences { table.append([difference.path, difference.before ?? "–", difference.after ?? "–"]) }
            parts.append(table.plain(width: width))
        }
        let metrics = rows
        if !metrics.isEmpty {
            var table = TextTable([.text("metric"), .number(names.0), .number(names.1), .number("difference")])
            for row in metrics {
                func cell(_ value: Double?) -> String { value.map { row.show($0) } ?? "–" }
                table.append([row.title, cell(row.before), cell(row.after), row.difference.map { row.show($0) } ?? "–"])
            }
            parts.append(table.plain(width: width))
        }
        return parts.joined(separator: "\n")
    }

    /// Short ones where these tell the runs apart.
    private var names: (String, String) {
        let (own, other) = (first.folder.url.lastPathComponent, second.folder.url.lastPathComponent)
        return own == other ? (first.name, second.name) : (own, other)
    }

    private struct Row {
        var name: String
        var title: String
        var (before, after): (Double?, Double?)
        var show: (Double) -> String = { Quantity.number($0) }

        var difference: Double? {
            guard let before, let after else { return nil }
            return after - before
        }
    }

    /// Final metrics, then what they cost.
    private var rows: [Row] {
        let (old, new) = (first.metrics, second.metrics)
        let names = Metric.sorted(Array(Set(old.keys).union(new.keys)))
        let metrics = names.map { Row(name: $0, title: Metric.title($0), before: old[$0], after: new[$0]) }
        let costs: [Row] = [
            Row(name: "seconds", title: "seconds", before: first.seconds, after: second.seconds),
            Row(
                name: "iterations", title: "iterations", before: first.iterations.map(Double.init),
                after: second.iterations.map(Double.init), show: { String(format: "%.0f", $0) }),
            Row(
                name: "flops", title: "floating-point operations", before: first.ledger?.totalFLOPs,
                after: second.ledger?.totalFLOPs,
                show: { Quantity.count($0) }),
            Row(
                name: "peak_bytes", title: "memory", before: first.ledger.map { Double($0.processPeakBytes) },
                after: second.ledger.map { Double($0.processPeakBytes) }, show: Self.bytes),
        ]
        return metrics + costs.filter { $0.before != nil || $0.after != nil }
    }

    private static func bytes(_ value: Double) -> String { (value < 0 ? "-" : "") + Quantity.bytes(abs(value)) }

    package var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        func number(_ value: Double?) -> JSONValue { value.flatMap { $0.isFinite ? JSONValue.number($0) : nil } ?? .null }
        return .object([
            "runs": .array([.string(first.name), .string(second.name)]),
            "differences": .array(
                differences.map {
                    .object(["key": .string($0.path), "first": text($0.before), "second": text($0.after)])
                }),
            "metrics": .object(
                Dictionary(
                    uniqueKeysWithValues: rows.map { row in
                        (row.name, JSONValue.object(["first": number(row.before), "second": number(row.after)]))
                    })),
        ])
    }
}
