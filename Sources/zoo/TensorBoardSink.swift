import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

/// Writes a run's metrics as TensorBoard events into its folder.
final class TensorBoardSink: MetricSink {
    private let writer: TensorBoardWriter

    init(_ folder: RunFolder, after step: Int) throws {
        writer = try TensorBoardWriter(folder: folder.url, after: step, droppingEnd: ["evaluation/", "samples/"])
    }

    func record(_ record: MetricRecord) throws {
        try writer.scalars(record.values.map { (tag: $0.name, value: $0.value) }, step: record.step)
    }

    func image(_ png: Data, step: Int) throws { try writer.image(png, tag: Self.samples, step: step) }

    private static let samples = "samples"

    func close() throws { try writer.close() }

    /// The result of the evaluation, with samples as texts or as an image.
    func evaluation(_ evaluation: EvaluationResult, step: Int) throws {
        let metrics = evaluation.metrics.sorted { $0.key < $1.key }
        try writer.scalars(metrics.map { (tag: "evaluation/\($0.key)", value: $0.value) }, step: step)
        for (index, sample) in evaluation.samples.enumerated() {
            let text = "**\(sample.shownPrompt)**\n\n- before: \(sample.before)\n- after: \(sample.after)"
            try writer.text(text, tag: "samples/\(index)", step: step)
        }
        if let images = evaluation.images { try image(images.png(), step: step) }
    }
}
