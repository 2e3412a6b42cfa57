import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Parts of a recipe with content hashes in place of paths, so that equal parts give equal results wherever their files are.
final class Contents {
    private let recipe: Recipe
    /// Model folders of the earlier stages.
    private let models: [String: String]
    /// What has been read so far, in order.
    private(set) var inputs: [MadeInput] = []

    init(_ recipe: Recipe, models: [String: String]) {
        self.recipe = recipe
        self.models = models
    }

    // MARK: - Pieces of a recipe

    /// The task with the content of the files that it is made from; nil if the recipe has none.
    func task() throws -> JSONValue? {
        guard let task = recipe.task else { return nil }
        var pieces: [String: JSONValue] = ["name": .string(task.name)]
        for (key, value) in task.settings { pieces[key] = .number(value) }
        if task.makesImages, let kind = task.kind {
            _ = try TaskFiles.raw(kind)
            for file in kind.raw?.paths(in: CacheFolder.data) ?? [] {
                pieces[file.lastPathComponent] = .string(try self.file(file, as: "task.\(file.lastPathComponent)"))
            }
        }
        return .object(pieces)
    }

    /// Stored images by the content of their files; nil if the recipe has none.
    func images() throws -> JSONValue? {
        guard let images = recipe.images else { return nil }
        var pieces: [String: JSONValue] = [:]
        for (key, urls) in images.files {
            pieces[key] = .array(try urls.enumerated().map { .string(try file($1, as: "images.\(key)[\($0)]")) })
        }
        for (key, size) in [("height", images.height), ("width", images.width)] { pieces[key] = size.map { .integer($0) } }
        return .object(pieces)
    }

    /// The stage without its name and anything else that does not affect its result.
    ///
    /// - Parameter reads: whether the algorithm, or what is made for it, reads that kind of data.
    func stage(_ stage: Stage, reads: (DataKind) -> Bool) throws -> JSONValue {
        var own = stage
        own.policy = try model(stage.policy, of: stage, as: "policy")
        own.reference = try stage.reference.map { try model($0, of: stage, as: "reference") }
        own.teacher = try stage.teacher.map { try model($0, of: stage, as: "teacher") }
        own.reward = try stage.reward.map { try model($0, of: stage, as: "reward") }
        own.critic?.source = try stage.critic?.source.map { try model($0, of: stage, as: "critic") }
        own.rewards = try rewards(stage.rewards, of: stage, as: "rewards")
        if let environment = stage.environment { own.environment?.program = try program(environment.program, as: "environment") }
        // How long it may take, and where weights are handed over, changes no result.
        own.rollout.server = stage.rollout.server.map { server in
            var same = ServerSettings(server.url)
            (same.engine, same.logpBound) = (server.engine, server.logpBound)
            return same
        }
        own.data.prompts = try reads(.prompts) ? stage.data.prompts.map { try data($0, as: "data.prompts") } : nil
        own.data.pairs = try reads(.pairs) ? stage.data.pairs.map { try data($0, as: "data.pairs") } : nil
        let trains = own.trainsTokenizer
        own.data.examples =
            try reads(.examples) || trains ? stage.data.examples.map { try data($0, as: "data.examples") } : nil
        own.data.chat?.template = try stage.data.chat?.template.map { stand(for: try file($0, as: "data.chat_template")) }
        return Self.unprefixed(own.node.json).without(["name", "threads", "checkpoints", "best"])
    }

    func evaluation(_ evaluation: Evaluation, of stage: Stage) throws -> JSONValue {
        var own = evaluation
        own.prompts = try evaluation.prompts.map { try data($0, as: "evaluation.prompts") }
        own.pairs = try evaluation.pairs.map { try data($0, as: "evaluation.pairs") }
        own.examples = try evaluation.examples.map { try data($0, as: "evaluation.examples") }
        own.gold = try rewards(evaluation.gold, of: stage, as: "evaluation.gold")
        return Self.unprefixed(own.node.json)
    }

    /// A plugin's file.
    func plugin(_ plugin: PluginDescription) -> JSONValue {
        note("plugin", plugin.path, plugin.sha256)
        return .string(MadeInput.prefix + plugin.sha256)
    }

    // MARK: - Sources

