import Foundation
import ZooBase

extension ReportBuilder {
    private static let axes: [Charts.Choice] = [
        .init("step", "iterations"), .init("budget/sampled_steps", "sampled steps"),
        .init("budget/reward_queries", "reward queries"), .init("budget/updates", "updates"),
        .init("budget/flops", "floating-point operations"), .init("budget/seconds", "seconds"),
    ]

    var curves: Charts.Curves {
        var curves = Charts.Curves()
        let names = Set(runs.flatMap { $0.records.flatMap(\.values.keys) })
        curves.axes = Self.axes.filter { $0.id == "step" || names.contains($0.id) }
        let axes = curves.axes.map(\.id).filter { $0 != "step" }
        curves.metrics = Self.choices(names.subtracting(axes))
        curves.first = FirstChart.curves(
            variants.map { variant in
                Set(runs.filter { $0.variant == variant }.flatMap { $0.records.flatMap(\.values.keys) })
            })
        // Numbers of about six bytes, three a point: a page stays well under 2 MB.
        let points = max(20, min(160, 30_000 / max(1, variants.count * curves.metrics.count)))
        curves.series = variants.map { variant -> Charts.Curves.Series in
            let own = runs.filter { $0.variant == variant }
            let bases = Dictionary(grouping: own, by: \.base).sorted { $0.key < $1.key }.map { $0.value.map(\.records) }
            return LearningCurves.series(
                variant, runs: bases.count > 1 ? bases.map(LearningCurves.merged) : own.map(\.records), axes: axes,
                points: points, isRare: { $0.hasPrefix("eval/") })
        }
        return curves
    }

    /// What all algorithms log alike, in the order of the first chart; what was measured on held-out prompts, in the order of the
    /// tables; and the rest.
    private static func choices(_ names: Set<String>) -> [Charts.Choice] {
        let common = names.filter { $0.hasPrefix(FirstChart.common) }
        let first = FirstChart.curves([common])
        let held = names.filter { $0.hasPrefix("eval/") }
        return (first + common.subtracting(first).sorted()).map {
            Charts.Choice($0, String($0.dropFirst(FirstChart.common.count)), group: "every algorithm")
        }
            + Metric.sorted(held.map { String($0.dropFirst("eval/".count)) }).map {
                Charts.Choice("eval/\($0)", Metric.title($0), group: "held-out prompts")
            } + names.subtracting(common).subtracting(held).sorted().map { Charts.Choice($0, $0, group: "training") }
    }

    var curveSection: Page.Section? {
        guard runs.contains(where: { !$0.records.isEmpty }) else { return nil }
        let caption =
            "Mean over seeds, or over base models if there are several; the band is the 95% bootstrap interval, or the range of "
            + "three. Held-out metrics need 'every' in the recipe's evaluation."
        return Page.Section("curves", "Training curves", [.chart(.curves, caption)])
    }

    // MARK: - Reward against distance

    func plane(_ ways: [Charts.Point], _ fits: [Fitted]) -> Charts.Plane {
        var plane = Charts.Plane()
        plane.points = runs.compactMap { run in
            run.evaluation.map { evaluation in
                point(
                    run, step: nil,
                    evaluation.metrics.filter { ["kl", "gold", "reward", "exact/kl", "exact/reward"].contains($0.key) })
            }
        }
        plane.ways = ways
        let rewards: [Charts.Plane.Reward] = [
            .init("gold", "gold reward"), .init("reward", "proxy reward"), .init("exact/reward", "reward, exact", kl: "exact/kl"),
        ]
        plane.rewards = rewards.filter { reward in plane.points.contains { $0.values[reward.id] != nil } }
        // What the best policy of a run's own KL has: the closed form, at as many places as there are runs.
        let frontier = runs.compactMap { run -> (kl: Double, reward: Double)? in
            guard let metrics = run.evaluation?.metrics, let kl = metrics["exact/kl"], let reward = metrics["exact/reward"],
                let gap = metrics["exact/frontier_gap"]
            else { return nil }
            return (kl, reward + gap)
        }.sorted { $0.kl < $1.kl }
        plane.fits = fits.map { Charts.Plane.Fit($0.variant, $0.fit, base: $0.base, to: $0.farthest) }
        if frontier.count > 1 { plane.frontiers["exact/reward"] = frontier.map { [Rounded($0.kl), Rounded($0.reward)] } }
        return plane
    }

