import Foundation
import Testing
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun
import ZooTensor

/// r′ = r + f(prompt): π* ∝ π_ref exp(r′/β) is that of r, for exp(f/β) is the same for all completions of a prompt.
@Suite("a reward of the prompt alone", .serialized)
struct RewardShiftTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func policy(_ algorithm: String, _ parameters: String, shift: Double, _ changes: [String] = []) async throws
        -> RunFolder
    {
        let run = folder.url.appending(path: "\(algorithm)-\(shift)-\(UUID().uuidString)", directoryHint: .isDirectory)
        let all =
            [
                "task={name: tabular, prompts: 4, vocabulary: 3, horizon: 2}", "rollout.max_new_tokens=2",
                "budget.iterations=300",
                "checkpoints.every=0", "evaluation.samples_per_prompt=1", "optimizer={learning_rate: 0.1, schedule: linear}",
                "rewards=[{function: table}, {function: prompt-shift, weight: \(shift)}]",
                "parameters={\(algorithm): \(parameters)}",
            ] + changes
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        try await zoo.succeed(
            ["train", recipe, "--quiet", "--algorithm", algorithm, "--run-dir", run.path] + all.flatMap { ["--set", $0] })
        return RunFolder(run)
    }

    private func probabilities(_ run: RunFolder) throws -> [[Double]] {
        try Tabular.load(from: run.model, head: .languageModel, device: .cpu, trainable: false).sequenceProbabilities()
    }

    /// KL(p‖q) in nats, the mean over prompts.
    private func divergence(_ p: [[Double]], _ q: [[Double]]) -> Double {
        zip(p, q).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } } / Double(p.count)
    }

    private func optimum(_ run: RunFolder, beta: Double) throws -> [[Double]] {
        let task = try #require(try TabularTask(run.readSpec().recipe))
        let reference = try Tabular(config: task.config, logits: task.referenceLogits, trainable: false)
        let best = Tabular.optimum(reference: reference, reward: task.rewards, beta: beta)
        // The closed form itself: shifted by any f(x), π* stays and β log Z(x) moves by f(x).
        let f = (0..<task.promptCount).map { Double($0 * $0) - 3 }
        let shifted = Tabular.optimum(
            reference: reference, reward: zip(task.rewards, f).map { row, f in row.map { $0 + f } }, beta: beta)
        #expect(divergence(shifted.probabilities, best.probabilities) < 1e-12)
        for prompt in f.indices {
            #expect(abs(beta * (shifted.logPartition[prompt] - best.logPartition[prompt]) - f[prompt]) < 1e-9)
        }
        return best.probabilities
    }

    @Test(
        "grpo, rloo, dpo and leave-one-out do not see it",
        arguments: [
            ("grpo", "{prompts: 8, samples: 16, scale_rewards: group, beta: 0.5}"),
            ("rloo", "{prompts: 8, samples: 16, beta: 0.5}"), ("dpo", "{pairs: 64, beta: 0.5}"),
            ("ppo", "{baseline: leave_one_out, prompts: 16, samples: 8, beta: 0.5, whiten_advantages: false, epochs: 1}"),
        ])
    func blind(algorithm: String, parameters: String) async throws {
        let plain = try await policy(algorithm, parameters, shift: 0)
        let shifted = try await policy(algorithm, parameters, shift: 16)
        // The same samples, and advantages that differ in the last digits of their arithmetic.
        #expect(divergence(try probabilities(shifted), try probabilities(plain)) < 1e-5)
        #expect(
            divergence(try probabilities(plain), [[Double]](repeating: [Double](repeating: 1.0 / 9, count: 9), count: 4)) > 0.1)
    }

    @Test("ppo learns it with its critic and comes to the optimum; without a baseline the noise grows with its variance")
    func seen() async throws {
        let common = "beta: 1, whiten_advantages: false, prompts: 256, epochs: 1"
        let critic = try await policy("ppo", "{\(common)}", shift: 4, ["optimizer.critic={learning_rate: 0.3}"])
        let none = try await policy("ppo", "{\(common), baseline: none}", shift: 4)
        let calm = try await policy("ppo", "{\(common), baseline: none}", shift: 0)
        let best = try optimum(critic, beta: 1)
        let distances = try [critic, calm, none].map { divergence(try probabilities($0), best) }
        #expect(distances[0] < 1e-3, "with its critic: \(distances)")
        #expect(distances[2] > 4 * distances[1], "without a baseline: \(distances)")
        #expect(distances[2] > 4 * distances[0], "\(distances)")
    }
}
