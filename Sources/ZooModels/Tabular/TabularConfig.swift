import Foundation
import ZooBase

/// The shape of a table of softmax policies over small contexts.
public struct TabularConfig: Sendable, Equatable {
    /// V: tokens per step.
    public var vocabularySize: Int
    /// H: steps of every completion, 1 to 4.
    public var horizon: Int
    /// P: prompts, each one token with an id in 0 ..< P.
    public var prompts: Int

    public init(vocabularySize: Int, horizon: Int, prompts: Int) {
        self.vocabularySize = vocabularySize
        self.horizon = horizon
        self.prompts = prompts
    }

    init(keys: ConfigKeys) throws {
        try keys.require("model_type", is: "tabular", hint: "this is the reader of tables")
        self.init(
            vocabularySize: try keys.size("vocab_size"), horizon: try keys.size("horizon"), prompts: try keys.size("prompts"))
        try validate(file: keys.file)
    }

    var json: JSONObject {
        [
            "model_type": "tabular", "vocab_size": .integer(vocabularySize), "horizon": .integer(horizon),
            "prompts": .integer(prompts),
        ]
    }

    func validate(file: String = "config") throws {
        guard (1...4).contains(horizon) else { throw ModelError("\(file): horizon is \(horizon); expected 1 to 4") }
        guard (1...4096).contains(vocabularySize), prompts >= 1 else {
            throw ModelError(
                "\(file): vocab_size is \(vocabularySize) and prompts is \(prompts); expected 1 to 4096 and a number from 1")
        }
        let (size, overflow) = completions.multipliedReportingOverflow(by: prompts)
        guard !overflow, size <= 1 << 24 else {
            throw ModelError("\(file): prompts · vocab_sizeʰ is more than 2²⁴ sequences, too many for a table")
        }
    }

    /// V^H.
    public var completions: Int { power(horizon) }
    /// States of one prompt: prefixes shorter than the horizon.
    public var statesPerPrompt: Int { (0..<horizon).reduce(0) { $0 + power($1) } }
    public var states: Int { prompts * statesPerPrompt }

    /// The state after `prefix` of a prompt. Prefixes are numbered by length, then by their tokens as digits.
    func state<Tokens: Sequence>(prompt: Int, prefix: Tokens) -> Int where Tokens.Element == Int {
        var shorter = 0
        var width = 1
        var digits = 0
        for token in prefix {
            shorter += width
            width *= vocabularySize
            digits = digits * vocabularySize + token
        }
        return prompt * statesPerPrompt + shorter + digits
    }

    private func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { total, _ in total * vocabularySize } }
}
