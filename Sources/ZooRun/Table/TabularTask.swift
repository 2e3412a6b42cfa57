import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The tabular task: a table of rewards over all completions of all prompts, drawn from a normal distribution.
///
/// Its optimum is known in closed form, so every algorithm can be checked against it.
public struct TabularTask: Sendable {
    public let promptCount: Int
    public let vocabulary: Int
    /// Tokens in a completion.
    public let horizon: Int
    /// [prompt][completion]; a completion's index has its first token as the most significant digit.
    public let rewards: [[Double]]
    /// Logits of the initial policy, [states × vocabulary]: random, so that the reference prefers something.
    public let referenceLogits: [Float]

    public var config: TabularConfig { TabularConfig(vocabularySize: vocabulary, horizon: horizon, prompts: promptCount) }

    /// The task of a recipe; nil if the recipe has another one.
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

    /// One row per prompt, named by its number.
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
