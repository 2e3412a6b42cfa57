import Foundation
import Testing
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("training on conversations")
struct ChatTests {
    private static let template = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}
        {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
        """

    /// A recipe whose stage reads `rows` as examples; the tokens of this model are bytes for the most part.
    private func recipe(
        in folder: URL, rows: String, data: String = "chat_template: chat.jinja", more: String = ""
    ) throws -> URL {
        let task = try TinyTask(in: folder, stage: "parameters: {sft: {examples: 4}}\nbudget: {iterations: 2}", more: more)
        try Data(rows.utf8).write(to: folder.appending(path: "examples.jsonl"))
        try Data((Self.template + "\n").utf8).write(to: folder.appending(path: "chat.jinja"))
        let text = try String(contentsOf: task.recipe, encoding: .utf8)
        let changed = text.replacingOccurrences(
            of: "pairs: pairs.jsonl}", with: "pairs: pairs.jsonl\(data.isEmpty ? "" : ", ")\(data)}")
        try Data(changed.utf8).write(to: task.recipe)
        return task.recipe
    }

    private static let line = """
        {"messages": [{"role": "user", "content": "Hi ⟦x⟧?"}, {"role": "assistant", "content": "Yes."}, \
        {"role": "user", "content": "é\\u0301"}, {"role": "assistant", "content": " no\\n"}]}

        """

    @Test("the actions are the assistant's words and the mark that ends each turn")
    func masks() async throws {
        let folder = try TemporaryFolder()
        let file = try recipe(in: folder.url, rows: Self.line)
        let kind = try #require(try DataInspection(Recipe.load(file), stage: nil, kind: .examples, count: 1).kinds.first)
        let sequence = try #require(kind.rows.first?.sequences.first)
        #expect(kind.shape == "messages")
        #expect(
            sequence.pieces.map(\.text) == [
                "<user>Hi ⟦x⟧?<eos>\n<assistant>", "Yes.<eos>", "\n<user>é\u{301}<eos>\n<assistant>", " no\n<eos>", "\n",
            ])
        #expect(sequence.pieces.map(\.isAction) == [false, true, false, true, false])

        // The dataset is this one row, so a step of four examples trains on it four times.
        let zoo = ZooCommand(in: folder.url)
        try await zoo.succeed(["train", "tiny.yaml", "--run-dir", "run", "--quiet"])
        let metrics = try String(contentsOf: folder.url.appending(path: "run/metrics.jsonl"), encoding: .utf8)
        #expect(metrics.contains(#""num_tokens": \#(4 * sequence.actions).0,"#), "\(metrics)")
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "run/model/chat_template.jinja").path))

        // The trained model is asked in its own template.
        let words = ["sample", "run", "--chat", "--system", "Be brief.", "--prompt", "Hi", "--max-new-tokens", "3"]
        let answer = try await zoo.succeed(words).output
        #expect(answer.hasPrefix("system: Be brief.\nuser: Hi\nassistant: "), "\(answer)")
        #expect(try await zoo.run("sample", "run", "--chat").complaint.contains("--chat needs what the user says: --prompt TEXT"))

        let shown = try await zoo.succeed(["data", "inspect", "tiny.yaml", "--kind", "examples", "--count", "1"]).output
        #expect(shown.contains("<assistant>⟦Yes.<eos>⟧\n<user>"))
        #expect(shown.contains("\(sequence.tokens) tokens, \(sequence.actions) of them actions"))
    }

    @Test("a tokenizer that composes accents has the same actions")
    func composingTokenizer() throws {
        let folder = try TemporaryFolder()
        // The user's text shrinks by 2 bytes, what the assistant says by 3; its words begin and end with what changes.
        let row =
            #"{"messages": [{"role": "user", "content": "e\u0301 a\u0300"}, "#
            + #"{"role": "assistant", "content": "e\u0301n\u0303 so o\u0308\u0302"}]}"#
        let file = try recipe(in: folder.url, rows: row + "\n")
        let place = folder.url.appending(path: "tokenizer", directoryHint: .isDirectory)
        try Tokenizer.train(on: ["a film is good"], vocabularySize: 272).write(to: place)
        let own = place.appending(path: "tokenizer.json")
        let text = try String(contentsOf: own, encoding: .utf8)
        try #require(text.hasPrefix("{") && !text.contains("normalizer\""))
        try Data((#"{"normalizer": {"type": "NFC"}, "# + text.dropFirst()).utf8).write(to: own)
        let recipe = try String(contentsOf: file, encoding: .utf8)
        let changed = recipe.replacing("policy: {new: {", with: "policy: {new: {tokenizer: \(own.path), ")
        try Data(changed.utf8).write(to: file)

        let kind = try #require(try DataInspection(Recipe.load(file), stage: nil, kind: .examples, count: 1).kinds.first)
        let sequence = try #require(kind.rows.first?.sequences.first)
        // Scalar by scalar: to a String both forms are the same.
        let found = sequence.pieces.map { Array($0.text.unicodeScalars) }
        let wanted = ["<user>\u{E9} \u{E0}<eos>\n<assistant>", "\u{E9}\u{F1} so \u{F6}\u{302}<eos>", "\n"]
        #expect(found == wanted.map { Array($0.unicodeScalars) })
        #expect(sequence.pieces.map(\.isAction) == [false, true, false])
    }

    @Test("a stage takes the nearest template before it and no variables but its own, as it trains")
    func chain() async throws {
        let folder = try TemporaryFolder()
        func later(_ name: String, after earlier: String, _ data: String) -> String {
            """
              - name: \(name)
                algorithm: sft
                policy: {from: \(earlier)}
                parameters: {sft: {examples: 4}}
                budget: {iterations: 2}
                data: {examples: examples.jsonl, \(data)}

            """
        }
        let row = #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes."}]}"# + "\n"
        let file = try recipe(
            in: folder.url, rows: row, data: "chat_template: chat.jinja, chat_variables: {first: one, second: two}",
            more: later("middle", after: "only", "chat_template: middle.jinja")
                + later("last", after: "middle", "chat_variables: {second: zwei}"))
        let middle = """
            {% for m in messages %}[{{ m.role }}]{{ m.content }}({{ first }}{{ second }}){{ eos_token }}
            {% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}

            """
        try Data(middle.utf8).write(to: folder.url.appending(path: "middle.jinja"))
        var actions: [Int] = []
        for (stage, texts) in [
            ("middle", ["[user]Hi()<eos>\n[assistant]", "Yes.()<eos>", "\n"]),
            ("last", ["[user]Hi(zwei)<eos>\n[assistant]", "Yes.(zwei)<eos>", "\n"]),
        ] {
            let inspection = try DataInspection(Recipe.load(file), stage: stage, kind: .examples, count: 1)
            let sequence = try #require(inspection.kinds.first?.rows.first?.sequences.first)
            #expect(sequence.pieces.map(\.text) == texts)
            actions.append(sequence.actions)
        }
        let zoo = ZooCommand(in: folder.url)
        try await zoo.succeed(["train", "tiny.yaml", "--run-dir", "run", "--quiet"])
        let metrics = try String(contentsOf: folder.url.appending(path: "run/metrics.jsonl"), encoding: .utf8)
        #expect(metrics.contains(#""num_tokens": \#(4 * actions[1]).0,"#), "\(metrics)")
        #expect(actions[0] < actions[1])
    }

    @Test("a model without a template is refused with the fix")
    func noTemplate() throws {
        let folder = try TemporaryFolder()
        let file = try recipe(in: folder.url, rows: Self.line, data: "")
        let error = #expect(throws: ZooError.self) {
            _ = try DataInspection(Recipe.load(file), stage: nil, kind: .examples, count: 1)
        }
        #expect(error?.message.contains("name a file in the stage's 'data: {chat_template: FILE.jinja}'") == true)
    }
}