    func rewards(_ specs: [RewardSpec], of stage: Stage, as name: String) throws -> [RewardSpec] {
        let files = TaskFiles(recipe: recipe)
        return try specs.enumerated().map { index, spec in
            var own = spec
            own.source = try spec.source.map { try model($0, of: stage, as: "\(name).\(index)") }
            own.program = try spec.program.map { try program($0, as: "\(name).\(index)") }
            own.library = try spec.library.map { stand(for: try file($0, as: "\(name).\(index).library")) }
            own.parameters = spec.isFunction ? try files.resolve(spec.parameters) : spec.parameters
            if let path = own.parameters["file"]?.string {
                let url = URL(fileURLWithPath: path, relativeTo: recipe.file.deletingLastPathComponent())
                own.parameters["file"] = .string(try file(url, as: "\(name).\(index).parameters.file"))
            }
            return own
        }
    }

    /// A program by the content of the files that its command names; how long it may take changes no result.
    private func program(_ program: ExternalProgram, as name: String) throws -> ExternalProgram {
        var own = ExternalProgram(command: program.command, url: program.url)
        for (word, part, url) in program.files {
            let hash = try file(url, as: "\(name).command[\(word)]")
            own.command[word] = hash + program.command[word].dropFirst(part.count)
        }
        return own
    }

    /// A model by the content of its folder; one that is made here by the recipe's words and its tokenizer's content.
    func model(_ source: ModelSource, of stage: Stage, as name: String) throws -> ModelSource {
        if case .new(var model) = source {
            model.tokenizer = try model.tokenizer.map { stand(for: try tokenizer($0, as: "\(name).new.tokenizer")) }
            return .new(model)
        }
        guard let url = try ModelFactory.folder(source, models: models) else { return source }
        return .folder(stand(for: try folder(url, as: "\(name).folder")))
    }

    private func data(_ source: DataSource, as name: String) throws -> DataSource {
        switch source {
        case .file(let url): return .file(stand(for: try file(url, as: name)))
        case .build: return source
        case .joined(let sources):
            return .joined(try sources.enumerated().map { try data($1, as: "\(name)[\($0)]") })
        case .mixture(let sources):
            return .mixture(
                try sources.enumerated().map { index, source in
                    var source = source
                    source.rows = try data(source.rows, as: "\(name)[\(index)].file")
                    return source
                })
        case .task(let file):
            // What is not in a file follows from the task's settings, or from the raw files that the task names.
            if let task = recipe.task, !task.makesFiles { return source }
            return .file(stand(for: try self.file(TaskFiles(recipe: recipe).file(file), as: name)))
        }
    }

    // MARK: - Files

    private func file(_ url: URL, as name: String) throws -> String {
        let hash = try FileHashes.hash(of: url)
        note(name, url.path, hash)
        return MadeInput.prefix + hash
    }

    private func folder(_ url: URL, as name: String) throws -> String {
        let hash = try ModelContent.hash(of: url)
        note(name, url.path, hash)
        return MadeInput.prefix + hash
    }

    private func tokenizer(_ url: URL, as name: String) throws -> String {
        let hash = try TokenizerCodec.hash(of: url)
        note(name, url.path, hash)
        return MadeInput.prefix + hash
    }

    private func note(_ name: String, _ path: String, _ hash: String) {
        let input = MadeInput(name: name, path: path, sha256: hash)
        if !inputs.contains(input) { inputs.append(input) }
    }

    /// A path has to begin with a slash.
    private func stand(for hash: String) -> URL { URL(filePath: "/" + hash) }

    private static func unprefixed(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): text.hasPrefix("/" + MadeInput.prefix) ? .string(String(text.dropFirst())) : value
        case .array(let items): .array(items.map(unprefixed))
        case .object(let pieces): .object(pieces.mapValues(unprefixed))
        default: value
        }
    }
}

extension JSONValue {
    fileprivate func without(_ keys: [String]) -> JSONValue {
        guard case .object(let pieces) = self else { return self }
        return .object(pieces.filter { !keys.contains($0.key) })
    }
}

extension Stage {
    /// Whether a model that is made here learns its tokenizer from the stage's examples.
    fileprivate var trainsTokenizer: Bool {
        ([policy, reference, teacher, reward, critic?.source] + rewards.map(\.source)).contains { source in
            if case .new(let model)? = source { model.readsText && model.tokenizer == nil } else { false }
        }
    }
}
