import Foundation
import ZooRecords

/// A finished run as text: the evaluation next to the reference's, samples, and where the files are.
package struct RunSummary {
    private let folder: RunFolder
    private let hasSamples: Bool

    /// - Parameter hasSamples: whether to show some of the evaluation's samples.
    package init(_ folder: RunFolder, hasSamples: Bool) { (self.folder, self.hasSamples) = (folder, hasSamples) }

    /// Paragraphs for a terminal of this width.
    package func plain(width: Int) throws -> [String] {
        var parts: [String] = []
        if let evaluation = try folder.readEvaluation() {
            parts.append(Self.table(evaluation).plain(width: width))
            if hasSamples, !evaluation.samples.isEmpty {
                parts.append(Self.samples(evaluation.samples.prefix(3), after: "after"))
            }
        }
        if FileManager.default.fileExists(atPath: folder.images.path) {
            parts.append("images   \(folder.images.shortPath)   (rows: reference if there is one, target, before, after)")
            if FileManager.default.fileExists(atPath: folder.latents.path) {
                parts.append("latents  \(folder.latents.shortPath)   (the same, to be decoded; the images are crude previews)")
            }
        }
        parts.append("model    \(folder.model.shortPath)")
        let runs = folder.url.deletingLastPathComponent().shortPath
        parts.append("metrics  \(folder.metrics.shortPath)   (or: tensorboard --logdir \(runs))")
        return parts
    }

    /// Each metric before training and after it.
    package static func table(_ evaluation: EvaluationResult) -> TextTable {
        var table = TextTable([.text("metric"), .number("before"), .number("after")])
        for name in Metric.sorted(Array(evaluation.metrics.keys)) {
            func cell(_ metrics: [String: Double]) -> String { metrics[name].map { Quantity.number($0) } ?? "–" }
            table.append([Metric.title(name), cell(evaluation.reference), cell(evaluation.metrics)])
        }
        return table
    }

    package static func samples(_ samples: some Sequence<EvaluationResult.Sample>, after: String) -> String {
        samples.map { sample in
            let prompt = sample.messages == nil ? "\(sample.prompt) …" : sample.shownPrompt
            let role = sample.messages == nil ? "" : "assistant, "
            return "\(prompt)\n  \(role)before: \(sample.before.trimmed)\n  \(role)\(after):  \(sample.after.trimmed)\n"
        }.joined(separator: "\n")
    }
}

extension String {
    var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
