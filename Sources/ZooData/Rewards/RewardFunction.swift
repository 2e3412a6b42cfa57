import ZooBase

/// Scores a completion: what an algorithm maximises.
public protocol RewardFunction: Sendable {
    /// The name under which the score is logged.
    var name: String { get }

    /// Whether 1 means that the completion solves its task and anything less that it does not: then pass@k has a meaning.
    var isVerifier: Bool { get }

    /// The reward of one completion: a finite number, or NaN if the function cannot score it. Only `grpo` leaves out a
    /// completion that no reward scores; everything else, evaluation included, refuses it.
    /// - Throws: ``DataError`` if the row lacks what the reward needs.
    func score(_ item: RewardItem) throws -> Double

    /// Checks that a prompt's row has what the reward needs, before anything is sampled. Scores an empty completion unless a function
    /// has a cheaper way.
    /// - Throws: as ``score(_:)``.
    func check(_ row: Row) throws
}

extension RewardFunction {
    public var isVerifier: Bool { false }

    public func check(_ row: Row) throws {
        _ = try score(RewardItem(prompt: row.prompt ?? "", completion: "", extras: row.extras))
    }
}

/// What a reward function sees of one sample.
public struct RewardItem: Sendable {
    public var prompt: String
    /// What follows the prompt: what the policy wrote, and between its turns what an environment answered.
    public var completion: String
    /// The prompt as messages, where its row is a conversation.
    public var messages: [ChatMessage]?
    /// The tokens that the policy wrote; empty where steps are not tokens.
    public var tokens: [Int32] = []
    /// The columns of the prompt's row that the dataset's shape does not use, by name.
    public var extras: [String: JSONValue]
    /// Whether the completion ended on its own rather than at the length limit.
    public var finished: Bool
    /// The completion's length in steps (tokens).
    public var steps: Int
    /// The image, where the sample is one; then `completion` is empty.
    public var image: SampledImage?

    public init(
        prompt: String, completion: String, extras: [String: JSONValue] = [:], finished: Bool = true, steps: Int = 0,
        image: SampledImage? = nil
    ) {
        self.prompt = prompt
        self.completion = completion
        self.extras = extras
        self.finished = finished
        self.steps = steps
        self.image = image
    }

    /// The value of a column that a reward compares with.
    func column(_ name: String, reward: String) throws -> JSONValue {
        if let value = extras[name] { return value }
        let columns = extras.isEmpty ? "no further columns" : "the columns " + extras.keys.sorted().joined(separator: ", ")
        throw DataError("reward \(reward)", "needs the column '\(name)'; the prompt's row has \(columns)")
    }
}
