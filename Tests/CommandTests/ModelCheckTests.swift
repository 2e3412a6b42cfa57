import Foundation
import Testing

@Suite("zoo model check")
struct ModelCheckTests {
    private static let models = Command.root.appending(path: "Tests/ZooModelsTests/Fixtures")
    private static let tokenizers = Command.root.appending(path: "Tests/TokenizerTests/Fixtures")

    /// A copy of a fixture's model with files beside it.
    private func model(_ name: String, _ zoo: Command, tokenizer: String? = nil, _ files: [String: String] = [:]) throws -> URL {
        let folder = zoo.path("model")
        try FileManager.default.copyItem(at: Self.models.appending(path: name), to: folder)
        if let tokenizer {
            try FileManager.default.copyItem(
                at: Self.tokenizers.appending(path: "\(tokenizer).tokenizer.json"), to: folder.appending(path: "tokenizer.json"))
        }
        for (file, text) in files { try Data(text.utf8).write(to: folder.appending(path: file)) }
        return folder
    }

    @Test("says what a folder is, what is used, where texts and samples end, and what is passed over")
    func whole() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["COLUMNS"] = "400"
            let folder = try model(
                "qwen2", zoo, tokenizer: "llama2",
                [
                    "tokenizer_config.json":
                        #"{"bos_token": "<s>", "eos_token": "</s>", "chat_template": [{"name": "default", "template": "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"}, {"name": "tool_use", "template": "t"}]}"#
                ])
            let check = try zoo("model", "check", folder.path)
            #expect(check.status == 0, "\(check.errors)")
            for line in [
                "language model, qwen2, Qwen2ForCausalLM", " and 1 more: ", "numbers in bfloat16", "have no row in the embedding",
                "begins with <s> (1) and ends with </s> (2)", "<|end|>", "and 'tool_use' for rows with tools",
            ] { #expect(check.output.contains(line), "\(line) in \(check.output)") }
            #expect(check.output.split(separator: "\n").count <= 12)
        }
    }

    @Test("an adapter shows its base, and a template is asked for where there is none")
    func adapter() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["COLUMNS"] = "400"
            let check = try zoo("model", "check", Self.models.appending(path: "lora-qwen2").path)
            #expect(
                check.output.contains("adapter of a language model, rank") && check.output.contains("which the adapter calls"))
            // The fixtures have no tokenizer.
            #expect(check.status == 65 && check.errors.contains("tokenizer.json"))
        }
    }

    @Test("what is refused is named once, with exit status 65, and the rest is still said")
    func refused() throws {
        try Command.inFolder { zoo in
            let folder = try model("qwen2", zoo, tokenizer: "plain", ["chat_template.jinja": "{% if %}"])
            let template = try zoo("model", "check", folder.path)
            #expect(
                template.status == 65 && template.output.contains("refused, see below") && template.output.contains("600 tokens"))
            #expect(template.errors.contains("chat_template.jinja:1: expected an expression"))
            try Data(#"{"model_type": "mamba"}"#.utf8).write(to: folder.appending(path: "config.json"))
            let kind = try zoo("model", "check", folder.path)
            #expect(kind.status == 65 && kind.errors.contains("model_type is mamba"))
            #expect(try zoo("model", "check", zoo.path("nowhere").path).status == 66)
        }
    }
}
