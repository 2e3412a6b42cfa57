import Foundation
import ZooRecords

/// Makes a report's page of runs and probes.
package struct ReportBuilder {
    package let runs: [ReportedRun]
    package let probes: [ProbeResult]
    package let variants: [String]

    package init(_ place: ReportPlace) {
        let order = place.variants
        probes = place.probes
        variants = order
        func rank(_ run: ReportedRun) -> Int { order.firstIndex(of: run.variant) ?? order.count }
        runs = place.runs.sorted { (rank($0), $0.base, $0.seed) < (rank($1), $1.base, $1.seed) }
    }

    var comparison: ComparisonReport { ComparisonReport(variants: variants, runs: runs.map(\.measured)) }

    package func page() -> Page {
        let recipe = runs.first?.note.recipe
        let names = Set(runs.map(\.note.recipe.name) + probes.map(\.recipe)).sorted().joined(separator: ", ")
        var page = Page(title: names.isEmpty ? "No run yet" : names, about: recipe?.about ?? "")
        page.notes = notes
        page.charts.variants = variants
        page.charts.curves = curves
        let ways = ways
        let fits = fits(ways)
        page.charts.plane = plane(ways, fits)
        page.charts.costs = costCharts
        page.charts.probes = probes.map(chart)
        page.charts.samples = samples
        page.sections = [
            question, results, curveSection, section(of: page.charts.plane, fits), costs, critic, probe,
            section(of: page.charts.samples), images, environment,
        ].compactMap { $0 }
        return page
    }

    /// Every number of every run, one per row: the evaluation, the costs, and the evaluations during training.
    package func csv() -> String {
        var table = TextTable([
            .text("variant"), .number("base"), .number("seed"), .number("step"), .text("name"), .number("value"),
        ])
        let costs = comparison.costs
        for run in runs {
            func add(_ name: String, _ value: Double, step: Int? = nil) {
                table.append([run.variant, "\(run.base)", "\(run.seed)", step.map(String.init) ?? "", name, "\(value)"])
            }
            for record in run.records {
                for (name, value) in record.values.sorted(by: { $0.key < $1.key }) where name.hasPrefix("eval/") {
                    add(name, value, step: record.step)
                }
            }
            for (name, value) in (run.evaluation?.metrics ?? [:]).sorted(by: { $0.key < $1.key }) { add(name, value) }
            for cost in costs { if let value = run.ledger.flatMap(cost.value) { add(cost.title, value) } }
        }
        return table.csv()
    }

    /// How many runs are done, and where the others are.
    package var status: String {
        let going = runs.filter { !$0.isDone }.map {
            "\($0.variant), seed \($0.seed), at iteration \($0.records.last?.step ?? 0)"
        }
        let done = "\(runs.count - going.count) of \(runs.count) runs done"
        return going.isEmpty ? done : "\(done); \(going.joined(separator: "; "))"
    }

    /// `seed 1`, or where there are several base models `base 0, seed 1`.
    func place(of run: ReportedRun) -> String {
        (Set(runs.map(\.base)).count > 1 ? "base \(run.base), " : "") + "seed \(run.seed)"
    }

    /// What makes a number here say less than it seems to.
    private var notes: [String] {
        let unfinished = runs.filter { !$0.isDone }.map { "\($0.variant), \(place(of: $0))" }
        let names = Set(runs.map(\.note.recipe.name)).sorted()
        let few = variants.filter { variant in runs.count { $0.variant == variant } < 3 }
        return [
            unfinished.isEmpty
                ? nil : "\(unfinished.count) of \(runs.count) runs are incomplete: \(unfinished.joined(separator: "; ")).",
            names.count > 1
                ? "The runs are of different recipes (\(names.joined(separator: ", "))): they may not be comparable." : nil,
            runs.count > 1 && !few.isEmpty
                ? "Fewer than three seeds: \(few.joined(separator: ", ")). One run proves nothing." : nil,
            unequal.isEmpty
                ? nil
                : "The runs differ in more than the compared stage: \(unequal.joined(separator: ", ")).",
        ].compactMap { $0 } + mixedBuilds + runs.flatMap(\.damage)
    }

    /// A sentence for each variant whose runs were made by several builds of its plugin.
    private var mixedBuilds: [String] {
        variants.compactMap { variant in
            let own = runs.filter { $0.variant == variant }
            let builds = Dictionary(grouping: own.filter { $0.environment != nil }) { $0.environment?.plugin.sha256 ?? "" }
            guard builds.count > 1 else { return nil }
            let parts = builds.sorted { $0.key < $1.key }.map { hash, runs in
                "\(hash.prefix(12))… (\(runs.map(place).joined(separator: "; ")))"
            }
            return
                "The runs of \(variant) were made by \(builds.count) builds of its plugin, which its numbers mix: "
                + "\(parts.joined(separator: ", "))."
        }
    }

    /// Settings outside of the last stage that the runs do not share.
    private var unequal: [String] {
        let outside = runs.map { run in
            run.settings.filter { path, _ in
                ["stages.", "task.", "evaluation.", "device"].contains { path.hasPrefix($0) }
            }
        }
        let paths = Set(outside.flatMap(\.keys))
        return paths.filter { path in Set(outside.map { $0[path] }).count > 1 }.sorted()
    }
}
