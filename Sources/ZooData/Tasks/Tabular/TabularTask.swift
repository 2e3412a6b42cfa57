import Foundation
import ZooBase

/// The tabular task: a table of rewards over all completions of all prompts, drawn from a normal distribution.
///
/// Its optimum is known in closed form, so every algorithm can be checked against it.
public struct TabularTask: Task, RewardSource {
    public let promptCount: Int
    public let vocabulary: Int
    /// Tokens in a completion.
    public let horizon: Int
    /// [prompt][completion]; a completion's index has its first token as the most significant digit.
    public let rewards: [[Double]]
    /// Logits of the initial policy, [states × vocabulary]: random, so that the reference prefers something. A prompt's states are
    /// the prefixes shorter than the horizon.
    public let referenceLogits: [Float]

    public static let name = "tabular"
    public static let summary = "the smallest task of all: a table of rewards, whose optimum is known in closed form"
    public static let modality = TaskModality.table
    public static let settings = [
        Setting(name: "prompts", kind: .whole(1...4096), defaultValue: 4, doc: "rows of the table"),
        Setting(name: "vocabulary", kind: .whole(2...256), defaultValue: 4, doc: "tokens to choose from"),
        Setting(name: "horizon", kind: .whole(1...4), defaultValue: 2, doc: "tokens in a completion"),
        Setting(name: "reward_scale", kind: .positive(to: 1e9), defaultValue: 1, doc: "standard deviation of the rewards"),
    ]
    public static let files = [TaskFile("prompts", "one row per prompt, named by its number")]
    public static let rewards = [RewardKind.table]

    /// The most completions of all prompts together.
    private static let most = 1 << 20

    /// - Throws: ``DataError`` if the table is too large.
    public init(_ settings: Settings, seed: UInt64) throws {
        promptCount = settings.whole("prompts")
        vocabulary = settings.whole("vocabulary")
        horizon = settings.whole("horizon")
        let scale = settings.number("reward_scale")
        let (width, depth) = (vocabulary, horizon)
        func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * width } }
        let completions = power(depth)
        let total = promptCount * completions
        guard total <= Self.most else {
            throw DataError("task \(Self.name)", "has \(total) completions; expected at most \(Self.most)")
        }
        var random = SplitMix64(seed: seed, stream: 0x7ab1e)
        rewards = (0..<promptCount).map { _ in (0..<completions).map { _ in scale * random.normal() } }
        let states = promptCount * (0..<depth).reduce(0) { $0 + power($1) }
        var start = SplitMix64(seed: seed, stream: 0x1091)
        referenceLogits = (0..<states * width).map { _ in Float(start.normal()) }
    }

    public var content: TaskContent { .table(self) }

    /// One row per prompt, named by its number.
    public var prompts: Dataset {
        Dataset(name: Self.name, shape: .prompt, rows: (0..<promptCount).map { Row(prompt: "\($0)") })
    }
}

/// The reward `table`: the tabular task's own.
struct TableReward: RewardFunction {
    let name = "table"
    let task: TabularTask

    func score(_ item: RewardItem) throws -> Double {
        let tokens = item.completion.split(separator: " ").compactMap { Int($0) }
        guard let prompt = Int(item.prompt), tokens.count == task.horizon, tokens.allSatisfy({ $0 < task.vocabulary }) else {
            throw DataError("reward \(name)", "knows no completion '\(item.completion)' of prompt '\(item.prompt)'")
        }
        return task.rewards[prompt][tokens.reduce(0) { $0 * task.vocabulary + $1 }]
    }
}

extension RewardKind {
    static let table = RewardKind(
        name: "table", doc: "the reward of the completion in the tabular task's table", needsTask: true
    ) { _, inputs in
        guard let task = inputs.source as? TabularTask else {
            throw DataError("reward table", "belongs to the task tabular; the recipe has another")
        }
        return TableReward(task: task)
    }
}
