import Foundation
import ZooData
import ZooHost
import ZooReport

/// One run as a report reads it, whole or still going on.
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
            hasAllPrompts: source("evaluation.prompts") == source("data.prompts"))
    }

    /// Where a dataset comes from.
    private func source(_ path: String) -> [String: String] {
        let own = settings.filter { $0.key.hasPrefix(path + ".") }.map { (String($0.key.dropFirst(path.count)), $0.value) }
        return Dictionary(uniqueKeysWithValues: own)
    }

    /// - Throws: ``Failure`` that names the file which cannot be read.
    init(_ folder: RunFolder, variant: String?) throws {
        self.folder = folder
        let spec = try Self.decode(JSONValue.self, folder.spec)
        note = try Self.decode(RunNote.self, folder.spec)
        settings = RunNote.settings(spec)
        name = variant ?? settings["algorithm"] ?? folder.url.lastPathComponent
        self.variant = note.preset?.title(of: name) ?? name
        records = try Self.records(folder.metrics)
        evaluation = try Self.optional(EvaluationResult.self, folder.evaluation)
        ledger = try Self.optional(Ledger.self, folder.ledger)
        environment = try Self.optional(EnvironmentNote.self, folder.environment)
    }

    private static func optional<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T? {
        FileManager.default.fileExists(atPath: file.path) ? try decode(type, file) : nil
    }

    static func decode<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
        do { return try decoder.decode(type, from: Data(contentsOf: file)) } catch let error as DecodingError {
            throw Failure(
                "\(file.shortPath) cannot be read: \(reason(error)); was it written by another version?", status: Failure.data)
        } catch {
            throw Failure("\(file.shortPath) cannot be read: \(error.localizedDescription)", status: Failure.data)
        }
    }

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }()

    private static func reason(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty ? "" : " at " + context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "it has no '\(key.stringValue)'\(path(context))"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "expected \(type)\(path(context))"
        case .dataCorrupted(let context): return "it is damaged\(path(context))"
        @unknown default: return "it is damaged"
        }
    }

    /// The lines of `metrics.jsonl`; one that is being written right now is left for later.
    private static func records(_ file: URL) throws -> [LearningCurves.Record] {
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        let text: String
        do { text = try String(contentsOf: file, encoding: .utf8) } catch {
            throw Failure("\(file.shortPath) cannot be read: \(error.localizedDescription)", status: Failure.data)
        }
        let whole = text.hasSuffix("\n") ? text[...] : text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
        return try whole.split(separator: "\n").enumerated().map { index, line in
            guard let values = try? decoder.decode([String: Double?].self, from: Data(line.utf8)),
                let step = values["step"] ?? nil
            else {
                throw Failure(
                    "\(file.shortPath), line \(index + 1): expected an object of numbers with 'step'; found \(line.prefix(60))",
                    status: Failure.data)
            }
            return LearningCurves.Record(step: Int(step), values: values.compactMapValues { $0 }.filter { $0.key != "step" })
        }
    }
}
