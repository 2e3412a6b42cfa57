import Foundation
import ZooBase
import ZooRecords

/// A comparison's numbers as tables: metrics and costs as rows, variants as columns, each the mean over seeds with its interval.
package struct ComparisonReport {
    package let variants: [String]
    package let runs: [MeasuredRun]
    /// A line for each variant that has a preset.
    package let presets: [String]
    /// Whether the recipe trains the models that the runs start from, so that it could train others.
    package let hasBases: Bool

    package init(variants: [String], runs: [MeasuredRun], presets: [String] = [], hasBases: Bool = false) {
        (self.variants, self.runs, self.presets, self.hasBases) = (variants, runs, presets, hasBases)
    }

    // MARK: - Tables

    /// The metrics of the models; the first column is the model that all started from.
    ///
    /// - Parameter text: writes a mean with its interval.
    package func quality(_ variants: [String], _ text: (Estimate) -> String) -> TextTable {
        let evaluations = runs.compactMap(\.evaluation)
        var table = TextTable([.text("metric"), .number("base")] + variants.map { .number($0) })
        for name in Metric.sorted(Array(Set(evaluations.flatMap(\.metrics.keys)))) {
            let base = Estimate(evaluations.compactMap { $0.reference[name] }).map { Quantity.number($0.mean) } ?? "–"
            let cells = variants.map { variant in
                let found = runs.filter { $0.variant == variant }
                return found.estimate { $0.evaluation?.metrics[name] }.map(text) ?? "–"
            }
            table.append([Metric.title(name), base] + cells)
        }
        return table
    }

    /// What the training cost, by role.
    package func cost(_ variants: [String]) -> TextTable {
        var table = TextTable([.text("cost of a run")] + variants.map { .number($0) })
        for row in costs {
            table.append(
                [row.title]
                    + variants.map { variant in
                        let values = runs.filter { $0.variant == variant }.compactMap { $0.ledger.flatMap(row.value) }
                        return Estimate(values).map { row.text($0.mean) } ?? "–"
                    })
        }
        return table
    }

    package var costs: [CostRow] { CostRow.rows(for: runs.compactMap(\.ledger)) }

    // MARK: - Texts

    /// For a terminal of this width: as many variants side by side as fit.
    package func plain(width: Int) -> String {
        var blocks: [String] = []
        var rest = variants[...]
        while !rest.isEmpty {
            let fits = (1...rest.count).last { count in
                let part = Array(rest.prefix(count))
                return max(quality(part, Quantity.deviation).width, cost(part).width) <= width
            }
            let part = Array(rest.prefix(fits ?? 1))
            blocks.append(quality(part, Quantity.deviation).plain(width: width) + "\n" + cost(part).plain(width: width))
            rest = rest.dropFirst(part.count)
        }
        func wrapped(_ sentences: [String]) -> String { sentences.map { $0.wrapped(toWidth: width) + "\n" }.joined() }
        let note = "\(note("± the larger side of")) \(Self.costNote)".wrapped(toWidth: width, indent: 0)
        // A ranking stays on one line, which can be searched for.
        return blocks.joined(separator: "\n") + "\n" + note + "\n" + (presets.isEmpty ? "" : "\n" + wrapped(presets)) + "\n"
            + rankings.map { "\($0)\n" }.joined() + wrapped(rankingNotes)
    }

    package func markdown(title: String) -> String {
        "# \(title)\n\n\(quality(variants, Quantity.interval).markdown())\n\(cost(variants).markdown())\n\(note("with")) \(Self.costNote)\n"
            + (presets + rankings + rankingNotes).map { "\n- \($0)" }.joined() + "\n"
    }

    /// Every number of every run, one a row.
    package func csv() -> String {
        var table = TextTable([.text("variant"), .number("base"), .number("seed"), .text("name"), .number("value")])
        for run in runs {
            let metrics = (run.evaluation?.metrics ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            let ledger = costs.compactMap { cost in run.ledger.flatMap(cost.value).map { (cost.title, $0) } }
            for (name, value) in metrics + ledger { table.append([run.variant, "\(run.base)", "\(run.seed)", name, "\(value)"]) }
        }
        return table.csv()
    }

    /// Each variant's samples for the same prompts.
    package func samples(_ count: Int) -> String {
        let firsts = variants.compactMap { variant in runs.first { $0.variant == variant && $0.evaluation != nil } }
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

    private var rankings: [String] { runs.rankings(of: variants) }

    /// How the rankings were decided.
    private var rankingNotes: [String] {
        guard !rankings.isEmpty else { return [] }
        return [Self.rule] + (hasBases && Set(runs.map(\.base)).count == 1 ? [Self.oneBase] : [])
    }

    /// The meaning of `>` in a ranking.
    package static let rule =
        "a > b: the 95% interval of their difference, paired by seed and prompt, excludes 0 (Student's t or bootstrap, the wider)."

    static let costNote = "Costs are per run, without the models that all runs share."

    /// - Parameter leading: what comes before the name of the interval.
    package func note(_ leading: String) -> String {
        let bases = Set(runs.map(\.base)).count
        let counts = Set(
            variants.flatMap { variant in
                Dictionary(grouping: runs.filter { $0.variant == variant }, by: \.base).values.map(\.count)
            }
        ).sorted()
        let seeds = counts.map(String.init).joined(separator: " or ") + " seed" + (counts == [1] ? "" : "s")
        // Resampling two or three values gives nothing beyond them.
        let (units, unit) = bases > 1 ? (bases, "base models") : (counts.last ?? 0, "seeds")
        let interval = units > 3 ? "the 95% bootstrap interval" : "the range of the \(unit), too few for an interval"
        let of = bases > 1 ? "\(bases) base models with \(seeds) each" : seeds
        return "Mean over \(of), \(leading) \(interval)."
    }

    /// The caveat for a ranking over one base model.
    static let oneBase =
        "All runs started from one base model; other base models may give another order: try --bases 3."
}
