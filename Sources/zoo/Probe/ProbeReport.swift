import ZooHost
import ZooReport

/// A probe's figures as tables, for a terminal and as Markdown.
struct ProbeReport {
    private let result: ProbeResult

    init(_ result: ProbeResult) { self.result = result }

    var plain: String { blocks { $0.plain() } }
    var markdown: String { "# Probe of \(result.recipe)\n\n" + blocks { $0.markdown() } }

    private func blocks(_ text: (TextTable) -> String) -> String {
        let points = result.points.map { point in
            let reference = point.referenceSequences == 0 ? "the exact gradient" : "the gradient of \(point.referenceSequences) samples"
            let place =
                "\(result.driver) frozen at step \(point.step): \(Quantity.number(point.kl)) nats from the reference, "
                + "reward \(Quantity.number(point.reward)); compared with \(reference)\n"
            return [place, text(estimators(point)), text(cosines(point)), text(baselines(point))].joined(separator: "\n")
        }
        let note =
            "\(result.batches) batches of \(result.sequences) sequences, \(result.samples) a prompt; objective E[reward] − "
            + "\(Quantity.number(result.beta)) KL; [95% bootstrap interval over batches or states].\n"
        return points.joined(separator: "\n") + "\n" + note
    }

    private func estimators(_ point: ProbeResult.Point) -> TextTable {
        var table = TextTable([
            .text("gradient of"), .number("signal/noise"), .number("cosine"), .number("bias² of direction"), .number("length"),
            .number("norm"), .number("advantage variance"),
        ])
        for estimator in point.estimators {
            table.append([
                estimator.name, text(estimator.signalToNoise), text(estimator.cosine), text(estimator.bias), text(estimator.scale),
                Quantity.number(estimator.norm.mean), estimator.advantageVariance.map(Quantity.number) ?? "–",
            ])
        }
        return table
    }

    private func cosines(_ point: ProbeResult.Point) -> TextTable {
        var table = TextTable([.text("cosine between mean gradients")] + point.estimators.map { .number($0.name) })
        for (estimator, row) in zip(point.estimators, point.cosines) {
            table.append([estimator.name] + row.map { Quantity.number($0) })
        }
        return table
    }

    private func baselines(_ point: ProbeResult.Point) -> TextTable {
        let first = point.baselines.first
        let truth = first.map { $0.continuations == 0 ? "exact values" : "\($0.continuations) continuations of \($0.states) states" }
        var table = TextTable([
            .text("baseline, against \(truth ?? "")"), .number("error"), .number("rank correlation"), .number("explained variance"),
            .number("variance of return − baseline"),
        ])
        for baseline in point.baselines {
            table.append([
                baseline.name, text(baseline.error), baseline.rankCorrelation.map(text) ?? "–",
                Quantity.number(baseline.explainedVariance), Quantity.number(baseline.advantageVariance),
            ])
        }
        return table
    }

    private func text(_ figure: ProbeResult.Figure) -> String {
        "\(Quantity.number(figure.mean)) [\(Quantity.number(figure.low)), \(Quantity.number(figure.high))]"
    }
}
