import Foundation
import Testing
import ZooHost

/// The recipe as it is, but for sizes: two numbers up to 12, a model of ten thousand parameters.
@Suite("recipes/countdown.yaml at tiny size", .serialized)
struct CountdownRecipeTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let recipe = ZooCommand.clone.appending(path: "recipes/countdown.yaml").path

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let changes = [
        "task={name: countdown, numbers: 2, max_number: 12, max_target: 30}", "stages.base.policy.new.vocabulary_size=300",
        "stages.base.policy.new.hidden_size=32", "stages.base.policy.new.intermediate_size=64",
        "stages.base.policy.new.num_hidden_layers=1", "stages.base.policy.new.num_attention_heads=2",
        "stages.base.policy.new.num_key_value_heads=1", "stages.base.parameters.sft.examples=32", "stages.base.budget.steps=150",
        "stages.base.optimizer.learning_rate=1e-2", "data.pairs={build: {prompts: 64, samples: 4}}", "budget.updates=30",
        "evaluation.samples_per_prompt=4",
    ].flatMap { ["--set", $0] }

    private func evaluation(_ run: String) throws -> EvaluationResult {
        try #require(try RunFolder(folder.url.appending(path: run, directoryHint: .isDirectory)).readEvaluation())
    }

    @Test("GRPO and PPO solve held-out problems that the warm start does not, and every variant reports pass@k")
    func comparison() async throws {
        let ended = try await zoo.succeed(["compare", recipe] + Self.changes + ["--seeds", "0", "--run-dir", "runs"])
        for variant in ["ppo", "ppo-no-critic", "grpo", "dpo"] {
            let (after, before) = (
                try evaluation("runs/\(variant)-seed0").metrics, try evaluation("runs/\(variant)-seed0").reference
            )
            for metrics in [after, before] {
                let chances = try ["pass@1", "pass@2", "pass@4"].map { try #require(metrics[$0], "no \($0)") }
                #expect(chances == chances.sorted() && chances.allSatisfy { 0...1 ~= $0 }, "\(chances)")
                #expect(metrics["pass@8"] == nil)
                #expect(abs(chances[0] - (metrics["gold"] ?? .nan)) < 1e-9)
            }
            guard variant != "dpo" else { continue }
            let (first, last) = (try #require(before["pass@1"]), try #require(after["pass@1"]))
            #expect(last > first + 0.05, "\(variant): \(first) before, \(last) after")
        }
        #expect(ended.output.contains("\npass@4 "))
    }

    @Test("task settings out of range are refused before anything runs")
    func settings() async throws {
        let ended = try await zoo.run("train", recipe, "--set", "task.numbers=9")
        #expect(ended.status == 65)
        #expect(try ended.complaint == "\(recipe): task countdown: 'numbers' is 9; expected a whole number from 2 to 6")
        let slip = try await zoo.run("train", recipe, "--set", "task.max_numbers=9")
        #expect(try slip.complaint.contains("did you mean 'max_number'?"))
    }
}
