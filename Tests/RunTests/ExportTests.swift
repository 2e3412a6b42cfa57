import Foundation
import Testing

@Suite("zoo export", .serialized)
struct ExportTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let task: TinyTask

    private static let fixtures = ZooCommand.clone.appending(path: "Tests/ZooModelsTests/Fixtures")

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        task = try TinyTask(
            in: folder.url,
            stage: """
                rollout: {max_new_tokens: 6}
                parameters: {sft: {examples: 8}, grpo: {prompts: 2, samples: 2}, reward-model: {pairs: 4}}
                optimizer: {learning_rate: 1e-2}
                budget: {iterations: 1}
                """, more: "evaluation: {prompts: prompts.jsonl, count: 6, gold: [{function: length, parameters: {target: 6}}]}")
    }

    private func url(_ name: String) -> URL { folder.url.appending(path: name) }
    private func text(_ name: String) throws -> String { try String(contentsOf: url(name), encoding: .utf8) }
    private func write(_ text: String, _ name: String) throws { try Data(text.utf8).write(to: url(name)) }

    private func train(_ name: String, _ more: String...) async throws {
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", name] + more)
    }

    /// The one line with which a command ends, and its status.
    private func refusal(_ arguments: String...) async throws -> String {
        let ended = try await zoo.start(arguments).end()
        #expect(ended.status != 0 && !ended.errors.contains("\n\n"))
        return "\(ended.status) \(try ended.complaint)"
    }

    @Test("a run becomes a folder with tokenizer, template, licence and card; the card says what is known and no path")
    func run() async throws {
        try await train("base")
        let base = url("base/model")
        try write(
            "---\nlicense: apache-2.0\nlanguage: [en, fr]\nbase_model: someone/else\n---\n# A card\n", "base/model/README.md")
        try write("Apache License", "base/model/LICENSE")
        try write("{{ messages[0].content }}", "base/model/chat_template.jinja")
        try await train("run", "--algorithm", "grpo", "--set", "policy={folder: \(base.path)}")
        try await zoo.succeed(["export", "run", "--to", "hf", "--dtype", "bfloat16", "--out", "out"])

        let card = try text("out/README.md")
        for line in [
            "---\nlanguage: [en, fr]\nlibrary_name: transformers\nlicense: apache-2.0\npipeline_tag: text-generation\ntags: [policyzoo, grpo]\n---",
            "# run", "`grpo`", "| prompts | `prompts.jsonl` |", "{function: regex", "| budget | `{iterations: 1}` |",
            "| seed | 0 |",
            "a folder called `model`; its name on the Hub is not known", "| gold reward |",
            "`apache-2.0`, as the card of the base model says",
            "Its text is in `LICENSE`", "libtorch",
        ] { #expect(card.contains(line), "\(line) in \(card)") }
        #expect(card.contains(#/\| gold reward \| [-0-9.e]+ \| [-0-9.e]+ \[[-0-9.e]+, [-0-9.e]+\] \|/#), "\(card)")
        #expect(!card.contains("pairs.jsonl`") && !card.contains(folder.url.path) && !card.contains("someone/else"))
        #expect(try text("out/LICENSE") == "Apache License")
        #expect(try text("out/chat_template.jinja") == "{{ messages[0].content }}")
        #expect(try text("out/tokenizer.json") == text("run/model/tokenizer.json"))
        #expect(try text("out/config.json").contains("\"bfloat16\""))
        try await zoo.succeed(["sample", "out", "--prompt", "a film", "--temperature", "0"])

        let again = try await refusal("export", "run", "--to", "gguf", "--out", "out")
        #expect(again.hasSuffix("out already exists; choose another --out"))
        let gguf = try await zoo.succeed(["export", "run", "--to", "gguf"])
        #expect(gguf.output.contains("model    run-gguf/run-F16.gguf"))
        let bytes = try Data(contentsOf: url("run-gguf/run-F16.gguf"))
        for word in ["GGUF", "general.license", "apache-2.0", "tokenizer.chat_template", "{{ messages[0].content }}"] {
            #expect(bytes.firstRange(of: Data(word.utf8)) != nil, "\(word)")
        }
        #expect(try text("run-gguf/README.md").contains("tags: [policyzoo, grpo, gguf]"))
    }

    @Test("an adapter is merged, and a licence that no file names is unknown")
    func adapter() async throws {
        try await train("base")
        try await train("run", "--algorithm", "grpo", "--set", "policy={folder: \(url("base/model").path), lora: {r: 2}}")
        let ended = try await zoo.succeed(["export", "run", "--to", "hf"])
        #expect(ended.output.contains("licence  unknown: fill it in at the top of run-hf/README.md"))
        try await zoo.succeed(["merge", "run", "--output", "merged"])
        #expect(try Data(contentsOf: url("run-hf/model.safetensors")) == Data(contentsOf: url("merged/model.safetensors")))
        let card = try text("run-hf/README.md")
        #expect(card.contains("license: unknown") && card.contains("Unknown: no card beside the base model names its licence."))
        #expect(card.contains("| adapter, merged | `{"))
    }

    @Test("what cannot be exported is refused in one sentence, and nothing is written")
    func refused() async throws {
        try await train("run")
        #expect(try await refusal("export", "none", "--to", "hf") == "66 \(url("none").path): there is no such folder")
        #expect(
            try await refusal("export", "run", "--to", "hf", "--dtype", "q8_0").hasPrefix(
                "64 --dtype is 'q8_0'; --to hf takes float32"))
        for (fixture, words) in [
            ("score", "holds a reward model"), ("value", "holds a critic"), ("flux", "holds an image model"),
            ("flux-lora", "holds an adapter of an image model"), ("tied", "has no tokenizer.json"),
        ] {
            let refused = try await refusal("export", Self.fixtures.appending(path: fixture).path, "--to", "gguf", "--out", "out")
            #expect(refused.contains("\(fixture) \(words)") || refused.contains("\(fixture): \(words)"), "\(refused)")
        }
        try FileManager.default.removeItem(at: url("run/done"))
        let open = try await refusal("export", "run", "--to", "hf", "--out", "out")
        #expect(open.contains("run is a run that has not finished; continue it with: zoo train --resume"))
        #expect(!FileManager.default.fileExists(atPath: url("out").path))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        #expect(!names.contains { $0.hasSuffix(".part") })
    }

    @Test("a reward model's run and a comparison are refused with what to give")
    func otherRuns() async throws {
        try await train("judge", "--algorithm", "reward-model")
        #expect(try await refusal("export", "judge", "--to", "hf").contains("holds a reward model"))
        try write("{\"runs\": {\"grpo-seed0\": \"x\"}}", "compare.json")
        #expect(try await refusal("export", folder.url.path, "--to", "hf").contains("such as \(url("grpo-seed0").path)"))
    }
}
