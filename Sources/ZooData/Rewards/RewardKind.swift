import Foundation
import ZooBase

/// A reward function that recipes can name, with its parameters.
///
/// ```swift
/// let reward = try RewardKind.make("number-match", parameters: ["column": "answer"])
/// try reward.score(RewardItem(prompt: "6 × 7 =", completion: " 42", extras: ["answer": 42]))  // 1
/// ```
public struct RewardKind: Sendable {
    public let name: String
    /// What it rewards, with the formula.
    public let doc: String
    public let parameters: [Setting]
    /// Whether it asks the task that it belongs to: a row alone does not say what is right.
    public let needsTask: Bool
    private let build: @Sendable (Settings, RewardInputs) throws -> any RewardFunction

    /// - Parameter build: gets the parameters, checked and completed; throws ``DataError`` that names the reward.
    init(
        name: String, doc: String, parameters: [Setting] = [], needsTask: Bool = false,
        build: @escaping @Sendable (Settings, RewardInputs) throws -> any RewardFunction
    ) {
        self.name = name
        self.doc = doc
        self.parameters = parameters
        self.needsTask = needsTask
        self.build = build
    }

    /// Those that belong to no task.
    static let general: [RewardKind] = [exactMatch, numberMatch, regex, length, lexicon, promptShift]

    /// Makes the reward function.
    ///
    /// - Throws: ``DataError`` that names the reward and the parameter.
    func make(_ parameters: [String: JSONValue], _ inputs: RewardInputs) throws -> any RewardFunction {
        try build(check(parameters), inputs)
    }

    /// The parameters by name, type and range, completed by their defaults; no file is read.
    ///
    /// - Throws: ``DataError`` that names the reward and the parameter.
    @discardableResult
    func check(_ parameters: [String: JSONValue]) throws -> Settings {
        try Settings(parameters, of: self.parameters, owner: "reward \(name)")
    }

    private static let column = Setting(
        name: "column", kind: .string, defaultValue: "answer", doc: "the dataset's column with the right answer")
    private static let ignoreCase = Setting(
        name: "ignore_case", kind: .bool, defaultValue: false, doc: "whether to ignore case")

    private static let exactMatch = RewardKind(
        name: "exact-match", doc: "1 if the completion, without surrounding spaces, is the column's text; else 0",
        parameters: [column, ignoreCase]
    ) { settings, _ in
        ExactMatchReward(column: settings.string("column"), ignoresCase: settings.bool("ignore_case"))
    }

    private static let numberMatch = RewardKind(
        name: "number-match", doc: "1 if the completion's last number is the column's last number; else 0",
        parameters: [
            column,
            Setting(
                name: "tolerance", kind: .number(0...Double.infinity), defaultValue: 1e-6,
                doc: "the largest difference that still counts as equal"),
        ]
    ) { settings, _ in
        NumberMatchReward(column: settings.string("column"), tolerance: settings.number("tolerance"))
    }

    private static let regex = RewardKind(
        name: "regex", doc: "1 if the pattern is found in the completion; else 0",
        parameters: [
            Setting(
                name: "pattern", kind: .string, defaultValue: nil,
                doc: "a regular expression in ICU's syntax; ^ and $ match the completion's start and end"),
            ignoreCase,
        ]
    ) { settings, _ in
        try RegexReward(pattern: settings.string("pattern"), ignoresCase: settings.bool("ignore_case"))
    }

    private static let length = RewardKind(
        name: "length", doc: "-|steps - target| / target, or with mode max: -max(0, steps - target) / target",
        parameters: [
            Setting(
                name: "target", kind: .number(1...1_000_000), defaultValue: nil, doc: "the target length, in steps"),
            Setting(
                name: "mode", kind: .string, defaultValue: "target",
                doc: "'target' rewards exactly this length; 'max' only penalises longer ones"),
        ]
    ) { settings, _ in
        try LengthReward(target: settings.number("target"), mode: settings.string("mode"))
    }

    private static let lexicon = RewardKind(
        name: "lexicon",
        doc: "the mean human valence, -4 to 4, of the completion's words that the lexicon rates; 0 if it rates none",
        parameters: [
            Setting(
                name: "file", kind: .string, defaultValue: nil, doc: "the lexicon: lines of word, tab, mean valence"),
            Setting(
                name: "include_prompt", kind: .bool, defaultValue: false, doc: "whether the prompt's words count as well"),
        ]
    ) { settings, inputs in
        let path = settings.string("file")
        let file = URL(fileURLWithPath: path, relativeTo: inputs.folder)
        return LexiconReward(lexicon: try Lexicon(contentsOf: file), includesPrompt: settings.bool("include_prompt"))
    }

    private static let promptShift = RewardKind(
        name: "prompt-shift",
        doc: "a standard normal number determined by the prompt's text and the seed, whatever the completion is",
        parameters: [
            Setting(
                name: "seed", kind: .whole(0...1_000_000_000), defaultValue: 0,
                doc: "seed of the prompts' numbers")
        ]
    ) { settings, _ in
        PromptShiftReward(seed: UInt64(settings.number("seed")))
    }
}

/// What a reward function may need beside its parameters.
public struct RewardInputs: Sendable {
    /// Where relative paths among the parameters begin; nil for the working directory.
    public var folder: URL?
    /// What the recipe's task lends its own rewards; nil if it has none to lend.
    public var source: (any RewardSource)?

    public init(folder: URL? = nil, source: (any RewardSource)? = nil) {
        self.folder = folder
        self.source = source
    }
}

/// What a task lends its own rewards: a table of rewards, a judge of images.
public protocol RewardSource: Sendable {}
