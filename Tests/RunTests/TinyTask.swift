import Foundation

/// A language model of three short words and everything that any algorithm needs to train it, in fractions of a second.
struct TinyTask {
    let folder: URL
    var recipe: URL { folder.appending(path: "tiny.yaml") }

    private static let subjects = ["a film", "the plot", "her role", "this end", "one joke", "that song"]
    private static let verdicts = ["is good", "is bad", "was fine", "was dull and long", "is so very good", "was no fun"]

    /// Writes the recipe and its files. `stage` is YAML in the only stage, `more` YAML of the whole recipe.
    init(in folder: URL, stage: String, more: String = "") throws {
        self.folder = folder
        func write(_ text: String, _ name: String) throws { try Data(text.utf8).write(to: folder.appending(path: name)) }
        func lines(_ line: (String, String, String) -> String) -> String {
            Self.subjects.flatMap { subject in
                Self.verdicts.indices.map {
                    line(subject, Self.verdicts[$0], Self.verdicts[($0 + 1) % Self.verdicts.count]) + "\n"
                }
            }.joined()
        }
        try write(Self.subjects.map { #"{"prompt": "\#($0)"}"# + "\n" }.joined(), "prompts.jsonl")
        try write(lines { subject, verdict, _ in #"{"prompt": "\#(subject)", "completion": " \#(verdict)"}"# }, "examples.jsonl")
        try write(
            lines { subject, chosen, rejected in
                #"{"prompt": "\#(subject)", "chosen": " \#(chosen)", "rejected": " \#(rejected)"}"#
            },
            "pairs.jsonl")
        let model = """
            {new: {family: llama, vocabulary_size: 272, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, \
            num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}}
            """
        try write(
            """
            name: tiny
            stages:
              - name: only
                algorithm: sft
                policy: \(model)
                reward: \(model)
                rewards: [{function: regex, parameters: {pattern: "[aeiou]"}}, {function: length, weight: 0.5, parameters: {target: 6}}]
                data: {prompts: prompts.jsonl, examples: examples.jsonl, pairs: pairs.jsonl}
            \(stage.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            \(more)
            """, "tiny.yaml")
    }
}