    private func point(_ run: ReportedRun, step: Int?, _ values: [String: Double]) -> Charts.Point {
        Charts.Point(
            variant: run.variant, seed: step == nil ? run.seed : nil, step: step, series: run.sweep?.series,
            value: run.sweep?.value,
            values: values)
    }

    /// The mean over seeds at each evaluation during training.
    var ways: [Charts.Point] {
        variants.flatMap { variant -> [Charts.Point] in
            let own = runs.filter { $0.variant == variant }
            guard let first = own.first else { return [] }
            let records = own.flatMap(\.records).filter { $0.values["eval/kl"] != nil }
            let bySteps = Dictionary(grouping: records, by: \.step)
            return bySteps.keys.sorted().map { step in
                var values: [String: Double] = [:]
                for name in ["kl", "gold", "reward"] {
                    let found = (bySteps[step] ?? []).compactMap { $0.values["eval/\(name)"] }
                    if let mean = Estimate(found)?.mean, mean.isFinite { values[name] = mean }
                }
                return point(first, step: step, values)
            }
        }
    }

    struct Fitted {
        var variant: String
        var fit: OveroptimisationFit
        var base: Double
        /// √KL of the last point.
        var farthest: Double
    }

    /// The gold reward of each variant that was measured during training as a curve of the distance; sweeps are shown by their
    /// end points.
    func fits(_ ways: [Charts.Point]) -> [Fitted] {
        return variants.compactMap { variant in
            let own = ways.filter { $0.variant == variant && $0.series == nil }
            guard let base = own.first(where: { $0.step == 0 })?.values["gold"] else { return nil }
            let points = own.compactMap { point -> (distance: Double, reward: Double)? in
                guard let kl = point.values["kl"], let gold = point.values["gold"] else { return nil }
                return (max(0, kl).squareRoot(), gold - base)
            }
            return OveroptimisationFit(points).map { fit in
                Fitted(variant: variant, fit: fit, base: base, farthest: points.map(\.distance).max() ?? 0)
            }
        }
    }

    private func table(of fits: [Fitted]) -> Page.Part? {
        guard !fits.isEmpty else { return nil }
        var table = TextTable([
            .text("variant"), .number("α"), .number("β"), .number("peak at √KL"), .number("explained variance"),
        ])
        for fitted in fits {
            let fit = fitted.fit
            let peak = fit.peak.map { $0 <= fitted.farthest ? Quantity.number($0) : "beyond" } ?? "none"
            table.append([
                fitted.variant, Quantity.number(fit.alpha), Quantity.number(fit.beta), peak, Quantity.number(fit.explained),
            ])
        }
        return .table("The gold reward above the base's as d (α − β log d) of the distance d = √KL (Gao et al. 2022)", table)
    }

    func section(of plane: Charts.Plane, _ fits: [Fitted]) -> Page.Section? {
        guard runs.contains(where: { $0.evaluation?.metrics["kl"] != nil }), !plane.rewards.isEmpty else { return nil }
        let caption =
            "One point per run; the points of a sweep are connected. The square root of the KL is the distance to the base "
            + "model (Bai et al. 2022; Gao et al. 2022): at equal distance, higher is better. If the optimum is known, the dashed "
            + "line is the highest reward at each distance."
        return Page.Section(
            "plane", "Reward against distance", [.chart(.plane, caption)] + (table(of: fits).map { [$0] } ?? []))
    }
}
