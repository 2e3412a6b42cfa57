import Foundation
import ZooBase
import ZooData
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

/// One run as a report reads it, finished or in progress.
struct ReportedRun {
    var folder: RunFolder
    /// As tables name it.
    var variant: String
    /// As the recipe names it.
    var name: String
    var note: RunNote
    /// The recipe's settings by path.
    var settings: [String: String]
    var records: [LearningCurves.Record]
    /// What of the run's files is damaged and left out, a sentence each.
    var damage: [String] = []
    var evaluation: EvaluationResult?
    var ledger: Ledger?
    var environment: EnvironmentNote?

    var seed: UInt64 { note.seed }
    /// The seed of the stages before.
    var base: UInt64 { note.recipe.seed ?? 0 }
    var isDone: Bool { folder.isDone }
    var sweep: RunNote.VariantNote? { note.recipe.compare?.variants.first { $0.name == name && $0.series != nil } }
    var measured: MeasuredRun {
        MeasuredRun(
            variant: variant, base: base, seed: seed, evaluation: evaluation, ledger: ledger,
            hasAllPrompts: settings["evaluation.prompts"] == settings["data.prompts"])
    }

    /// - Throws: ``Failure`` that names the file which cannot be read.
    init(_ folder: RunFolder, variant: String?) throws {
        self.folder = folder
        let spec = try Self.decode(JSONValue.self, folder.spec)
        note = try Self.decode(RunNote.self, folder.spec)
        settings = RunNote.settings(spec)
        name = variant ?? settings["algorithm"] ?? folder.url.lastPathComponent
        self.variant = note.preset?.title(of: name) ?? name
        (records, damage) = try Self.records(folder.metrics)
        evaluation = try Self.optional(EvaluationResult.self, folder.evaluation)
        ledger = try Self.optional(Ledger.self, folder.ledger)
        environment = try Self.optional(EnvironmentNote.self, folder.environment)
    }

    private static func optional<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T? {
        FileManager.default.fileExists(atPath: file.path) ? try decode(type, file) : nil
    }

    static func decode<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
        do { return try decoder.decode(type, from: InputFile.data(file)) } catch let error as DecodingError {
            throw Failure(
                "\(file.shortPath) cannot be read: \(plainWords(error)); was it written by another version?", status: .data
            )
        }
    }

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }()

    /// The last step that a run can have: up to there, a number of JSON is exact.
    private static let lastStep = 0x1p53

    /// The lines of `metrics.jsonl`, without those that are damaged, which `damage` names; one that is being written right now is left
    /// for later.
    private static func records(_ file: URL) throws -> (records: [LearningCurves.Record], damage: [String]) {
        guard FileManager.default.fileExists(atPath: file.path) else { return ([], []) }
        var (records, damaged) = ([LearningCurves.Record](), [(line: Int, text: String)]())
        let lines = try InputFile.data(file).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last newline is nothing, or half a line.
        for (index, line) in lines.dropLast().enumerated() where !line.isEmpty {
            if let values = try? decoder.decode([String: Double?].self, from: line), let step = values["step"] ?? nil,
                (0...lastStep).contains(step), let whole = Int(exactly: step)
            {
                records.append(
                    LearningCurves.Record(step: whole, values: values.compactMapValues { $0 }.filter { $0.key != "step" }))
            } else {
                damaged.append((index + 1, String(decoding: line.prefix(60), as: UTF8.self)))
            }
        }
        guard let first = damaged.first else { return (records, []) }
        let others = damaged.count == 1 ? "" : ", and \(damaged.count - 1) more"
        return (
            records,
            [
                "\(file.shortPath), line \(first.line)\(others): expected an object of numbers with 'step', a whole number; found "
                    + "\(first.text). Left out."
            ]
        )
    }
}
