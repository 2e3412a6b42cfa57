import Foundation
import Testing

@Suite("a resumed run is the uninterrupted run, bit for bit", .serialized)
struct ResumeTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// Every algorithm with what it carries from step to step: an adaptive coefficient, a frozen sampling policy, cached reference
    /// scores, a moving average.
    private static let stage = """
        rollout: {max_new_tokens: 8}
        parameters:
          ppo: {prompts: 4, epochs: 2, minibatches: 2, kl_control: adaptive, kl_horizon: 100, whiten_rewards: true}
          grpo: {prompts: 2, samples: 4, epochs: 2, refresh_interval: 4}
          dpo: {pairs: 8}
          kto: {examples: 8}
          online-dpo: {prompts: 4}
          sft: {examples: 8}
          reward-model: {pairs: 8}
          reinforce: {prompts: 4, samples: 2}
        optimizer: {learning_rate: 3e-3, schedule: cosine, warmup: 0.1}
        budget: {iterations: 96}
        checkpoints: {every: 8}
        """

    @Test(
        "a language model, killed, taken up, stopped by Ctrl-C and taken up again",
        arguments: ["ppo", "grpo", "dpo", "kto", "online-dpo", "sft", "reward-model", "reinforce"])
    func languageModel(algorithm: String) async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        try await compareInterrupted(["train", task.recipe.path, "--algorithm", algorithm])
    }

    @Test(
        "measured at about every tenth of the budget, killed, taken up, stopped by Ctrl-C and taken up again",
        arguments: ["grpo", "kto"])
    func measured(algorithm: String) async throws {
        let task = try TinyTask(
            in: folder.url, stage: Self.stage,
            more: "evaluation: {prompts: prompts.jsonl, count: 1, pairs: pairs.jsonl}")
        // Long enough that kto, which samples nothing to learn from, pays for samples.
        try await compareInterrupted([
            "train", task.recipe.path, "--algorithm", algorithm, "--set", "budget.iterations=480",
        ])
        let measured = try records(folder.url.appending(path: "broken/metrics.jsonl")).filter { $0["eval/kl"] != nil }
        #expect((2...12).contains(measured.count))
    }

    @Test("a mixture of datasets, killed, taken up, stopped by Ctrl-C and taken up again", arguments: ["grpo", "sft"])
    func mixture(algorithm: String) async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        for name in ["prompts", "examples"] {
            let text = try String(contentsOf: folder.url.appending(path: "\(name).jsonl"), encoding: .utf8)
            _ = try folder.write(text.split(separator: "\n").suffix(5).joined(separator: "\n"), to: "more-\(name).jsonl")
        }
        let changes = ["prompts", "examples"].flatMap { name in
            ["--set", "data.\(name)=[{file: \(name).jsonl, weight: 2.5}, {file: more-\(name).jsonl, weight: 1, name: more}]"]
        }
        try await compareInterrupted(["train", task.recipe.path, "--algorithm", algorithm] + changes)
    }

    @Test("a language model whose products are in bfloat16, killed, taken up, stopped by Ctrl-C and taken up again")
    func mixedPrecision() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        try await compareInterrupted(
            ["train", task.recipe.path, "--algorithm", "ppo", "--set", "memory.trained=bfloat16"])
    }

    @Test("an adapter, killed, taken up, stopped by Ctrl-C and taken up again", arguments: ["ppo", "grpo", "dpo"])
    func adapter(algorithm: String) async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.iterations=16", "--run-dir", "base"])
        let policy = "policy={folder: \(folder.url.path)/base/model, lora: {r: 4, target_modules: all-linear}}"
        try await compareInterrupted(["train", task.recipe.path, "--algorithm", algorithm, "--set", policy])
    }

    @Test("a reference that takes over the policy's adapter at every step, killed, taken up, stopped and taken up again")
    func movingReference() async throws {
        let plugins = try BrokenPlugin.folder("REFERENCE=1", in: folder.url)
        // The divergence from the reference is measured on the way: it is 0 only where the reference was restored too.
        let task = try TinyTask(
            in: folder.url, stage: Self.stage, more: "evaluation: {prompts: prompts.jsonl, count: 2, every: 4}")
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.iterations=16", "--run-dir", "base"])
        let policy = "policy={folder: \(folder.url.path)/base/model, lora: {r: 4}}"
        try await compareInterrupted(
            ["train", task.recipe.path, "--plugin-path", plugins, "--algorithm", "broken", "--set", policy])
    }

    @Test(
        "a table, killed, taken up, stopped by Ctrl-C and taken up again",
        arguments: ["ppo", "grpo", "rloo", "reinforce-plus-plus", "dpo", "reinforce"])
    func table(algorithm: String) async throws {
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let changes = ["budget={iterations: 240}", "checkpoints.every=10", "data.pairs={build: {prompts: 64}}"].flatMap {
            ["--set", $0]
        }
        try await compareInterrupted(["train", recipe, "--algorithm", algorithm] + changes)
    }

    @Test("rollouts that lag behind training, drawn again where a group says nothing")
    func lagging() async throws {
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let changes = [
            "budget={iterations: 240}", "checkpoints.every=10", "rollout.lag=3", "parameters.prompts=4", "parameters.samples=4",
            "parameters.dynamic_sampling=10", "parameters.importance_correction=token_truncate",
        ].flatMap { ["--set", $0] }
        try await compareInterrupted(["train", recipe, "--algorithm", "grpo"] + changes)
    }

    @Test("a student, with the frozen teacher that its stage names")
    func student() async throws {
        let recipe = ZooCommand.clone.appending(path: "recipes/distill.yaml").path
        let changes = ["budget={iterations: 240}", "checkpoints.every=10", "stages.teacher.budget.updates=8"].flatMap {
            ["--set", $0]
        }
        try await compareInterrupted(["train", recipe] + changes)
    }

    @Test("an image model, killed, taken up, stopped by Ctrl-C and taken up again", arguments: ["sft", "ppo", "grpo", "dpo"])
    func images(algorithm: String) async throws {
        let stage = """
            parameters:
              sft: {examples: 8}
              ppo: {prompts: 4, samples: 2, epochs: 1, minibatches: 2}
              grpo: {prompts: 2, samples: 4, epochs: 2, beta: 0.1, kl_estimator: exact}
              dpo: {pairs: 4}
            optimizer: {learning_rate: 3e-3}
            ema: 0.9
            budget: {iterations: 48}
            checkpoints: {every: 6}
            """
        let task = try TinyImages(
            in: folder.url, cache: folder.url.appending(path: "cache"), task: "subject", stage: stage,
            more: "evaluation: {prompts: task:held-out, count: 4}")
        try await compareInterrupted(["train", task.recipe.path, "--algorithm", algorithm])
    }

    @Test("the second Ctrl-C ends a run within its step, and it resumes from its checkpoint")
    func stoppedAtOnce() async throws {
        // A step takes long enough for both to fall into it.
        let stage = """
            rollout: {max_new_tokens: 8}
            parameters: {ppo: {prompts: 8, epochs: 40, minibatches: 4}}
            budget: {iterations: 3}
            checkpoints: {every: 1}
            """
        let task = try TinyTask(in: folder.url, stage: stage)
        let command = ["train", task.recipe.path, "--algorithm", "ppo"]
        try await zoo.succeed(command + ["--run-dir", "whole"])
        let run = try zoo.start(command + ["--run-dir", "broken"])
        let checkpoint = newest("broken")
        try #require(await run.send(SIGINT) { checkpoint() != nil }, "the run ended before Ctrl-C")
        let first = ContinuousClock.now
        try #require(await run.send(SIGINT) { first.duration(to: .now) > .milliseconds(50) }, "the run ended at the first Ctrl-C")
        let stopped = try await run.end()
        #expect(stopped.status == 130)
        #expect(try stopped.complaint.contains("stopped; continue with: zoo train --resume"))
        #expect(checkpoint() == 1, "the second Ctrl-C waited for the step")
        try await zoo.succeed(["train", "--resume", "broken"])
        try expectSameRuns()
    }

    /// Runs the command whole and interrupted twice, and compares what the runs leave.
    private func compareInterrupted(_ command: [String]) async throws {
        try await zoo.succeed(command + ["--run-dir", "whole"])
        let checkpoint = newest("broken")

        let first = try zoo.start(command + ["--run-dir", "broken"])
        try #require(await first.send(SIGKILL) { checkpoint() != nil }, "the run ended before it was killed")
        #expect(try await first.end().status == 128 + SIGKILL)
        let path = folder.url.appending(path: "broken").path
        #expect(await eventually { Processes.mentioning(path).isEmpty }, "the worker outlives its parent")

        let reached = try #require(checkpoint())
        let second = try zoo.start(["train", "--resume", "broken"])
        try #require(await second.send(SIGINT) { checkpoint().map { $0 > reached } ?? false }, "the run ended before Ctrl-C")
        let stopped = try await second.end()
        #expect(stopped.status == 130)
        #expect(try stopped.complaint.contains("stopped; continue with: zoo train --resume"))

        try await zoo.succeed(["train", "--resume", "broken"])
        try expectSameRuns()
    }

    /// The newest checkpoint's step; nil where there is none.
    private func newest(_ run: String) -> @Sendable () -> Int? {
        let checkpoints = folder.url.appending(path: "\(run)/checkpoints").path
        return {
            // No folder is no checkpoint.
            let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
            return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max()
        }
    }

    private func expectSameRuns() throws {
        try RunTests.expectSameRuns(folder.url.appending(path: "whole"), folder.url.appending(path: "broken"))
    }
}
