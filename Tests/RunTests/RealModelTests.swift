import Foundation
import Testing
import ZooModels
import ZooRecords
import ZooRun
import ZooTensor

@Suite("what long runs of large models need", .serialized)
struct RealModelTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func task(_ stage: String, _ more: String = "") throws -> TinyTask {
        try TinyTask(
            in: folder.url,
            stage: """
                rollout: {max_new_tokens: 4}
                parameters: {ppo: {prompts: 3, samples: 2, epochs: 1}, grpo: {prompts: 2, samples: 2}, sft: {examples: 8}}
                optimizer: {learning_rate: 1e-2}
                \(stage)
                """, more: more)
    }

    private func file(_ name: String) -> URL { folder.url.appending(path: name) }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: file(path).path).sorted()
    }

    private func metrics(_ run: String, _ name: String) throws -> [Double] {
        try String(contentsOf: file(run + "/metrics.jsonl"), encoding: .utf8).split(separator: "\n").compactMap {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))[name]
        }
    }

    private func ledger(_ run: String) throws -> Ledger {
        try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: file(run + "/ledger.json")))
    }

    // MARK: - Checkpoints

    @Test("as many checkpoints stay as the recipe says", arguments: [1, 3])
    func kept(count: Int) async throws {
        let task = try task("budget: {iterations: 10}\ncheckpoints: {every: 2, keep: \(count), after_end: true}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "run", "--quiet"])
        #expect(try Set(names("run/checkpoints")) == Set([10, 8, 6].prefix(count).map { "step-\($0)" }))
    }

    @Test("without the optimizer's state a checkpoint is a third, and a resumed run says that it is another")
    func withoutOptimizer() async throws {
        func run(_ name: String, optimizer: Bool) async throws {
            let task = try task(
                "budget: {iterations: 4}\ncheckpoints: {every: 2, optimizer: \(optimizer), after_end: true}")
            try await zoo.succeed(["train", task.recipe.path, "--run-dir", name, "--quiet"])
        }
        try await run("whole", optimizer: true)
        try await run("part", optimizer: false)
        #expect(try names("whole/checkpoints/step-4").contains("policy.optimizer.safetensors"))
        #expect(try !names("part/checkpoints/step-4").contains { $0.contains("optimizer") })
        for (name, sentence) in [("whole", false), ("part", true)] {
            let ended = try await zoo.succeed(["train", "--resume", name, "--set", "budget.iterations=6"])
            #expect((ended.output + ended.errors).contains("the checkpoint has no optimizer state") == sentence)
            #expect(try metrics(name, "loss").count == 6)
        }
        #expect(try metrics("whole", "loss").prefix(5) == metrics("part", "loss").prefix(5))
        #expect(try metrics("whole", "loss").last != metrics("part", "loss").last)
    }

    @Test("a former name of a key is refused with today's")
    func formerNames() async throws {
        let task = try task("budget: {iterations: 1}\ncheckpoint_every: 2")
        let ended = try await zoo.run("train", task.recipe.path)
        #expect(try ended.complaint.contains("'checkpoint_every' is called 'checkpoints.every' now"))
    }

    // MARK: - The best model

    @Test("the model with the best evaluation stays beside the last, also over a stop")
    func best() async throws {
        let more = "evaluation: {prompts: prompts.jsonl, count: 6, every: 1}"
        let stage = "budget: {updates: 6}\ncheckpoints: {every: 2, after_end: true}\nbest: {metric: length"
        let task = try task(stage + ", lower: true}", more)
        let command = ["train", task.recipe.path, "--algorithm", "grpo"]
        let ended = try await zoo.succeed(command + ["--run-dir", "run"])
        struct Best: Decodable, Equatable { var iteration: Int, metric: String, value: Double }
        func best(_ run: String) throws -> Best {
            try JSONDecoder().decode(Best.self, from: Data(contentsOf: file(run + "/best.json")))
        }
        let lengths = try metrics("run", "eval/length")
        let least = try #require(lengths.min())
        #expect(try best("run") == Best(iteration: #require(lengths.firstIndex(of: least)), metric: "length", value: least))
        #expect((ended.output + ended.errors).contains("the best model by length, "))
        #expect(try names("run/best").contains("model.safetensors") && names("run/best").contains("tokenizer.json"))
        try await zoo.succeed(command + ["--run-dir", "two", "--set", "budget.updates=3", "--quiet"])
        try await zoo.succeed(["train", "--resume", "two", "--set", "budget.updates=6", "--quiet"])
        #expect(try best("two") == best("run"))
        let weights = "best/model.safetensors"
        #expect(try Data(contentsOf: file("two/" + weights)) == Data(contentsOf: file("run/" + weights)))
    }

    @Test("a metric that no evaluation has is refused at the first one, and 'best' without an evaluation too")
    func bestRefusals() async throws {
        let stage = "budget: {updates: 6}\nbest: {metric: lenght}"
        let task = try task(stage, "evaluation: {prompts: prompts.jsonl, count: 6, every: 1}")
        let ended = try await zoo.run("train", task.recipe.path, "--algorithm", "grpo")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("has no 'lenght'; did you mean 'length'?"))
        let alone = try self.task(stage)
        let refused = try await zoo.run("train", alone.recipe.path, "--algorithm", "grpo")
        #expect(try refused.complaint.contains("'best' needs an 'evaluation'"))
    }

    // MARK: - A critic before its policy

    @Test("in its warm-up PPO trains the critic alone; updates count from the policy's first")
    func warmup() async throws {
        let task = try task("budget: {updates: 2}\nsave: [critic]\ncheckpoints: {every: 2, after_end: true}")
        let command = ["train", task.recipe.path, "--algorithm", "ppo", "--set", "parameters.critic_warmup=3"]
        try await zoo.succeed(command + ["--run-dir", "run"])
        #expect(try metrics("run", "budget/updates") == [0, 0, 0, 1, 2])
        #expect(try metrics("run", "loss/value_avg").count == 5)
        #expect(try metrics("run", "loss/policy_avg").count == 2)
        // The policy samples as it began: the KL of fresh samples stays 0 until its first update has been made.
        #expect(try metrics("run", "objective/kl").prefix(4).allSatisfy { abs($0) < 1e-4 })
        let without = try await zoo.start(command + ["--set", "parameters.baseline=none"]).end()
        #expect(try without.complaint.contains("'critic_warmup' is 3, and baseline 'none' builds no critic"))
    }

    @Test("a stage may train nothing but the critic that it saves")
    func criticAlone() async throws {
        let task = try task("budget: {iterations: 3}\nsave: [critic]")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "base", "--set", "save=[]", "--quiet"])
        let policy = "policy={folder: \(file("base/model").path)}"
        let command = ["train", task.recipe.path, "--algorithm", "ppo", "--set", policy]
        try await zoo.succeed(command + ["--set", "parameters.critic_warmup=3", "--run-dir", "warm"])
        #expect(
            try Data(contentsOf: file("warm/model/model.safetensors")) == Data(contentsOf: file("base/model/model.safetensors")))
        let critic = "critic={folder: \(file("warm/critic").path)}"
        try await zoo.succeed(command + ["--set", critic, "--run-dir", "run"])
        try await zoo.succeed(command + ["--run-dir", "cold"])
        let (warm, cold) = try (metrics("run", "loss/value_avg"), metrics("cold", "loss/value_avg"))
        #expect(warm.count == 3 && warm.first != cold.first)
    }

    // MARK: - Memory

    @Test("passes are cut to what activations may take; where one sequence takes more, it is said once, and blocks recompute")
    func activations() async throws {
        let task = try task("budget: {iterations: 2}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "base", "--quiet"])
        func run(_ name: String, _ size: String) async throws -> String {
            try await zoo.succeed([
                "train", task.recipe.path, "--algorithm", "grpo", "--run-dir", name, "--set",
                "policy={folder: \(file("base/model").path)}", "--set", "memory.activations=\(size)", "--profile",
            ]).errors
        }
        func passes(_ name: String) throws -> Int {
            let trace = try JSONDecoder().decode(ProfileTrace.self, from: Data(contentsOf: file("\(name)/profile.json")))
            return trace.spans.count { $0.name == "forward policy" }
        }
        let whole = try await run("whole", "4 GiB")
        let cut = try await run("cut", "100 KiB")
        let least = try await run("least", "4 KiB")
        #expect(try passes("whole") < passes("cut") && passes("cut") < passes("least"))
        let word = "more than memory.activations (4.0 KiB): its blocks compute theirs again"
        #expect(!whole.contains(word) && !cut.contains(word))
        #expect(least.components(separatedBy: word).count == 2, "\(least)")
        let rewards = try ["whole", "cut", "least"].map { try metrics($0, "reward") }
        #expect(rewards[0] == rewards[1] && rewards[1] == rewards[2])
        for (size, word) in [("2", "a size with its unit"), ("0 GiB", "a size with its unit"), ("2 GB", "a size with its unit")] {
            let found = try await zoo.run("train", task.recipe.path, "--set", "memory.activations=\(size)")
            #expect(found.status == 65 && found.errors.contains(word), "\(found.errors)")
        }
    }

    @Test("recomputed activations give the run's bits; a frozen reference in 16 bits takes half, and a little off")
    func memory() async throws {
        let task = try task("budget: {iterations: 3}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "base", "--quiet"])
        let policy = "policy={folder: \(file("base/model").path)}"
        func run(_ name: String, _ more: String...) async throws {
            try await zoo.succeed(
                ["train", task.recipe.path, "--algorithm", "grpo", "--run-dir", name, "--quiet"]
                    + ([policy, "parameters.beta=0.1"] + more).flatMap { ["--set", $0] })
        }
        try await run("plain")
        try await run("again", "memory.recompute=true")
        try await run("half", "memory.frozen=bfloat16")
        #expect(
            try Data(contentsOf: file("again/model/model.safetensors")) == Data(contentsOf: file("plain/model/model.safetensors"))
        )
        let (plain, half) = try (ledger("plain"), ledger("half"))
        let (own, rounded) = try (
            #require(plain.roles["reference"]).weightBytes, #require(half.roles["reference"]).weightBytes
        )
        #expect(rounded > own / 2 && Double(rounded) < 0.55 * Double(own))
        #expect(plain.roles["policy"]?.weightBytes == half.roles["policy"]?.weightBytes)
        let (exact, near) = try (metrics("plain", "kl"), metrics("half", "kl"))
        #expect(try exact != near && abs(#require(exact.first) - #require(near.first)) < 0.01)
        let held = try (#require(ledger("again").roles["policy"]).transientBytes, #require(plain.roles["policy"]).transientBytes)
        #expect(held.0 < held.1, "\(held)")
        // The second pass forward is charged.
        let flops = try (#require(ledger("again").roles["policy"]), #require(plain.roles["policy"]))
        #expect(flops.0.flops.values.reduce(0, +) > flops.1.flops.values.reduce(0, +))
    }
}
