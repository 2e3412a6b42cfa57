import Foundation
import Testing
import ZooHost
import ZooKit

@Suite("training on conversations")
struct ChatTests {
    private static let template = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}
        {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
        """

    /// A recipe whose stage reads `rows` as examples; the tokens of this model are bytes for the most part.
    private func recipe(in folder: URL, rows: String, data: String = "chat_template: chat.jinja") throws -> URL {
        let task = try TinyTask(in: folder, stage: "parameters: {sft: {examples: 4}}\nbudget: {steps: 2}")
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
        let kind = try #require(try DataInspection(Recipe.load(file), stage: nil, kind: "examples", count: 1).kinds.first)
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

        let shown = try await zoo.succeed(["data", "inspect", "tiny.yaml", "--kind", "examples", "--count", "1"]).output
        #expect(shown.contains("<assistant>⟦Yes.<eos>⟧\n<user>"))
        #expect(shown.contains("\(sequence.tokens) tokens, \(sequence.actions) of them actions"))
    }

    @Test("a model without a template is refused with the fix")
    func noTemplate() throws {
        let folder = try TemporaryFolder()
        let file = try recipe(in: folder.url, rows: Self.line, data: "")
        let error = #expect(throws: ZooError.self) {
            _ = try DataInspection(Recipe.load(file), stage: nil, kind: "examples", count: 1)
        }
        #expect(error?.message.contains("name a file in the stage's 'data: {chat_template: FILE.jinja}'") == true)
    }
}
