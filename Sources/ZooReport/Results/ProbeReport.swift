import ZooBase
import ZooRecords

/// A probe's figures as tables, for a terminal and as Markdown.
package struct ProbeReport {
    private let result: ProbeResult

    package init(_ result: ProbeResult) { self.result = result }

    /// How a figure is written: the full interval, or its larger side.
    package enum Style { case interval, deviation }

    /// For a terminal of this width.
    package func plain(width: Int) -> String {
        blocks(.deviation, sentence: { $0.wrapped(toWidth: width, indent: 0) }, table: { $0.plain(width: width) })
    }

    package var markdown: String {
        "# Probe of \(result.recipe)\n\n" + blocks(.interval, sentence: { $0 }, table: { $0.markdown() })
    }

    private func blocks(_ style: Style, sentence: (String) -> String, table: (TextTable) -> String) -> String {
        let points = result.points.map { point in
            [
                sentence(place(point)) + "\n", table(estimators(point, style)), table(cosines(point)),
                table(baselines(point, style)),
            ]
            .joined(separator: "\n")
        }
        return points.joined(separator: "\n") + "\n" + sentence(note) + "\n"
    }

    /// What was frozen, and the reference of its gradients.
    package func place(_ point: ProbeResult.Point) -> String {
        let reference =
            point.referenceSequences == 0 ? "the exact gradient" : "the gradient of \(point.referenceSequences) samples"
        return "\(result.driver) frozen at iteration \(point.step): \(Quantity.number(point.kl)) nats from the reference, "
            + "reward \(Quantity.number(point.reward)); compared with \(reference)"
    }

    package var note: String {
        "\(result.batches) batches of \(result.sequences) sequences, \(result.samples) per prompt; objective E[reward] − "
            + "\(Quantity.number(result.beta)) KL. 95% bootstrap intervals over batches or states; "
            + "– means that noise hides the figure."
    }

    package func estimators(_ point: ProbeResult.Point, _ style: Style) -> TextTable {
        var table = TextTable([
            .text("gradient of"), .number("signal/noise"), .number("cosine"), .number("bias² of direction"), .number("length"),
            .number("norm"), .number("advantage variance"),
        ])
        for estimator in point.estimators {
            table.append([
                estimator.name, text(estimator.signalToNoise, style), text(estimator.cosine, style), text(estimator.bias, style),
                text(estimator.scale, style),
                Quantity.number(estimator.norm.mean), estimator.advantageVariance.map(Quantity.number) ?? "–",
            ])
        }
        return table
    }

    private func cosines(_ point: ProbeResult.Point) -> TextTable {
        var table = TextTable([.text("cosine between mean gradients")] + point.estimators.map { .number($0.name) })
        for (estimator, row) in zip(point.estimators, point.cosines) {
            table.append([estimator.name] + row.map { $0.isFinite ? Quantity.number($0) : "–" })
        }
        return table
    }

    package func baselines(_ point: ProbeResult.Point, _ style: Style) -> TextTable {
        let first = point.baselines.first
        let truth = first.map {
            $0.continuations == 0 ? "exact values" : "\($0.continuations) continuations of \($0.states) states"
        }
        var table = TextTable([
            .text("baseline, against \(truth ?? "")"), .number("error"), .number("rank correlation"),
            .number("explained variance"),
            .number("variance of return − baseline"),
        ])
        for baseline in point.baselines {
            table.append([
                baseline.name, text(baseline.error, style), baseline.rankCorrelation.map { text($0, style) } ?? "–",
                Quantity.number(baseline.explainedVariance), Quantity.number(baseline.advantageVariance),
            ])
        }
        return table
    }

    private func text(_ figure: ProbeResult.Figure, _ style: Style) -> String {
        guard figure.mean.isFinite else { return "–" }
        switch style {
        case .interval:
            return "\(Quantity.number(figure.mean)) [\(Quantity.number(figure.low)), \(Quantity.number(figure.high))]"
        case .deviation:
            return Quantity.number(figure.mean) + " ±" + Quantity.number(max(figure.mean - figure.low, figure.high - figure.mean))
        }
    }
}
