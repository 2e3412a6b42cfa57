import Foundation
import ZooBase
import ZooRecords

/// One run as a report reads it, finished or in progress.
package struct ReportedRun {
    package var folder: RunFolder
    /// As tables name it.
    package var variant: String
    /// As the recipe names it.
    package var name: String
    package var note: RunNote
    /// By path, as ``RecordedSettings`` reads them.
    package var settings: [String: String]
    package var records: [MetricLine]
    /// What of the run's files is damaged and left out, a sentence each.
    package var damage: [String] = []
    package var evaluation: EvaluationResult?
    package var ledger: Ledger?
    package var environment: EnvironmentNote?

    package var seed: UInt64 { note.seed }
    /// The seed of the stages before.
    package var base: UInt64 { note.recipe.seed ?? 0 }
    package var isDone: Bool { folder.isDone }
    package var sweep: RunNote.VariantNote? { note.recipe.compare?.variants.first { $0.name == name && $0.series != nil } }
    package var measured: MeasuredRun {
        MeasuredRun(
            variant: variant, base: base, seed: seed, evaluation: evaluation, ledger: ledger,
            hasAllPrompts: settings["evaluation.prompts"] == settings["data.prompts"])
    }

    /// - Parameter variant: as the comparison names it; nil for a run of its own.
    /// - Throws: ``ReportError`` that names the file which cannot be read.
    package init(_ folder: RunFolder, variant: String?) throws {
        self.folder = folder
        let spec = try RecordFile.read(JSONValue.self, folder.spec)
        note = try RecordFile.read(RunNote.self, folder.spec)
        settings = RecordedSettings.of(spec)
        name = variant ?? settings["algorithm"] ?? folder.url.lastPathComponent
        self.variant = note.preset?.title(of: name) ?? name
        (records, damage) = try MetricLine.read(folder.metrics)
        evaluation = try RecordFile.readIfPresent(EvaluationResult.self, folder.evaluation)
        ledger = try RecordFile.readIfPresent(Ledger.self, folder.ledger)
        environment = try RecordFile.readIfPresent(EnvironmentNote.self, folder.environment)
    }
}
