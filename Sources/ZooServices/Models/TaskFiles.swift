import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The datasets of a recipe: files of its own, and those that a built-in task makes.
package struct TaskFiles {
    let recipe: Recipe
    /// What the recipe's policies draw, if it is known already.
    package var images: RecipeImages?

    package init(recipe: Recipe, images: RecipeImages? = nil) {
        self.recipe = recipe
        self.images = images
    }

    /// The recipe's task, which has to know the name behind a `task:`.
    private func task(_ name: String) throws -> any Task {
        guard let task = try recipe.makeTask() else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): a source starts with 'task:', but the recipe has no 'task'")
        }
        try type(of: task).check(file: name)
        return task
    }

    /// The file behind `task:NAME`, in a folder that is made on first use. Throws if the raw data is not there.
    func file(_ name: String) throws -> URL {
        let task = try task(name)
        guard case .files(let made) = task.content else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): '\(name)' of task '\(type(of: task).name)' is not a file")
        }
        return try folder(made, of: type(of: task)).appending(path: name)
    }

    private func folder(_ made: TaskFolder, of task: any Task.Type) throws -> URL {
        let raw = try Self.raw(task)
        let paths = task.raw?.paths(in: CacheFolder.data) ?? []
        let content = shortHash(of: try paths.map(FileHashes.hash) + ["\(Program.results)"])
        let folder = CacheFolder.data.appending(path: "\(task.name)/\(made.name(content))", directoryHint: .isDirectory)
        if !FileManager.default.fileExists(atPath: folder.path) { try made.write(raw, folder) }
        return folder
    }

    /// The folder of a task's raw files. Throws if they are not there.
    static func raw(_ task: any Task.Type) throws -> URL {
        guard let raw = task.raw else { return CacheFolder.data.appending(path: task.name, directoryHint: .isDirectory) }
        let folder = raw.folder(in: CacheFolder.data)
        guard raw.isThere(in: CacheFolder.data) else {
            throw ZooError(.notFound, "the data of task '\(task.name)' is not at \(folder.path): \(raw.advice)")
        }
        return folder
    }

    /// The dataset of a source whose rows are in files or the task's.
    ///
    /// - Parameter fault: receives lines that are not rows, which are then left out; by default they are thrown.
    package func dataset(
        _ source: DataSource, for kind: DataKind, fault: (DataError) throws -> Void = { throw $0 }
    ) throws -> Dataset {
        // Its files are opened once for all parts.
        let stored = try recipe.images == nil ? nil : (images ?? RecipeImages.of(recipe))?.stored
        return try dataset(source, kind, expecting: kind.shapes, stored, fault: fault)
    }

    private func dataset(
        _ source: DataSource, _ kind: DataKind, expecting shapes: [DatasetShape], _ stored: StoredImages?,
        fault: (DataError) throws -> Void
    ) throws -> Dataset {
        switch source {
        case .file(let url):
            if let stored { return try stored.dataset(url, kind, fault: fault) }
            return try Dataset.load(jsonl: url, expecting: shapes, fault: fault)
        case .task(let name):
            switch try task(name).content {
            case .files: return try Dataset.load(jsonl: file(name), expecting: shapes, fault: fault)
            case .table(let table): return table.prompts
            case .images:
                guard let dataset = try (images?.task ?? ImageTask.of(recipe))?.dataset(name) else {
                    throw ZooError(.internal, "the task declares '\(name)' and does not have it")
                }
                return dataset
            }
        case .joined(let sources):
            var parts: [Dataset] = []
            for source in sources {
                let known = parts.first { !$0.rows.isEmpty }?.shape
                parts.append(try dataset(source, kind, expecting: known.map { [$0] } ?? shapes, stored, fault: fault))
            }
            return Dataset(joining: parts)
        case .mixture(let sources):
            var parts: [(name: String, weight: Double, dataset: Dataset)] = []
            for source in sources {
                let rows = try dataset(source.rows, kind, expecting: shapes, stored, fault: fault)
                parts.append((source.name, source.weight, rows))
            }
            return Dataset(mixing: parts)
        case .build: throw ZooError(.internal, "pairs that are built have no file")
        }
    }

    /// Reward parameters with `task:NAME` replaced by the file.
    package func resolve(_ parameters: [String: JSONValue]) throws -> [String: JSONValue] {
        try parameters.mapValues { value in
            guard let text = value.string, text.hasPrefix("task:") else { return value }
            return .string(try file(String(text.dropFirst(5))).path)
        }
    }
}
