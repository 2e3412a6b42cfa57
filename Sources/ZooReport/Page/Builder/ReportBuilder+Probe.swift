import Foundation
import ZooBase
import ZooRecords

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
                    "Explained variance: 1 if the critic predicts the return, 0 if it is no better than a constant."))
        }
        if !baselines.isEmpty {
            parts.append(.chart(.baselines, "How well each baseline predicts the return of the frozen samples."))
        }
        for (probe, point) in baselines {
            let report = ProbeReport(probe)
            parts.append(.table("\(probe.recipe): \(report.place(point))", report.baselines(point, .interval)))
        }
        return Page.Section("critic", "How good the critic is", parts)
    }

    // MARK: - Gradients

    var probe: Page.Section? {
        let points = probes.flatMap { probe in probe.points.map { (probe, $0) } }.filter { !$0.1.estimators.isEmpty }
        guard !points.isEmpty else { return nil }
        var parts: [Page.Part] = [
            .chart(.cosines, "Cosine between the mean gradients: 1 if two algorithms would move in the same direction."),
            .chart(
                .estimators, "Each algorithm's gradient on the same samples, with the 95% interval over resampled batches."),
        ]
        for (probe, point) in points {
            let report = ProbeReport(probe)
            parts.append(.table("\(probe.recipe): \(report.place(point))", report.estimators(point, .interval)))
        }
        let notes = probes.map { "\($0.recipe): \(ProbeReport($0).note)" }
        return Page.Section("probe", "The gradients, side by side", parts + [.list(Array(Set(notes)).sorted())])
    }

    private static func title(_ probe: ProbeResult) -> String {
        "\(probe.recipe), \(probe.driver) seed \(probe.seed), \(probe.batches) batches of \(probe.sequences)"
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
