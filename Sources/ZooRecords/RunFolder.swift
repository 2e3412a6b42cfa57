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
    /// The same as tensors, if what the policy makes are latents.
    public var latents: URL { url.appending(path: "samples.safetensors") }
    public var ledger: URL { url.appending(path: "ledger.json") }
    public var evaluation: URL { url.appending(path: "evaluation.json") }
    public var checkpoints: URL { url.appending(path: "checkpoints", directoryHint: .isDirectory) }
    /// The run's own copy of its plugin.
    public func plugin(_ spec: RunSpec) -> URL {
        url.appending(path: "plugin").appending(path: URL(fileURLWithPath: spec.plugin).lastPathComponent)
    }
    public var model: URL { url.appending(path: "model", directoryHint: .isDirectory) }
    /// The model with the best evaluation during training, where the recipe asks for it, and which one that is.
    public var best: URL { url.appending(path: "best", directoryHint: .isDirectory) }
    public var bestRecord: URL { url.appending(path: "best.json") }
    /// Written last: the run is finished.
    /// Where its time went, if that was asked for.
    public var profile: URL { url.appending(path: "profile.json") }
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

    /// Creates the folder with its plugin, recipe and spec. The spec comes last: it makes the folder a run.
    public func create(_ run: RunSpec) throws {
        try OutputFile.createFolder(url)
        try copyPlugin(run)
        try OutputFile.write(Data(run.recipeText.utf8), to: recipe)
        try OutputFile.write(JSON.encode(run.sealed()), to: spec)
    }

    /// Takes the plugin's copy from the store, as a second name of the same file where the file system has that.
    private func copyPlugin(_ run: RunSpec) throws {
        let target = plugin(run)
        guard let hash = run.pluginSHA256, PluginStore.hash(of: target.path) != hash,
            let kept = PluginStore.found(hash, of: run.plugin)
        else { return }
        try OutputFile.createFolder(target.deletingLastPathComponent())
        unlink(target.path)
        if link(kept.path, target.path) != 0 { try OutputFile.write(InputFile.data(kept), to: target) }
    }

    // MARK: - The end

    /// Marks the run as finished and lists its files. Nothing after this is needed for that, so it may be cut off.
    ///
    /// - Parameter networks: the folders of those saved next to the model.
    package func finish(networks: [String]) throws {
        let kept = networks.map { url.appending(path: $0, directoryHint: .isDirectory) }
        let parts = [evaluation, samples, images, latents, ledger, model, best, bestRecord] + kept
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
        if isDone, let spec = try? readSpec(),
            spec.recipe.stages.first(where: { $0.name == spec.stage })?.checkpoints.afterEnd == false
        {
            OutputFolder.discard(checkpoints)
        }
        for folder in [url, checkpoints] { Leftovers.sweep(folder) }
    }
}
