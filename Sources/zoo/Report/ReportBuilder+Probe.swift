import Foundation
import ZooHost
import ZooReport

extension ReportBuilder {
    // MARK: - Critic

    /// How well the critic foresees, by its own curve and by the probes.
    var critic: Page.Section? {
        let hasCurve = runs.contains { $0.records.contains { $0.values.keys.contains { $0.hasPrefix("critic/") } } }
        let baselines = probes.flatMap { probe in probe.points.map { (probe, $0) } }.filter { !$0.1.baselines.isEmpty }
        guard hasCurve || !baselines.isEmpty else { return nil }
        var parts: [Page.Part] = []
        if hasCurve {
            parts.append(
                .chart(
                    .critic,
                    "Explained variance: 1 where the critic foresees the return, 0 where it is no better than a constant."))
        }
        if !baselines.isEmpty {
            parts.append(.chart(.baselines, "What foresees the return of the frozen samples, and how far off it is."))
        }
        for (probe, point) in baselines {
            parts.append(.table("\(Self.title(probe)), after step \(point.step): baselines", Self.table(point.baselines)))
        }
        return Page.Section("critic", "How good the critic is", parts)
    }

    private static func table(_ baselines: [ProbeResult.Baseline]) -> TextTable {
        var table = TextTable([
            .text("baseline"), .number("error"), .number("rank correlation"), .number("explained variance"),
            .number("advantage variance"), .number("states"), .number("continuations"),
        ])
        for baseline in baselines {
            table.append([
                baseline.name, text(baseline.error), baseline.rankCorrelation.map(text) ?? "–",
                Quantity.number(baseline.explainedVariance), Quantity.number(baseline.advantageVariance),
                "\(baseline.states)", baseline.continuations == 0 ? "exact" : "\(baseline.continuations)",
            ])
        }
        return table
    }

    // MARK: - Gradients

    var probe: Page.Section? {
        let points = probes.flatMap { probe in probe.points.map { (probe, $0) } }.filter { !$0.1.estimators.isEmpty }
        guard !points.isEmpty else { return nil }
        var parts: [Page.Part] = [
            .chart(.cosines, "Cosine between the mean gradients: 1 where two algorithms would take the same direction."),
            .chart(
                .estimators, "Of each algorithm's gradient on the same samples, with the 95% interval over resampled batches."),
        ]
        for (probe, point) in points {
            let reference =
                point.referenceSequences == 0 ? "exact" : "of \(Quantity.count(Double(point.referenceSequences))) sequences"
            let caption =
                "\(Self.title(probe)), after step \(point.step) (KL \(Quantity.number(point.kl)) nats, reward \(Quantity.number(point.reward))): "
                + "gradients against the reference gradient, which is \(reference)"
            parts.append(.table(caption, Self.table(point.estimators)))
        }
        return Page.Section("probe", "The gradients, side by side", parts)
    }

    private static func title(_ probe: ProbeResult) -> String {
        "\(probe.recipe), \(probe.driver) seed \(probe.seed), \(probe.batches) batches of \(probe.sequences)"
    }

    private static func table(_ estimators: [ProbeResult.Estimator]) -> TextTable {
        var table = TextTable([
            .text("gradient of"), .number("signal to noise"), .number("bias"), .number("cosine"), .number("variance"),
            .number("norm"),
            .number("length beside the reference"), .number("advantage variance"),
        ])
        for estimator in estimators {
            table.append(
                [estimator.name]
                    + [
                        estimator.signalToNoise, estimator.bias, estimator.cosine, estimator.variance, estimator.norm,
                        estimator.scale,
                    ].map(text) + [estimator.advantageVariance.map { Quantity.number($0) } ?? "–"])
        }
        return table
    }

    private static func text(_ figure: ProbeResult.Figure) -> String {
        "\(Quantity.number(figure.mean)) [\(Quantity.number(figure.low)), \(Quantity.number(figure.high))]"
    }

    func chart(_ probe: ProbeResult) -> Charts.Probe {
        func interval(_ figure: ProbeResult.Figure) -> Charts.Probe.Interval {
            Charts.Probe.Interval(mean: figure.mean, low: figure.low, high: figure.high)
        }
        let points = probe.points.map { point in
            Charts.Probe.Point(
                step: point.step,
                estimators: point.estimators.map { estimator in
                    Charts.Probe.Named(
                        name: estimator.name,
                        figures: [
                            "norm": interval(estimator.norm), "signalToNoise": interval(estimator.signalToNoise),
                            "variance": interval(estimator.variance), "cosine": interval(estimator.cosine),
                            "bias": interval(estimator.bias), "scale": interval(estimator.scale),
                        ])
                },
                cosines: point.cosines.map { row in row.map { Rounded($0) } },
                baselines: point.baselines.map { baseline in
                    Charts.Probe.Named(
                        name: baseline.name,
                        figures: ["error": interval(baseline.error)].merging(
                            baseline.rankCorrelation.map { ["rankCorrelation": interval($0)] } ?? [:]
                        ) { $1 })
                })
        }
        return Charts.Probe(title: Self.title(probe), points: points)
    }
}
