import Foundation
import ZooFiles
import ZooKit

/// The folders of what outlives a run: task data and artifacts.
public enum CacheFolder {
    /// `POLICYZOO_CACHE`, or `policyzoo` in the user's cache folder.
    public static var root: URL {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["POLICYZOO_CACHE"], !path.isEmpty { return URL(filePath: path, directoryHint: .isDirectory) }
        return user
    }

    /// Where the Makefile puts what all clones of this user share, whatever POLICYZOO_CACHE says.
    public static var user: URL {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let base = cache.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? URL.homeDirectory.appending(path: ".cache")
        return base.appending(path: "policyzoo", directoryHint: .isDirectory)
    }

    public static var data: URL { root.appending(path: "data", directoryHint: .isDirectory) }
    public static var artifacts: URL { root.appending(path: "artifacts", directoryHint: .isDirectory) }
}

/// Everything that a worker needs to know about its run; `run.json` in the run's folder.
public struct RunSpec: Codable, Sendable {
    public var recipe: Recipe
    /// Name of the stage that runs.
    public var stage: String
    public var seed: UInt64
    /// The plugin's file.
    public var plugin: String
    /// The stage's preset; nil if it names none.
    public var preset: PresetUse?
    /// Model folders of the earlier stages, by stage.
    public var models: [String: String]
    /// Whether the model is evaluated at the end, on the recipe's held-out prompts.
    public var evaluates: Bool
    /// Threads of the worker.
    public var threads: Int { recipe.stages.first { $0.name == stage }?.threads ?? recipe.threads }
    /// The command that made the run, for `environment.json`.
    public var command: [String]
    /// What the run was started with: it continues only with the same. nil in runs of earlier versions.
    public var madeFrom: MadeFrom?
    /// Of `recipe.yaml`, which is for people: an edit of it would have no effect.
    var recipeSHA256: String?
    /// Of the spec itself, without this field: tells whether it was edited.
    var seal: String?
    /// The budgets that the run had before it was given a larger one.
    var earlierBudgets: [EarlierBudget]?

    struct EarlierBudget: Codable, Sendable, Equatable {
        var budget: Budget
        /// Of the `recipe.yaml` with that budget.
        var recipeSHA256: String?
    }

    /// The spec with the hashes of its files.
    func sealed() throws -> RunSpec {
        var spec = self
        spec.recipeSHA256 = sha256(Data(recipeText.utf8))
        spec.seal = nil
        spec.seal = sha256(try JSON.encode(spec))
        return spec
    }

    /// Whether the spec is unchanged.
    var isSealed: Bool {
        get throws {
            var spec = self
            spec.seal = nil
            return try sha256(JSON.encode(spec)) == seal
        }
    }

