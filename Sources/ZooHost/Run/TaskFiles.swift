import Foundation
import ZooData
import ZooKit
import ZooModels

/// The datasets of a recipe: files of its own, and those that a built-in task makes.
struct TaskFiles {
    let recipe: Recipe

    /// Names of the built-in tasks.
    static let tasks = ["sentiment", "tabular"]

    /// The folder of the task's files, prepared on first use. Throws where the raw data is not there.
    private func folder() throws -> URL {
        guard let task = recipe.task else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): a source begins with 'task:', but the recipe names no 'task'")
        }
        let folder = CacheFolder.data.appending(
            path: "\(task.name)/prepared-\(SentimentTask.heldOut)", directoryHint: .isDirectory)
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        let raw = CacheFolder.data.appending(path: "\(task.name)/raw", directoryHint: .isDirectory)
        guard FileManager.default.fileExists(atPath: raw.path) else {
            throw ZooError(.notFound, "the data of task '\(task.name)' is not at \(raw.path): run `make data` to fetch it")
        }
        try SentimentTask.prepare(from: raw, into: folder, seed: 0)
        return folder
    }

    /// The file behind `task:NAME`.
    func file(_ name: String) throws -> URL {
        let url = try folder().appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path) else {
            let names = try FileManager.default.contentsOfDirectory(atPath: try folder().path).sorted()
            let meant = nearest(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
            throw ZooError(
                .notFound,
                "task '\(recipe.task?.name ?? "")' has no file '\(name)'; it has: \(names.joined(separator: ", "))\(meant)")
        }
        return url
    }

    /// The dataset of a source that is a file or the task's.
    func dataset(_ source: DataSource, expecting shapes: [DatasetShape]) throws -> Dataset {
        switch source {
        case .file(let url): return try Dataset.load(jsonl: url, expecting: shapes)
        case .task(let name):
            if let tabular = try TabularTask(recipe) { return tabular.prompts }
            return try Dataset.load(jsonl: file(name), expecting: shapes)
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

/// The tabular task: a table of rewards over all completions of all prompts, drawn from a normal distribution.
///
/// Its optimum is known in closed form, so every algorithm can be held to it.
public struct TabularTask: Sendable {
    public let promptCount: Int
    public let vocabulary: Int
    /// Tokens in a completion.
    public let horizon: Int
    /// [prompt][completion]; a completion's index has its first token as the most significant digit.
    public let rewards: [[Double]]
    /// Logits of the policy as it begins, [states × vocabulary]: random, so that the reference prefers something.
    public let referenceLogits: [Float]

    public var config: TabularConfig { TabularConfig(vocabularySize: vocabulary, horizon: horizon, prompts: promptCount) }

    /// The task of a recipe; nil where the recipe has another one.
    public init?(_ recipe: Recipe) throws {
        guard let task = recipe.task, task.name == "tabular" else { return nil }
        func whole(_ key: String, _ fallback: Int, _ range: ClosedRange<Int>) throws -> Int {
            guard let value = task.settings[key] else { return fallback }
            guard let number = Int(exactly: value), range.contains(number) else {
                throw ZooError(
                    .invalidArgument, "\(recipe.file.path): task.\(key) is \(value); expected a whole number in \(range)")
            }
            return number
        }
        promptCount = try whole("prompts", 4, 1...4096)
        vocabulary = try whole("vocabulary", 4, 2...256)
        horizon = try whole("horizon", 2, 1...4)
        let scale = task.settings["reward_scale"] ?? 1
        let (width, depth) = (vocabulary, horizon)
        let completions = (0..<depth).reduce(1) { product, _ in product * width }
        let total = promptCount * completions
        guard total <= 1 << 20 else {
            throw ZooError(
                .invalidArgument, "\(recipe.file.path): the tabular task has \(total) completions; expected at most \(1 << 20)")
        }
        var random = SplitMix64(seed: recipe.seed, stream: 0x7ab1e)
        rewards = (0..<promptCount).map { _ in (0..<completions).map { _ in scale * random.normal() } }
        let config = TabularConfig(vocabularySize: width, horizon: depth, prompts: promptCount)
        var start = SplitMix64(seed: recipe.seed, stream: 0x1091)
        referenceLogits = (0..<config.states * width).map { _ in Float(start.normal()) }
    }

    /// One row a prompt, named by its number.
    var prompts: Dataset {
        Dataset(name: "tabular", shape: .prompt, rows: (0..<promptCount).map { Row(prompt: "\($0)") })
    }
}

/// The reward `table`: the tabular task's own.
struct TableReward: RewardFunction {
    let name = "table"
    let task: TabularTask

    func score(_ item: RewardItem) throws -> Double {
        let tokens = item.completion.split(separator: " ").compactMap { Int($0) }
        guard let prompt = Int(item.prompt), tokens.count == task.horizon, tokens.allSatisfy({ $0 < task.vocabulary }) else {
            throw ZooError(
                .invalidArgument, "the reward 'table' knows no completion '\(item.completion)' of prompt '\(item.prompt)'")
        }
        return task.rewards[prompt][tokens.reduce(0) { $0 * task.vocabulary + $1 }]
    }
}

extension SplitMix64 {
    /// A number from the standard normal distribution (Box and Muller, 1958).
    mutating func normal() -> Double {
        let radius = (-2 * log((Double(next() >> 11) + 1) / 0x1p53)).squareRoot()
        return radius * cos(2 * .pi * Double(next() >> 11) / 0x1p53)
    }
}
