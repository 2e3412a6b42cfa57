import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// The recipe as it is, but for sizes: two numbers up to 10, a model of fifty thousand parameters.
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
        "task={name: countdown, numbers: 2, max_number: 10, max_target: 20}", "stages.base.policy.new.vocabulary_size=300",
        "stages.base.policy.new.hidden_size=48", "stages.base.policy.new.intermediate_size=64",
        "stages.base.policy.new.num_hidden_layers=2", "stages.base.policy.new.num_attention_heads=2",
        "stages.base.policy.new.num_key_value_heads=1", "stages.base.parameters.sft.examples=32",
        "stages.base.budget.iterations=250",
        "stages.base.optimizer.learning_rate=5e-3", "data.pairs={build: {prompts: 64, samples: 4}}", "budget.updates=48",
        "optimizer.learning_rate=3e-3", "parameters.ppo.prompts=128", "parameters.grpo.prompts=64",
        "evaluation.samples_per_prompt=4",
    ].flatMap { ["--set", $0] }

    private func run(_ name: String) -> RunFolder { RunFolder(folder.url.appending(path: name, directoryHint: .isDirectory)) }

    /// Means of a metric over the first and over the last quarter of a run.
    private func change(_ metric: String, _ name: String) throws -> (first: Double, last: Double) {
        let values = try String(contentsOf: run(name).metrics, encoding: .utf8).split(separator: "\n").compactMap {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))[metric]
        }
        try #require(values.count == 48)
        return (values.prefix(12).reduce(0, +) / 12, values.suffix(12).reduce(0, +) / 12)
    }

    @Test("by its own attempts the model comes to solve more, and every variant reports pass@k on held-out problems")
    func comparison() async throws {
        let ended = try await zoo.succeed(
            ["compare", recipe] + Self.changes + ["--variants", "ppo,grpo,dpo", "--seeds", "0", "--run-dir", "runs"])
        for variant in ["ppo", "grpo", "dpo"] {
            let evaluation = try #require(try run("runs/\(variant)-seed0").readEvaluation())
            for metrics in [evaluation.metrics, evaluation.reference] {
                let chances = try ["pass@1", "pass@2", "pass@4"].map { try #require(metrics[$0], "no \($0)") }
                #expect(chances == chances.sorted() && chances.allSatisfy { 0...1 ~= $0 }, "\(chances)")
                #expect(metrics["pass@8"] == nil)
                #expect(abs(chances[0] - (metrics["gold"] ?? .nan)) < 1e-9)
            }
            // Better than guessing: the warm start has learnt something.
            #expect(evaluation.reference["pass@1"] ?? 0 > 0.02)
        }
        for (variant, metric) in [("ppo", "objective/scores"), ("grpo", "reward")] {
            let (first, last) = try change(metric, "runs/\(variant)-seed0")
            #expect(last > first + 0.08, "\(variant) from \(first) to \(last)")
        }
        #expect(ended.output.contains("\npass@4 "))
    }

    @Test("task settings out of range are refused before anything runs")
    func settings() async throws {
        let ended = try await zoo.run("train", recipe, "--set", "task.numbers=9")
        #expect(ended.status == 65)
        #expect(try ended.complaint == "--set task.numbers=9: task.numbers: expected a whole number from 2 to 6, found 9")
        let slip = try await zoo.run("train", recipe, "--set", "task.max_numbers=9")
        #expect(try slip.complaint.contains("did you mean 'max_number'?"))
    }
}
