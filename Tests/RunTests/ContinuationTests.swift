import Foundation
import Testing

@Suite("a run goes on as it was begun, or is refused by name", .serialized)
struct ContinuationTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        rollout: {max_new_tokens: 4}
        parameters: {grpo: {prompts: 2, samples: 2}, sft: {examples: 8}}
        optimizer: {learning_rate: 1e-3}
        budget: {updates: 4}
        checkpoints: {every: 2}
        """

    private func file(_ name: String) -> URL { folder.url.appending(path: name) }

    private func edit(_ name: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOf: file(name), encoding: .utf8)
        try #require(text.contains(old), "\(name) has no \(old)")
        try Data(text.replacing(old, with: new).utf8).write(to: file(name))
    }

    /// Expects that the run is refused for a change, and undoes the change.
    private func expectRefused(
        _ name: String, _ old: String, _ new: String, saying words: String..., location: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try Data(contentsOf: file(name))
        try edit(name, old, new)
        let ended = try await zoo.run("train", "--resume", "run")
        #expect(ended.status == 65, sourceLocation: location)
        let complaint = try ended.complaint
        for word in words + ["cannot", "start a new run with: zoo train"]
        where name != "run/recipe.yaml" || word != "cannot" {
            #expect(complaint.contains(word), "\(complaint)", sourceLocation: location)
        }
        try before.write(to: file(name))
    }

    @Test(
        "edited data of equal length, another model, another rate or budget, an edited recipe: each is named, and undone it goes on"
    )
    func inputs() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.updates=2", "--run-dir", "base", "--quiet"])
        try await zoo.succeed([
            "train", task.recipe.path, "--algorithm", "grpo", "--set", "policy={folder: \(file("base/model").path)}", "--run-dir",
            "run",
            "--quiet",
        ])
        // As if it had been killed before its end.
        try FileManager.default.removeItem(at: file("run/done"))

        try await expectRefused(
            "prompts.jsonl", "her role", "his role", saying: "data.prompts: expected", "prompts.jsonl (sha256 ", ", found ")
        try await expectRefused(
            "base/model/tokenizer_config.json", "eos_token", "pad_tok_n", saying: "policy.folder: expected")
        try await expectRefused(
            "run/run.json", #""learning_rate" : 0.001"#, #""learning_rate" : 0.1"#,
            saying: "run.json was edited", "optimizer.learning_rate is 0.1 in run.json and 0.001 in recipe.yaml")
        try await expectRefused(
            "run/run.json", #""updates" : 4"#, #""updates" : 1"#, saying: "budget.updates is 1 in run.json and 4 in recipe.yaml")
        try await expectRefused(
            "run/run.json", #""threads" : 1"#, #""threads" : 3"#, saying: "run.json was edited",
            "threads is 3 in run.json and 1 in recipe.yaml")
        try await expectRefused(
            "run/run.json", #""threads" : 1"#, #""threads" : 1000000"#,
            saying: "run.json: cannot be read", "threads: expected a whole number from 1 to 1024, found 1000000")
        try await expectRefused(
            "run/recipe.yaml", "learning_rate: 0.001", "learning_rate: 0.1",
            saying: "recipe.yaml was edited", "optimizer.learning_rate is 0.001 in run.json and 0.1 in recipe.yaml")
        try FileManager.default.moveItem(at: file("prompts.jsonl"), to: file("away.jsonl"))
        let missing = try await zoo.run("train", "--resume", "run")
        #expect(try missing.complaint.contains("prompts.jsonl cannot be read"))
        try FileManager.default.moveItem(at: file("away.jsonl"), to: file("prompts.jsonl"))

        try await zoo.succeed(["train", "--resume", "run"])
        let whole = try await zoo.run("train", "--resume", "run")
        #expect(try whole.complaint.contains("is finished: there is nothing to resume"))
        #expect(try whole.complaint.contains("--set budget.updates=8"))
    }

    /// The examples of FIPS 180 of one block and of two.
    @Test(
        "the hash of an input is SHA-256",
        arguments: [
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func hash(text: String, hash: String) async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let template = try folder.write(text, to: "template.jinja")
        try await zoo.succeed(["train", task.recipe.path, "--set", "data.chat_template=\(template.path)", "--run-dir", "run"])
        #expect(try String(contentsOf: file("run/run.json"), encoding: .utf8).contains(#""sha256" : "\#(hash)""#))
    }

    @Test("a comparison's folder takes the same runs again, and names what is another")
    func adopted() async throws {
        let task = try TinyTask(
            in: folder.url, stage: Self.stage, more: "compare: {seeds: [0], jobs: 1, variants: {grpo: {algorithm: grpo}}}")
        let command = ["compare", task.recipe.path, "--run-dir", "all", "--quiet"]
        try await zoo.succeed(command)
        try await zoo.succeed(command + ["--jobs", "2"])
        try edit("prompts.jsonl", "her role", "his role")
        let other = try await zoo.run("compare", task.recipe.path, "--run-dir", "all", "--quiet")
        #expect(try other.complaint.contains("contains a different run: data.prompts: expected"))
        #expect(other.status != 0)
    }

    // MARK: - A larger budget

    @Test("a finished run that kept its checkpoint goes on with a larger budget as if it had had it from the start")
    func larger() async throws {
        let task = try TinyTask(
            in: folder.url, stage: Self.stage, more: "evaluation: {prompts: prompts.jsonl, count: 2, every: 0}")
        let command = ["train", task.recipe.path, "--algorithm", "grpo", "--quiet"]
        try await zoo.succeed(command + ["--set", "budget.updates=7", "--run-dir", "whole"])
        try await zoo.succeed(command + ["--set", "checkpoints.after_end=true", "--set", "budget.updates=3", "--run-dir", "run"])
        try await zoo.succeed(["train", "--resume", "run", "--set", "budget.updates=7", "--quiet"])
        func metrics(_ run: String) throws -> String {
            try String(contentsOf: file("\(run)/metrics.jsonl"), encoding: .utf8)
                .replacing(/"(budget|common)\/seconds": [^,}]+/, with: "")
        }
        #expect(try metrics("run") == metrics("whole"))
        for name in ["model/model.safetensors", "evaluation.json"] {
            #expect(try Data(contentsOf: file("run/\(name)")) == Data(contentsOf: file("whole/\(name)")), "\(name)")
        }
        #expect(try String(contentsOf: file("run/recipe.yaml"), encoding: .utf8).contains("updates: 7"))

        let smaller = try await zoo.run("train", "--resume", "run", "--set", "budget.updates=5")
        #expect(try smaller.complaint.contains("is not larger than the run's budget, updates: 7"))
        let axis = try await zoo.run("train", "--resume", "run", "--set", "budget.iterations=50")
        #expect(try axis.complaint.contains("expected more on the same axis"))
        let rate = try await zoo.run("train", "--resume", "run", "--set", "optimizer.learning_rate=1")
        #expect(rate.status == 64)
        let none = try await zoo.run("train", "--resume", "whole", "--set", "budget.updates=9")
        #expect(try none.complaint.contains("kept no checkpoint"))
        #expect(try none.complaint.contains("checkpoints.after_end=true"))
    }

    @Test("where the learning rate follows a schedule, that is said")
    func schedule() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let changes = ["checkpoints.after_end=true", "optimizer.schedule=linear", "budget.updates=2"].flatMap { ["--set", $0] }
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "run", "--quiet"] + changes)
        let ended = try await zoo.succeed(["train", "--resume", "run", "--set", "budget.updates=3"])
        #expect((ended.output + ended.errors).contains("follows a schedule over the whole budget"))
    }
}
