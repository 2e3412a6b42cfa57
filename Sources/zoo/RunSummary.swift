import Foundation
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

/// What a finished run prints: the evaluation next to the reference's, samples, and where the files are.
struct RunSummary {
    let folder: RunFolder
    /// Omits samples.
    let quiet: Bool

    func show() throws {
        if let evaluation = try folder.readEvaluation() {
            try Output.report(Self.table(evaluation).plain())
            if !quiet, !evaluation.samples.isEmpty {
                try Output.report(Self.samples(evaluation.samples.prefix(3), after: "after"))
            }
        }
        if FileManager.default.fileExists(atPath: folder.pictures.path) {
            try Output.report(
                "images   \(folder.pictures.shortPath)   (rows: reference if there is one, target, before, after)")
        }
        try Output.report("model    \(folder.model.shortPath)")
        try Output.report(
            "metrics  \(folder.metrics.shortPath)   (or: tensorboard --logdir \(folder.url.deletingLastPathComponent().shortPath))"
        )
    }

    /// Each metric before training and after it.
    static func table(_ evaluation: EvaluationResult) -> TextTable {
        var table = TextTable([.text("metric"), .number("before"), .number("after")])
        for name in Metric.sorted(Array(evaluation.metrics.keys)) {
            func cell(_ metrics: [String: Double]) -> String { metrics[name].map { Quantity.number($0) } ?? "–" }
            table.append([Metric.title(name), cell(evaluation.reference), cell(evaluation.metrics)])
        }
        return table
    }

    static func samples(_ samples: some Sequence<EvaluationResult.Sample>, after: String) -> String {
        samples.map { sample in
            "\(sample.prompt) …\n  before: \(sample.before.trimmed)\n  \(after):  \(sample.after.trimmed)\n"
        }.joined(separator: "\n")
    }
}

extension String {
    var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
