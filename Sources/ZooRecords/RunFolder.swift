import Foundation
import ZooFiles
import ZooKit
import ZooPlugins
import ZooRecipe

/// The places within a run's folder.
public struct RunFolder: Sendable {
    public let url: URL

    public init(_ url: URL) { self.url = url }

    public var spec: URL { url.appending(path: "run.json") }
    public var recipe: URL { url.appending(path: "recipe.yaml") }
    public var environment: URL { url.appending(path: "environment.json") }
    public var metrics: URL { url.appending(path: "metrics.jsonl") }
    public var samples: URL { url.appending(path: "samples.jsonl") }
    /// In place of `samples` where the policy makes images: reference, target, before and after, a column a prompt.
    public var pictures: URL { url.appending(path: "samples.png") }
    public var ledger: URL { url.appending(path: "ledger.json") }
    public var evaluation: URL { url.appending(path: "evaluation.json") }
    public var checkpoints: URL { url.appending(path: "checkpoints", directoryHint: .isDirectory) }
    public var model: URL { url.appending(path: "model", directoryHint: .isDirectory) }
    /// Written last: the run is whole.
    public var done: URL { url.appending(path: "done") }

    public var isDone: Bool { FileManager.default.fileExists(atPath: done.path) }
    /// Whether there is a run, whole or not.
    public var isBegun: Bool { FileManager.default.fileExists(atPath: spec.path) }

    public func readSpec() throws -> RunSpec {
        guard isBegun else {
            throw ZooError(.notFound, "\(url.path) is not a run: it has no run.json")
        }
        return try JSON.decode(RunSpec.self, from: spec)
    }

    /// Makes the folder, or keeps one that holds the same run already. Throws where it holds another one.
    package func adopt(_ run: RunSpec) throws {
        guard isBegun else { return try create(run) }
        let found = try readSpec()
        guard let began = found.madeFrom, let wanted = run.madeFrom else {
            throw ZooError(.alreadyExists, "\(url.path) holds a run of an earlier version of zoo; name another --run-dir")
        }
        guard began.key == wanted.key else {
            throw ZooError(
                .alreadyExists,
                "\(url.path) holds another run: \(began.refusal(of: wanted)); restore that, or name another --run-dir")
        }
        // The same content may lie elsewhere by now.
        if !isDone { try create(run) }
    }

    /// Whether the folder holds this run, whatever command made it.
    package func holds(_ run: RunSpec) throws -> Bool {
        guard let began = try readSpec().madeFrom, let wanted = run.madeFrom else { return false }
        return began.key == wanted.key
    }

    /// Makes the folder with its recipe and spec. The spec comes last: it makes the folder a run.
    public func create(_ run: RunSpec) throws {
        try OutputFile.createFolder(url)
        try Files.write(Data(run.recipeText.utf8), to: recipe)
        try Files.write(JSON.encode(run.sealed()), to: spec)
    }

    // MARK: - The end

    /// Says that the run is whole, and of which files it consists. From here on nothing else makes it so: what follows may be cut off.
    ///
    /// - Parameter networks: the folders of those that are kept beside the model.
    package func finish(networks: [String]) throws {
        let kept = networks.map { url.appending(path: $0, directoryHint: .isDirectory) }
        let parts = [evaluation, samples, pictures, ledger, model] + kept
        let names = try parts.filter { FileManager.default.fileExists(atPath: $0.path) }.flatMap { part -> [String] in
            guard part.hasDirectoryPath else { return [part.lastPathComponent] }
            return try Files.names(in: part).map { "\(part.lastPathComponent)/\($0)" }
        }
        try Manifest(of: url, files: names).write(to: done)
        sweep()
    }

    /// Refuses a whole run whose files are not those that it ended with.
    package func verify(_ subject: String) throws {
        guard let fault = try Manifest(reading: done).fault(in: url) else { return }
        throw ZooError(.dataLoss, "\(subject) \(url.path) is damaged: \(fault); remove the folder to make it again")
    }

    /// Removes what processes that were killed left half-written, and the checkpoints of a run that is whole. Only whoever holds the
    /// folder's lock may do so.
    package func sweep() {
        // A spec that cannot be read says nothing of what may go.
        if isDone, let spec = try? readSpec(), spec.recipe.stages.first(where: { $0.name == spec.stage })?.keepCheckpoint == false
        {
            Files.discard(checkpoints)
        }
        for folder in [url, checkpoints] { Files.sweep(folder) }
    }
}
