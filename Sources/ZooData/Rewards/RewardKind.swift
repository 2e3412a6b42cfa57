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
    public let parameters: [RewardParameter]
    private let build: @Sendable (RewardSettings, _ folder: URL?) throws -> any RewardFunction

    /// All that are built in, by name.
    public static let all: [RewardKind] = [exactMatch, numberMatch, countdown, regex, length, lexicon, promptShift]

    /// Makes a reward function from a recipe's words.
    ///
    /// - Parameter folder: where relative paths among the parameters begin; nil for the working directory.
    /// - Throws: ``DataError`` that names the reward and the parameter.
    public static func make(
        _ name: String, parameters: [String: JSONValue] = [:], folder: URL? = nil
    ) throws -> any RewardFunction {
        let kind = try kind(name)
        return try kind.build(RewardSettings(parameters, parameters: kind.parameters, reward: name), folder)
    }

    /// Checks a reward's name and the names, types and ranges of its parameters, without reading any file.
    ///
    /// - Throws: ``DataError`` that names the reward and the parameter.
    public static func check(_ name: String, parameters: [String: JSONValue]) throws {
        _ = try RewardSettings(parameters, parameters: kind(name).parameters, reward: name)
    }

    private static func kind(_ name: String) throws -> RewardKind {
        guard let kind = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name)
            let meant = didYouMean(name, among: names)
            throw DataError("reward \(name)", "is unknown; built in are \(names.joined(separator: ", "))\(meant)")
        }
        return kind
    }

    private static let column = RewardParameter(
        name: "column", kind: .string, defaultValue: "answer", doc: "the dataset's column with the right answer")
    private static let ignoreCase = RewardParameter(
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
            RewardParameter(
                name: "tolerance", kind: .number(0...Double.infinity), defaultValue: 1e-6,
                doc: "the largest difference that still counts as equal"),
        ]
    ) { settings, _ in
        NumberMatchReward(column: settings.string("column"), tolerance: settings.number("tolerance"))
    }

    private static let countdown = RewardKind(
        name: "countdown",
        doc: "1 if the completion is an expression that uses each of the column 'numbers' once, with + - * / × ÷, and equals the "
            + "column 'target'; else 0",
        parameters: [
            RewardParameter(
                name: "format_reward", kind: .number(0...1), defaultValue: 0,
                doc: "the reward of such an expression with another value")
        ]
    ) { settings, _ in
        CountdownReward(formatReward: settings.number("format_reward"))
    }

    private static let regex = RewardKind(
        name: "regex", doc: "1 if the pattern is found in the completion; else 0",
        parameters: [
            RewardParameter(
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
            RewardParameter(
                name: "target", kind: .number(1...1_000_000), defaultValue: nil, doc: "the target length, in steps"),
            RewardParameter(
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
            RewardParameter(
                name: "file", kind: .string, defaultValue: nil, doc: "the lexicon: lines of word, tab, mean valence"),
            RewardParameter(
                name: "include_prompt", kind: .bool, defaultValue: false, doc: "whether the prompt's words count as well"),
        ]
    ) { settings, folder in
        let path = settings.string("file")
        let file = URL(fileURLWithPath: path, relativeTo: folder)
        return LexiconReward(lexicon: try Lexicon(contentsOf: file), includesPrompt: settings.bool("include_prompt"))
    }

    private static let promptShift = RewardKind(
        name: "prompt-shift",
        doc: "a standard normal number determined by the prompt's text and the seed, whatever the completion is",
        parameters: [
            RewardParameter(
                name: "seed", kind: .whole(0...1_000_000_000), defaultValue: 0,
                doc: "seed of the prompts' numbers")
        ]
    ) { settings, _ in
        PromptShiftReward(seed: UInt64(settings.number("seed")))
    }
}
