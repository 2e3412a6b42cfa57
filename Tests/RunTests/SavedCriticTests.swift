import Foundation
import Testing

/// The critic that a stage keeps, and runs that begin from it.
@Suite("a critic that is kept", .serialized)
struct SavedCriticTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func recipe(_ stage: String) throws -> String {
        try TinyTask(
            in: folder.url,
            stage: "rollout: {max_new_tokens: 4}\nparameters: {ppo: {prompts: 32, epochs: 1}, grpo: {prompts: 2, samples: 2}}\n"
                + "optimizer: {learning_rate: 1e-2}\nbudget: {iterations: 3}\n" + stage
        ).recipe.path
    }

    private func train(_ recipe: String, _ name: String, _ arguments: [String]) async throws -> (run: URL, ended: EndedProcess) {
        let run = folder.url.appending(path: name)
        return (run, try await zoo.succeed(["train", recipe, "--run-dir", run.path] + arguments))
    }

    private func value(_ name: String, _ run: URL) throws -> [Double] {
        try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n").map { line in
            let record = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require(record[name] as? Double)
        }
    }

    /// A new critic begins at V = 0, so its loss is half the mean square of the returns; one that has learnt them begins lower.
    @Test("goes on where it stood, with a trunk of its own or the policy's", arguments: ["separate", "shared"])
    func goesOn(trunk: String) async throws {
        let path = try recipe("critic: {trunk: \(trunk)}\nsave: [critic]")
        // One reward for all, so that V = 1 is all there is to learn.
        let reward = ["--set", "rewards=[{function: regex, parameters: {pattern: '^'}}]"]
        let long =
            [
                "--algorithm", "ppo", "--set", "budget.iterations=80", "--set",
                "optimizer={learning_rate: 1e-4, critic: {learning_rate: 1e-2}}",
            ] + reward
        let first = try await train(path, "first", long).run
        #expect(FileManager.default.fileExists(atPath: first.appending(path: "critic").path))
        let again = ["--algorithm", "ppo", "--set", "policy={folder: \(first.path)/model}"] + reward
        let fresh = try await train(path, "fresh", again).run
        let kept = try await train(
            path, "kept", again + ["--set", "critic={folder: \(first.path)/critic, trunk: \(trunk)}"]
        ).run
        let learnt = try value("loss/value_avg", first)
        let (began, went) = (try value("loss/value_avg", fresh), try value("loss/value_avg", kept))
        #expect(went[0] < 0.5 * began[0], "\(learnt), \(began), \(went)")
    }

    @Test("an algorithm without a critic keeps none, and says so")
    func none() async throws {
        let (run, ended) = try await train(recipe("save: [critic]"), "run", ["--algorithm", "grpo"])
        #expect((ended.output + ended.errors).contains("no critic is saved: algorithm 'grpo' built none"))
        #expect(!FileManager.default.fileExists(atPath: run.appending(path: "critic").path))
    }

    @Test("a stage names the critic that an earlier one kept; of one that kept none it is refused")
    func fromStage() async throws {
        _ = try recipe("")
        func stages(_ save: String) throws -> String {
            let model =
                "{new: {family: llama, vocabulary_size: 272, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, "
                + "num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}}"
            let rest =
                "rewards: [{function: length, parameters: {target: 3}}], data: {prompts: prompts.jsonl, examples: examples.jsonl}, "
                + "rollout: {max_new_tokens: 4}, parameters: {ppo: {prompts: 4, epochs: 1}}, budget: {iterations: 2}"
            let text = """
                name: two
                stages:
                  - {name: warm, algorithm: ppo, policy: \(model), \(save) \(rest)}
                  - {name: on, algorithm: ppo, policy: {from: warm}, critic: {from: warm/critic}, \(rest)}
                """
            return try folder.write(text, to: "two.yaml").path
        }
        _ = try await train(stages("save: [critic],"), "two", [])
        let ended = try await zoo.run("train", stages(""))
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("stage 'warm' does not save 'critic'; give it 'save: [critic]'"))
    }
}
