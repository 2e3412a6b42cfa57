import Foundation
import ZooHost
import ZooReport

/// A comparison's numbers as tables: metrics and costs as rows, variants as columns, each the mean over seeds with its interval.
struct ComparisonReport {
    private let variants: [String]
    private let runs: [ComparedRun]

    init(variants: [String], runs: [ComparedRun]) {
        self.variants = variants
        self.runs = runs
    }

    private struct Measured {
        var variant: String
        var seed: UInt64
        var evaluation: EvaluationResult?
        var ledger: Ledger
    }

    private var measured: [Measured] {
        runs.compactMap { run in
            guard case .success(let found) = run.result else { return nil }
            return Measured(variant: run.variant, seed: run.seed, evaluation: found.evaluation, ledger: found.ledger)
        }
    }

    // MARK: - Tables

    /// What the models are like; the first column is the model that all began from.
    ///
    /// - Parameter text: writes a mean with its interval.
    func quality(_ variants: [String], _ text: (Estimate) -> String) -> TextTable {
        let evaluations = measured.compactMap(\.evaluation)
        var table = TextTable([.text("metric"), .number("base")] + variants.map { .number($0) })
        for name in Metric.sorted(Array(Set(evaluations.flatMap(\.metrics.keys)))) {
            let base = Estimate(evaluations.compactMap { $0.reference[name] }).map { Quantity.number($0.mean) } ?? "–"
            let cells = variants.map { variant in
                let found = measured.filter { $0.variant == variant }
                return Estimate(found.compactMap { $0.evaluation?.metrics[name] }).map(text) ?? "–"
            }
            table.append([Metric.title(name), base] + cells)
        }
        return table
    }

    /// What the training cost, by role.
    func cost(_ variants: [String]) -> TextTable {
        var table = TextTable([.text("cost of a run")] + variants.map { .number($0) })
        for row in costs {
            table.append(
                [row.title]
                    + variants.map { variant in
                        let values = measured.filter { $0.variant == variant }.compactMap { row.value($0.ledger) }
                        return Estimate(values).map { row.text($0.mean) } ?? "–"
                    })
        }
        return table
    }

    private struct Cost {
        var title: String
        var text: (Double) -> String
        /// nil where the run has no such cost.
        var value: (Ledger) -> Double?
    }

    private var costs: [Cost] {
        let roles = Set(measured.flatMap(\.ledger.roles.keys)).sorted()
        let seconds = roles.map { role in Cost(title: "seconds, \(role)", text: Quantity.seconds) { $0.roles[role]?.totalSeconds }
        }
        let bytes = roles.map { role in
            Cost(title: "peak bytes, \(role)", text: Quantity.bytes) { $0.roles[role].map { Double($0.peakBytes) } }
        }
        return [
            Cost(title: "sampled steps", text: Quantity.count) { Double($0.sampledSteps) },
            Cost(title: "reward queries", text: Quantity.count) { Double($0.rewardQueries) },
            Cost(title: "updates", text: Quantity.count) { Double($0.updates) },
            Cost(title: "floating-point operations", text: Quantity.count) { $0.totalFLOPs },
            Cost(title: "seconds", text: Quantity.seconds) { $0.seconds },
            Cost(title: "seconds, reward functions", text: Quantity.seconds) { $0.rewardSeconds },
        ] + seconds + bytes + [Cost(title: "peak bytes, process", text: Quantity.bytes) { Double($0.processPeakBytes) }]
    }

    // MARK: - Texts

    /// For a terminal of that many columns: as many variants side by side as fit.
    func plain(width: Int) -> String {
        var blocks: [String] = []
        var rest = variants[...]
        while !rest.isEmpty {
            let fits = (1...rest.count).last { count in
                let part = Array(rest.prefix(count))
                return max(quality(part, Quantity.deviation).width, cost(part).width) <= width
            }
            let part = Array(rest.prefix(fits ?? 1))
            blocks.append(quality(part, Quantity.deviation).plain() + "\n" + cost(part).plain())
            rest = rest.dropFirst(part.count)
        }
        return blocks.joined(separator: "\n") + "\n" + note("± the larger side of the") + "\n"
    }

    func markdown(title: String) -> String {
        "# \(title)\n\n\(quality(variants, Quantity.interval).markdown())\n\(cost(variants).markdown())\n\(note("with its"))\n"
    }

    /// Every number of every run, one a row.
    func csv() -> String {
        var table = TextTable([.text("variant"), .number("seed"), .text("name"), .number("value")])
        for run in measured {
            let metrics = (run.evaluation?.metrics ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            let ledger = costs.compactMap { cost in cost.value(run.ledger).map { (cost.title, $0) } }
            for (name, value) in metrics + ledger { table.append([run.variant, "\(run.seed)", name, "\(value)"]) }
        }
        return table.csv()
    }

    /// What each variant makes of the same prompts.
    func samples(_ count: Int) -> String {
        let firsts = variants.compactMap { variant in measured.first { $0.variant == variant && $0.evaluation != nil } }
        guard let first = firsts.first?.evaluation else { return "" }
        let width = (variants + ["base"]).map(\.displayWidth).max() ?? 0
        func line(_ name: String, _ text: String) -> String {
            "  \(name + String(repeating: " ", count: width - name.displayWidth))  \(text.trimmed)"
        }
        return first.samples.prefix(count).indices.map { index in
            let lines = firsts.compactMap { run in
                run.evaluation?.samples.dropFirst(index).first.map { line(run.variant, $0.after) }
            }
            return (["\(first.samples[index].prompt) …", line("base", first.samples[index].before)] + lines).joined(
                separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    private func note(_ interval: String) -> String {
        let counts = Set(variants.map { variant in measured.count { $0.variant == variant } }).sorted()
        let seeds = counts.map(String.init).joined(separator: " or ")
        return
            "Mean over \(seeds) seeds, \(interval) 95% bootstrap interval. Costs are of one run, without the models that all share."
    }
}
