import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// A language model to export: that of a finished run, or one in a folder.
public struct ExportSource {
    /// The model's folder, or the adapter's.
    public let model: URL
    /// The run that trained it; nil: not known.
    public let run: RunFolder?
    /// The folder that an adapter is merged into; nil for a full model.
    public let base: URL?
    /// The folder of the model that the first stage began from: the model itself where no run is known, nil where it was trained from
    /// nothing.
    public let origin: URL?
    /// What recipes call that folder: `data:smollm2`; nil if that is a path.
    public var originName: String? { origin.flatMap(FetchedModel.name(of:)) }
    /// What an adapter without a run calls its base where that is no folder here but has the form of a name on the Hub.
    public let baseName: String?
    /// Names files and folders: that of the run's folder, or of the model's.
    public let name: String

    /// - Parameters:
    ///   - folder: of a run, of a model in Hugging Face's layout, or of an adapter in PEFT's.
    ///   - base: in place of the base that an adapter names.
    /// - Throws: if the run has not finished, or the model is not a language model with a tokenizer.
    public init(_ folder: URL, base: URL? = nil) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: folder.path) else { throw FileError(.noInput, folder.path, "there is no such folder") }
        try Self.refuseComparison(folder)
        let run = [RunFolder(folder), RunFolder(folder.deletingLastPathComponent())].first {
            $0.isBegun && ($0.url == folder || $0.model.standardizedFileURL.path == folder.standardizedFileURL.path)
        }
        if let run, !run.isDone {
            throw ZooError(
                .invalidArgument,
                "\(run.url.path) is a run that has not finished; continue it with: zoo train --resume \(run.url.path)")
        }
        let model = run?.model ?? folder
        guard files.fileExists(atPath: model.path) else {
            throw FileError(.noInput, folder.path, "is a run that saved no model")
        }
        let adapterBase = try Self.base(ofLanguageModel: model, base)
        (self.run, self.model, self.base) = (run, model, adapterBase)
        origin = try run.map { try Self.origin(of: $0.readSpec()) } ?? (adapterBase ?? model)
        baseName = try run == nil && adapterBase != nil ? Self.hubName(AdapterFolder(model).baseName) : nil
        name = (run?.url ?? folder).standardizedFileURL.lastPathComponent
        guard tokenizer != nil else {
            throw FileError(
                .noInput, model.path,
                "has no tokenizer.json\(self.base == nil ? "" : ", nor has its base"); copy that of its base beside it")
        }
    }

    /// The folders that its texts are looked for in: the adapter's own, then its base's.
    var folders: [URL] { [model] + (base.map { [$0] } ?? []) }

    /// The folder of its tokenizer.
    var tokenizer: URL? {
        folders.first { FileManager.default.fileExists(atPath: $0.appending(path: "tokenizer.json").path) }
    }

    /// The base of an adapter; nil for a full model. Throws if it is not a language model's.
    private static func base(ofLanguageModel folder: URL, _ base: URL?) throws -> URL? {
        if AdapterFolder.isOne(folder) {
            let adapter = try AdapterFolder(folder)
            guard adapter.layout == .peft else { throw refusal(folder, "an adapter of an image model, which `zoo merge` merges") }
            return try adapter.base(base)
        }
        guard base == nil else { throw refusal(folder, "a full model, which needs no --base", expected: "an adapter") }
        let found = try ModelFolder(folder)
        switch (found.kind, found.head) {
        case (.imagePipeline, _): throw refusal(folder, "an image model, whose folder diffusers loads as it is")
        case (.tabular, _): throw refusal(folder, "a table")
        case (_, .score): throw refusal(folder, "a reward model, which transformers loads from its folder as it is")
        case (_, .value): throw refusal(folder, "a critic")
        default: return nil
        }
    }

    private static func refusal(_ folder: URL, _ found: String, expected: String = "a language model") -> ZooError {
        ZooError(.invalidArgument, "\(folder.path) holds \(found); expected \(expected)")
    }

    private static func hubName(_ name: String?) -> String? {
        guard let name, name.wholeMatch(of: /\w[\w.-]*\/\w[\w.-]*/) != nil, !FileManager.default.fileExists(atPath: name) else {
            return nil
        }
        return name
    }

    private static func refuseComparison(_ folder: URL) throws {
        guard let comparison = try ComparisonRuns.read(in: folder), let first = comparison.runs.keys.min() else { return }
        throw ZooError(
            .invalidArgument,
            "\(folder.path) holds the runs of a comparison; give one, such as \(folder.appending(path: first).path)")
    }

    /// The folder that the first of the stages that lead to a run's began from; nil if that was new.
    private static func origin(of spec: RunSpec) -> URL? {
        var name = spec.stage
        // Each stage names an earlier one.
        for _ in spec.recipe.stages {
            guard let stage = spec.recipe.stages.first(where: { $0.name == name }) else { return nil }
            switch stage.policy {
            case .new: return nil
            case .stage(let earlier): name = String(earlier.prefix { $0 != "/" })
            case .folder(let folder):
                // An adapter whose base has gone is its own origin.
                guard AdapterFolder.isOne(folder) else { return folder }
                return (try? AdapterFolder(folder).base()) ?? folder
            }
        }
        return nil
    }
}
