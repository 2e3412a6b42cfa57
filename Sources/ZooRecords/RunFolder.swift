import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe

/// The paths within a run's folder.
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    public var spec: URL { url.appending(path: "run.json") }
    public var recipe: URL { url.appending(path: "recipe.yaml") }
    public var environment: URL { url.appending(path: "environment.json") }
    public var metrics: URL { url.appending(path: "metrics.jsonl") }
    public var samples: URL { url.appending(path: "samples.jsonl") }
    /// Replaces `samples` if the policy makes images: reference, target, before and after, one column per prompt.
    public var images: URL { url.appending(path: "samples.png") }
    public var ledger: URL { url.appending(path: "ledger.json") }
    public var evaluation: URL { url.appending(path: "evaluation.json") }
    public var checkpoints: URL { url.appending(path: "checkpoints", directoryHint: .isDirectory) }
    public var model: URL { url.appending(path: "model", directoryHint: .isDirectory) }
    /// Written last: the run is finished.
    public var done: URL { url.appending(path: "done") }

    public var isDone: Bool { FileManager.default.fileExists(atPath: done.path) }
    /// Whether there is a run, finished or not.
    public var isBegun: Bool { FileManager.default.fileExists(atPath: spec.path) }

    public func readSpec() throws -> RunSpec {
        guard isBegun else {
            throw ZooError(.notFound, "\(url.path) is not a run: it has no run.json")
        }
        do { return try JSON.decode(RunSpec.self, from: spec) } catch let error as FileError where error.status == .data {
            throw FileError(
                .data, error.path, "\(error.reason); restore it, or start a new run with: zoo train \(recipe.path)")
        }
    }

    /// Creates the folder, or keeps one that already contains the same run. Throws if it contains another one.
    package func adopt(_ run: RunSpec) throws {
        guard isBegun else { return try create(run) }
        let found = try readSpec()
        guard let began = found.madeFrom, let wanted = run.madeFrom else {
            throw ZooError(.alreadyExists, "\(url.path) contains a run of an earlier version of zoo; choose another --run-dir")
        }
        guard began.key == wanted.key else {
            throw ZooError(
                .alreadyExists,
                "\(url.path) contains a different run: \(began.refusal(of: wanted)); restore that, or choose another --run-dir")
        }
        // The same content may be in another place by now.
        if !isDone { try create(run) }
    }

    /// Whether the folder contains this run, whatever command made it.
    package func holds(_ run: RunSpec) throws -> Bool {
        guard let began = try readSpec().madeFrom, let wanted = run.madeFrom else { return false }
        return began.key == wanted.key
    }

    /// Creates the folder with its recipe and spec. The spec comes last: it makes the folder a run.
    public func create(_ run: RunSpec) throws {
        try OutputFile.createFolder(url)
        try OutputFile.write(Data(run.recipeText.utf8), to: recipe)
        try OutputFile.write(JSON.encode(run.sealed()), to: spec)
    }

    // MARK: - The end

    /// Marks the run as finished and lists its files. Nothing after this is needed for that, so it may be cut off.
    ///
    /// - Parameter networks: the folders of those saved next to the model.
    package func finish(networks: [String]) throws {
        let kept = networks.map { url.appending(path: $0, directoryHint: .isDirectory) }
        let parts = [evaluation, samples, images, ledger, model] + kept
        let names = try parts.filter { FileManager.default.fileExists(atPath: $0.path) }.flatMap { part -> [String] in
            guard part.hasDirectoryPath else { return [part.lastPathComponent] }
            return try InputFolder.files(in: part).map { "\(part.lastPathComponent)/\($0)" }
        }
        try Manifest(of: url, files: names).write(to: done)
        sweep()
    }

    /// Refuses a finished run whose files have changed.
    package func verify(_ subject: String) throws {
        guard let fault = try Manifest(reading: done).fault(in: url) else { return }
        throw ZooError(.dataLoss, "\(subject) \(url.path) is damaged: \(fault); remove the folder to recompute it")
    }

    /// Removes what killed processes left half-written, and the checkpoints of a finished run. Only the holder of the
    /// folder's lock may do so.
    package func sweep() {
        // An unreadable spec does not tell what may be removed.
        if isDone, let spec = try? readSpec(), spec.recipe.stages.first(where: { $0.name == spec.stage })?.keepCheckpoint == false
        {
            OutputFolder.discard(checkpoints)
        }
        for folder in [url, checkpoints] { Leftovers.sweep(folder) }
    }
}
