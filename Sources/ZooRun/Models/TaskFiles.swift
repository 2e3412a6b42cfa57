import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The datasets of a recipe: files of its own, and those that a built-in task makes.
struct TaskFiles {
    let recipe: Recipe
    /// The image task of a recipe.
    var images: ImageTask?

    /// The folder of the task's files, made on first use. Throws if the raw data is not there.
    private func folder() throws -> URL {
        guard let task = recipe.task else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): a source starts with 'task:', but the recipe has no 'task'")
        }
        if let countdown = try CountdownTask(recipe) {
            return try made("countdown/\(countdown.folderName)", countdown.prepare)
        }
        let raw = CacheFolder.data.appending(path: "\(task.name)/raw", directoryHint: .isDirectory)
        let sources = SentimentTask.rawFiles.map { raw.appending(path: $0) }
        guard sources.allSatisfy({ FileManager.default.fileExists(atPath: $0.path) }) else {
            throw ZooError(.notFound, "the data of task '\(task.name)' is not at \(raw.path): run `make data` to fetch it")
        }
        let content = ArtifactStore.hash(try sources.map(FileHashes.hash) + ["\(Program.results)"])
        return try made("\(task.name)/prepared-\(SentimentTask.heldOut)-\(content)") { folder in
            try SentimentTask.prepare(from: raw, into: folder, seed: 0)
        }
    }

    /// A folder of the cache, which `make` creates atomically if it is missing.
    private func made(_ path: String, _ make: (URL) throws -> Void) throws -> URL {
        let folder = CacheFolder.data.appending(path: path, directoryHint: .isDirectory)
        if !FileManager.default.fileExists(atPath: folder.path) { try make(folder) }
        return folder
    }

    /// The file behind `task:NAME`.
    func file(_ name: String) throws -> URL {
        let url = try folder().appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path) else {
            let names = try FileManager.default.contentsOfDirectory(atPath: try folder().path).sorted()
            let meant = didYouMean(name, among: names)
            throw ZooError(
                .notFound,
                "task '\(recipe.task?.name ?? "")' has no file '\(name)'; it has: \(names.joined(separator: ", "))\(meant)")
        }
        return url
    }

    /// The dataset of a source that is a file or the task's.
    ///
    /// - Parameter fault: receives lines that are not rows, which are then left out; by default they are thrown.
    func dataset(
        _ source: DataSource, expecting shapes: [DatasetShape], fault: (DataError) throws -> Void = { throw $0 }
    ) throws -> Dataset {
        switch source {
        case .file(let url): return try Dataset.load(jsonl: url, expecting: shapes, fault: fault)
        case .task(let name):
            if let tabular = try TabularTask(recipe) { return tabular.prompts }
            if let images = try images ?? ImageTask.of(recipe) { return try images.dataset(name) }
            return try Dataset.load(jsonl: file(name), expecting: shapes, fault: fault)
        case .build: throw ZooError(.internal, "pairs that are built have no file")
        }
    }

    /// Reward parameters with `task:NAME` replaced by the file.
    func resolve(_ parameters: [String: JSONValue]) throws -> [String: JSONValue] {
        try parameters.mapValues { value in
            guard let text = value.string, text.hasPrefix("task:") else { return value }
            return .string(try file(String(text.dropFirst(5))).path)
        }
    }
}

extension CountdownTask {
    /// The task of a recipe; nil if the recipe has another one. Throws if a setting is out of range.
    init?(_ recipe: Recipe) throws {
        guard let task = recipe.task, task.name == "countdown" else { return nil }
        // The recipe's reader completes the settings and accepts only whole numbers.
        func setting(_ key: String) throws -> Int {
            guard let value = task.settings[key], let whole = Int(exactly: value) else {
                throw ZooError(.invalidArgument, "\(recipe.file.path): task.\(key) is not a whole number")
            }
            return whole
        }
        let (numbers, maxNumber, maxTarget) = (try setting("numbers"), try setting("max_number"), try setting("max_target"))
        do {
            try self.init(numbers: numbers, maxNumber: maxNumber, maxTarget: maxTarget)
        } catch let error as DataError {
            let reason = ZooError(plain: error)
            throw ZooError(reason.code, "\(recipe.file.path): \(reason)")
        }
    }
}
