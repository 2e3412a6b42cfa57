import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecords

extension ReportBuilder {
    // MARK: - The question

    var question: Page.Section? {
        guard !runs.isEmpty else { return nil }
        let counts = variants.map { variant in
            let own = runs.filter { $0.variant == variant }
            let runs = own.map(place).joined(separator: "; ")
            let preset = own.first?.note.preset.map { "; \($0.sentence)" } ?? ""
            return "\(variant): \(runs)\(preset)"
        }
        var parts: [Page.Part] = [.list(counts)]
        let differences = differences
        if !differences.rows.isEmpty {
            parts.append(.table("Differences between the variants; everything else in the recipe is the same", differences))
        } else if variants.count > 1 {
            parts.append(.text("All have the same recipe."))
        }
        return Page.Section("question", "What is compared", parts)
    }

    /// The settings that differ, a row each; parameters that a recipe leaves to their defaults with these.
    private var differences: TextTable {
        let firsts = variants.compactMap { variant in runs.first { $0.variant == variant } }
        func value(_ path: String, _ run: ReportedRun) -> String? {
            if let own = run.settings[path] { return own }
            let names = path.split(separator: ".")
            guard names.count == 2, names[0] == "parameters" else { return nil }
            return run.environment?.standard(String(names[1]), of: run.settings["algorithm"].map { AlgorithmName($0).id })
        }
        let paths = Set(firsts.flatMap(\.settings.keys)).filter { path in Set(firsts.map { value(path, $0) }).count > 1 }
        // The algorithm first: most others follow from it.
        let sorted = paths.sorted { $0 == "algorithm" ? $1 != "algorithm" : $1 != "algorithm" && $0 < $1 }
        var table = TextTable([.text("setting")] + firsts.map { .text($0.variant) })
        for path in sorted { table.append([path] + firsts.map { value(path, $0) ?? "–" }) }
        return table
    }

    // MARK: - Results

    var results: Page.Section? {
        let report = comparison
        guard runs.contains(where: { $0.evaluation != nil }) else { return nil }
        var parts: [Page.Part] = []
        let rankings = report.runs.rankings(of: variants)
        if !rankings.isEmpty { parts += [.list(rankings), .text(ComparisonReport.rule)] }
        parts.append(.table("On held-out prompts. \(report.note("with"))", report.quality(variants, Quantity.interval)))
        if variants.count > 1 {
            // A proxy that is the gold reward itself says nothing new.
            let ranked = report.runs.rankedMetrics
            let isOwn = report.runs.scores("reward") != report.runs.scores("gold")
            for metric in ranked + (isOwn ? ["reward"] : []) where !report.runs.scores(metric).isEmpty {
                parts.append(
                    .table(
                        "\(Metric.title(metric).capitalizedFirst): \(Self.explanation(first: variants[0]))", statistics(metric)))
            }
        }
        let correlation = proxyCorrelation
        if let correlation { parts.append(.text(correlation)) }
        return Page.Section("results", "Results", parts)
    }

    private static func explanation(first: String) -> String {
        "the mean and the interquartile mean (of the middle half of all prompts and seeds) with intervals, the difference to \(first) "
            + "paired by seed and prompt, and the probability that a run is better than one of \(first)"
    }

    /// One variant a row, beside the first.
    private func statistics(_ metric: String) -> TextTable {
        let scores = comparison.runs.scores(metric)
        var table = TextTable([
            .text("variant"), .number("mean"), .number("interquartile mean"), .number("difference"),
            .number("probability of being better"),
            .text("separated"),
        ])
        for variant in variants {
            guard let own = scores[variant] else { continue }
            let means = own.unitMeans
            // Of fewer than four scores nothing is cut off: it would be the mean again.
            let hasQuarters = own.prompts * own.runs.count > 3
            var row = [
                variant, Estimate(means).map(Quantity.interval) ?? "–",
                hasQuarters ? Quantity.interval(InterquartileMean.of(own)) : "–",
            ]
            if variant != variants[0], let first = scores[variants[0]], let difference = PairedDifference(own, first) {
                let text = difference.interval.map { "\(Quantity.number(difference.mean)) \(Self.text($0))" }
                row += [
                    text ?? Quantity.number(difference.mean),
                    ProbabilityOfImprovement.of(means, over: first.unitMeans).map(Quantity.interval) ?? "–",
                    difference.isSeparated ? "yes" : "not with \(difference.count)",
                ]
            } else {
                row += ["–", "–", "–"]
            }
            table.append(row)
        }
        return table
    }

    static func text(_ interval: ClosedRange<Double>) -> String {
        "[\(Quantity.number(interval.lowerBound)), \(Quantity.number(interval.upperBound))]"
    }

    /// Whether runs that are better by the proxy are better by the gold reward.
    private var proxyCorrelation: String? {
        let both = runs.compactMap { run -> (Double, Double)? in
            guard let metrics = run.evaluation?.metrics, let gold = metrics["gold"], let proxy = metrics["reward"] else {
                return nil
            }
            return (proxy, gold)
        }
        guard both.count > 3, let correlation = rankCorrelation(both.map(\.0), both.map(\.1)), correlation < 0.9995 else {
            return nil
        }
        return
            "Rank correlation of proxy and gold reward over the \(both.count) runs: \(Quantity.number(correlation)) (Spearman)."
    }

    // MARK: - Costs

    var costs: Page.Section? {
        guard runs.contains(where: { $0.ledger != nil }) else { return nil }
        return Page.Section(
            "costs", "What it cost",
            [
                .chart(.costs, "Means over seeds. The row of the critic is what the critic costs."),
                .table("Costs per run; means over seeds, without the models that all runs share", comparison.cost(variants)),
            ])
    }

    var costCharts: [Charts.Cost] {
        let titles: [(CostRow.Part, String, String)] = [
            (.seconds, "Seconds within iterations", "seconds"), (.outside, "Seconds outside iterations", "seconds"),
            (.flops, "Floating-point operations", "operations"), (.bytes, "Bytes at the peak", "bytes"),
            (.device, "Bytes of the device at the peak", "bytes"),
        ]
        return titles.compactMap { part, title, unit in
            let rows = comparison.costs.filter { $0.part == part }
            func name(_ row: CostRow) -> String { String(row.title.split(separator: ", ", maxSplits: 1).last ?? "") }
            let values = variants.flatMap { variant in
                rows.compactMap { row -> Charts.Cost.Value? in
                    let found = runs.filter { $0.variant == variant }.compactMap { $0.ledger.flatMap(row.value) }
                    guard let mean = Estimate(found)?.mean else { return nil }
                    return Charts.Cost.Value(
                        variant: variant, part: name(row), value: Rounded(max(0, mean)), text: row.text(mean))
                }
            }
            return values.isEmpty
                ? nil : Charts.Cost(id: part.rawValue, title: title, unit: unit, parts: rows.map(name), values: values)
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