    /// What `recipe.yaml` says.
    var recipeText: String { (preset.map { "# \($0.sentence)\n" } ?? "") + recipe.resolvedYAML() }
}

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
    public var pictures: URL { url.appending(path: "samples.png") }
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
        return try JSON.decode(RunSpec.self, from: spec)
    }

    /// Creates the folder, or keeps one that already contains the same run. Throws if it contains another one.
    func adopt(_ run: RunSpec) throws {
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
    func holds(_ run: RunSpec) throws -> Bool {
        guard let began = try readSpec().madeFrom, let wanted = run.madeFrom else { return false }
        return began.key == wanted.key
    }

    /// Creates the folder with its recipe and spec. The spec comes last: it makes the folder a run.
    public func create(_ run: RunSpec) throws {
        try OutputFile.createFolder(url)
        try Files.write(Data(run.recipeText.utf8), to: recipe)
        try Files.write(JSON.encode(run.sealed()), to: spec)
    }

    // MARK: - The end

    /// Marks the run as finished and lists its files. Nothing after this is needed for that, so it may be cut off.
    ///
    /// - Parameter networks: the folders of those saved next to the model.
    func finish(networks: [String]) throws {
        let kept = networks.map { url.appending(path: $0, directoryHint: .isDirectory) }
        let parts = [evaluation, samples, pictures, ledger, model] + kept
        let names = try parts.filter { FileManager.default.fileExists(atPath: $0.path) }.flatMap { part -> [String] in
            guard part.hasDirectoryPath else { return [part.lastPathComponent] }
            return try Files.names(in: part).map { "\(part.lastPathComponent)/\($0)" }
        }
        try Manifest(of: url, files: names).write(to: done)
        sweep()
    }

    /// Refuses a finished run whose files have changed.
    func verify(_ subject: String) throws {
        guard let fault = try Manifest(reading: done).fault(in: url) else { return }
        throw ZooError(.dataLoss, "\(subject) \(url.path) is damaged: \(fault); remove the folder to recompute it")
    }

    /// Removes what killed processes left half-written, and the checkpoints of a finished run. Only the holder of the
    /// folder's lock may do so.
    func sweep() {
        // An unreadable spec does not tell what may be removed.
        if isDone, let spec = try? readSpec(), spec.recipe.stages.first(where: { $0.name == spec.stage })?.keepCheckpoint == false
        {
            Files.discard(checkpoints)
        }
        for folder in [url, checkpoints] { Files.sweep(folder) }
    }
}

/// JSON as in a run's files: sorted keys, readable.
enum JSON {
    static func encode(_ value: some Encodable, pretty: Bool = true) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value)
    }

    /// On one line.
    static func text(_ value: some Encodable) throws -> String {
        String(decoding: try encode(value, pretty: false), as: UTF8.self)
    }

    static func decode<T: Decodable>(_ type: T.Type, from url: URL) throws -> T {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do { return try decoder.decode(type, from: InputFile.data(url)) } catch let error as DecodingError {
            throw ZooError(.dataLoss, "\(url.path) cannot be read: \(plainWords(error)); was it written by another version?")
        } catch { throw ZooError(plain: error) }
    }
}

enum Files {
    /// Writes a file atomically: a temporary name, flushed, renamed.
    static func write(_ data: Data, to url: URL) throws {
        let temporary = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).\(getpid()).tmp")
        do {
            try data.write(to: temporary)
            let file = try FileHandle(forUpdating: temporary)
            try file.synchronize()
            try file.close()
            guard rename(temporary.path, url.path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            synchronize(folder: url.deletingLastPathComponent())
        } catch {
            // The file may be missing; the error that matters is the first one.
            try? FileManager.default.removeItem(at: temporary)
            throw ZooError(plain: FileError(writing: url.path, error))
        }
    }

    /// The files below a folder, by their path in it.
    static func names(in folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: folder.appending(path: name).path, isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }

    /// Removes a folder atomically for observers: it is renamed first, and leftovers are swept later.
    static func discard(_ folder: URL) {
        let name = folder.lastPathComponent
        let away = folder.deletingLastPathComponent().appending(path: ".\(name).\(getpid()).tmp", directoryHint: .isDirectory)
        // What cannot be removed only costs space.
        try? FileManager.default.removeItem(at: away)
        if rename(folder.path, away.path) == 0 { try? FileManager.default.removeItem(at: away) }
    }

    /// Removes half-written files and folders of processes that were killed: `.NAME….tmp` and `NAME.PROCESS.part`.
    ///
    /// - Parameter prefix: of the names; only whoever has what they are named after to himself may sweep.
    static func sweep(_ folder: URL, prefix: String = "") {
        // No folder has no leftovers.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let isOurs = name.hasPrefix("." + prefix) && name.hasSuffix(".tmp")
            let isPart = name.hasPrefix(prefix) && name.contains(/\.[0-9]+\.part$/)
            if isOurs || isPart { try? FileManager.default.removeItem(at: folder.appending(path: name)) }
        }
    }

    /// Flushes a folder's entries, so that a rename in it survives a power cut.
    static func synchronize(folder: URL) {
        let descriptor = open(folder.path, O_RDONLY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
