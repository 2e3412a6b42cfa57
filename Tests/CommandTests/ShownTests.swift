import Foundation
import Testing

/// Text of files that would steer a terminal is shown as text.
@Suite("escapes in texts")
struct ShownTests {
    private static let hostile = "\u{1B}]0;owned\u{7}\u{1B}[2J\u{9B}31m\u{202E}txt"

    private func expectHarmless(_ result: Command.Result, _ location: SourceLocation = #_sourceLocation) {
        for scalar in ["\u{1B}", "\u{7}", "\u{9B}", "\u{202E}"] {
            #expect(!(result.output + result.errors).unicodeScalars.contains(Unicode.Scalar(scalar)!), sourceLocation: location)
        }
        #expect((result.output + result.errors).contains(#"\u001b"#), "\(result)", sourceLocation: location)
    }

    @Test("steer no terminal: in data, names, titles, prompts, completions and errors")
    func escapes() throws {
        try Command.inFolder { zoo in
            let quoted = try String(decoding: JSONEncoder().encode(Self.hostile), as: UTF8.self)
            try Data("{\"text\": \(quoted)}".utf8).write(to: zoo.path("texts.jsonl"))
            let recipe = """
                name: small
                about: plain
                stages:
                  - name: base
                    algorithm: sft
                    policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, \
                num_attention_heads: 1}}
                    data: {examples: texts.jsonl}
                    budget: {iterations: 1}
                """
            try Data(recipe.utf8).write(to: zoo.path("recipe.yaml"))
            expectHarmless(try zoo("data", "inspect", "recipe.yaml"))
            expectHarmless(try zoo("train", "recipe.yaml", "--set", "name=\(quoted)"))
            expectHarmless(try zoo("report", Self.hostile))
            #expect(try zoo("train", "recipe.yaml", "--run-dir", "run", "--quiet").status == 0)
            expectHarmless(try zoo("sample", "run", "--prompt", Self.hostile, "--max-new-tokens", "1"))
            // Metric names, the recipe's title and samples, in Markdown for a terminal.
            var run = try String(contentsOf: zoo.path("run/run.json"), encoding: .utf8)
            run.replaceSubrange(try #require(run.range(of: "\"about\" : \"plain\"")), with: "\"about\" : \(quoted)")
            try Data(run.utf8).write(to: zoo.path("run/run.json"))
            expectHarmless(try zoo("report", "run", "--markdown"))
        }
    }

    @Test("JSON stays JSON and keeps its meaning")
    func json() throws {
        try Command.inFolder { zoo in
            let quoted = try String(decoding: JSONEncoder().encode(Self.hostile), as: UTF8.self)
            let made = try zoo("train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "run", "--quiet")
            #expect(made.status == 0, "\(made.errors)")
            var run = try String(contentsOf: zoo.path("run/run.json"), encoding: .utf8)
            let about = try #require(run.range(of: #""about" : "[^"]*""#, options: .regularExpression))
            run.replaceSubrange(about, with: "\"about\" : \(quoted)")
            try Data(run.utf8).write(to: zoo.path("run/run.json"))
            let result = try zoo("report", "run", "--format", "json")
            expectHarmless(result)
            let page = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            #expect(page["about"] as? String == Self.hostile)
        }
    }
}
