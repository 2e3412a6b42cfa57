import Foundation
import Testing
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun
import ZooTensor

@Suite("a run that trains an adapter", .serialized)
struct AdapterRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let task: TinyTask

    private static let stage = """
        rollout: {max_new_tokens: 6}
        parameters:
          ppo: {prompts: 4, epochs: 1, minibatches: 1}
          grpo: {prompts: 2, samples: 4, epochs: 2, refresh_interval: 2}
          rloo: {prompts: 2, samples: 4}
          dpo: {pairs: 8}
          sft: {examples: 8}
          reinforce: {prompts: 4, samples: 2}
        optimizer: {learning_rate: 1e-2}
        budget: {iterations: 4}
        """

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        task = try TinyTask(
            in: folder.url, stage: Self.stage, more: "evaluation: {prompts: prompts.jsonl, count: 6, every: 1}")
    }

    private func path(_ name: String) -> String { folder.url.appending(path: name).path }

    /// The model that adapters are made for.
    private func trainBase() async throws { try await zoo.succeed(["train", task.recipe.path, "--run-dir", "base"]) }

    @discardableResult
    private func train(
        _ name: String, _ algorithm: String, from model: String = "base/model", lora: String = "{r: 4}", _ more: String...
    ) async throws -> RunFolder {
        let policy = "policy={folder: \(path(model)), lora: \(lora)}"
        try await zoo.succeed(
            ["train", task.recipe.path, "--algorithm", algorithm, "--run-dir", name]
                + ([policy] + more).flatMap { ["--set", $0] })
        return RunFolder(folder.url.appending(path: name, directoryHint: .isDirectory))
    }

    private func ledger(_ run: RunFolder) throws -> Ledger {
        try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: run.ledger))
    }

    private func metrics(_ run: RunFolder, _ name: String) throws -> [Double] {
        try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").compactMap {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))[name]
        }
    }

    @Test("leaves PEFT's two files and the tokenizer, whatever the algorithm, and the base as it was")
    func artifact() async throws {
        try await trainBase()
        let weights = folder.url.appending(path: "base/model/model.safetensors")
        let before = try Data(contentsOf: weights)
        for algorithm in ["ppo", "grpo", "rloo", "dpo", "sft", "reinforce"] {
            let run = try await train(algorithm, algorithm)
            let names = try FileManager.default.contentsOfDirectory(atPath: run.model.path)
            #expect(names.contains("adapter_config.json") && names.contains("adapter_model.safetensors"), "\(names)")
            #expect(names.contains("tokenizer.json") && !names.contains("config.json"))
            let adapter = try AdapterFolder(run.model)
            #expect(try adapter.base().path == path("base/model"))
            let tensors = try adapter.tensors()
            // q_proj and v_proj of two layers, two factors each.
            #expect(tensors.count == 8)
            #expect(tensors.filter { $0.key.contains("lora_B") }.allSatisfy { $0.value.floats.contains { $0 != 0 } })
            #expect(try metrics(run, "eval/kl").first == 0)
            // Where nothing but its adapter moves it, the policy leaves its reference.
            #expect(try #require(metrics(run, "eval/kl").last) != 0)
        }
        #expect(try Data(contentsOf: weights) == before)
    }

    @Test("holds the base once: the reference costs nothing, the critic an adapter and a head, the optimizer the adapters")
    func memory() async throws {
        try await trainBase()
        let run = try await train("run", "ppo")
        let whole = folder.url.appending(path: "whole", directoryHint: .isDirectory)
        let plain = "policy={folder: \(path("base/model"))}"
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "ppo", "--run-dir", "whole", "--set", plain])
        let (adapted, full) = (try ledger(run).roles, try ledger(RunFolder(whole)).roles)
        let base = try Safetensors.read(folder.url.appending(path: "base/model/model.safetensors"))
            .reduce(0) { $0 + $1.value.count }
        let adapter = try AdapterFolder(run.model).tensors().reduce(0) { $0 + $1.value.count }
        // Hidden size 32, two heads of 16 and one of keys and values, r = 4: q_proj 4 · (32 + 32), v_proj 4 · (32 + 16), two layers.
        #expect(adapter == 2 * 4 * (32 + 32 + 32 + 16))
        let policy = try #require(adapted["policy"])
        let reference = try #require(adapted["reference"])
        let critic = try #require(adapted["critic"])
        #expect(policy.weightBytes == 4 * (base + adapter))
        #expect(policy.gradientBytes == 4 * adapter)
        #expect(policy.optimizerBytes == 8 * adapter + 8 * 4)
        #expect(reference.heldBytes == 0)
        #expect(critic.weightBytes == 4 * (adapter + 32 + 1))
        #expect(critic.gradientBytes == critic.weightBytes)
        #expect(full["reference"]?.weightBytes == 4 * base)
        #expect(full["critic"]?.weightBytes == 4 * (base + 32 + 1))
        // The same batches: a pass over the base and a little more, and no gradient of the base's weights.
        func share(_ roles: [String: Ledger.Account]) throws -> Double {
            let flops = try #require(roles["policy"]).flops
            return try #require(flops["backward"]) / #require(flops["forward"])
        }
        #expect(try share(full) == 2)
        #expect(try share(adapted) > 0.9 && share(adapted) < 1.5)
    }

    @Test("goes on with an adapter: the reference is the policy as it began, at the cost of the adapter")
    func goesOn() async throws {
        try await trainBase()
        try await train("first", "sft")
        let second = try await train("second", "ppo", from: "first/model")
        #expect(try AdapterFolder(second.model).base().path == path("base/model"))
        #expect(try metrics(second, "eval/kl").first == 0)
        let roles = try ledger(second).roles
        #expect(roles["reference"]?.weightBytes == 4 * 2 * 4 * (32 + 32 + 32 + 16))
        // The critic begins at V = 0 on the adapter that the policy begins with.
        #expect(roles["critic"]?.weightBytes == 4 * (2 * 4 * (32 + 32 + 32 + 16) + 33))
        // Against the base itself the policy is away from the start.
        let base = "reference={folder: \(path("base/model"))}"
        let away = try await train("away", "ppo", from: "first/model", lora: "{r: 4}", base)
        #expect(try #require(metrics(away, "eval/kl").first) != 0)
        #expect(try ledger(away).roles["reference"]?.heldBytes == 0)

        let other = "policy={folder: \(path("first/model")), lora: {r: 8}}"
        let refused = try await zoo.run("train", task.recipe.path, "--run-dir", "other", "--set", other)
        #expect(refused.status == 65)
        #expect(try refused.complaint.contains("r 8, lora_alpha 8") && refused.complaint.contains("the file has r 4"))
        #expect(try refused.complaint.contains("that the policy continues"))

        // So is a critic's: a policy without an adapter, a critic that goes on with one.
        let critic = "critic={folder: \(path("first/model"))}"
        try await train("same", "ppo", lora: "{r: 4}", critic)
        let mixed = try await zoo.run(
            "train", task.recipe.path, "--algorithm", "ppo", "--run-dir", "mixed", "--set",
            "policy={folder: \(path("base/model")), lora: {r: 8, target_modules: [q_proj]}}", "--set", critic)
        #expect(mixed.status == 65)
        let complaint = try mixed.complaint
        #expect(complaint.contains("that the critic continues") && complaint.contains("use_rslora false and 2 projections"))
        #expect(complaint.contains("the file has r 4") && complaint.contains("and 4; use the same values"))
    }

    @Test("goes on with the layers, ranks and scales of an adapter's own patterns, which stay in its file")
    func goesOnWithPatterns() async throws {
        try await trainBase()
        let first = try await train("first", "sft")
        let file = first.model.appending(path: "adapter_config.json")
        let pattern = #".*\.(q|v)_proj"#
        var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        config["target_modules"] = pattern
        config["alpha_pattern"] = ["v_proj": 3]
        try JSONSerialization.data(withJSONObject: config).write(to: file)
        let second = try await train("second", "ppo", from: "first/model")
        #expect(try metrics(second, "eval/kl").first == 0)
        let written = try AdapterFolder(second.model).config
        #expect(written.targets == .pattern(pattern) && written.patterns?.alphas.map(\.value) == [3])

        for (name, lora) in [("rank", "{r: 8}"), ("targets", "{r: 4, target_modules: [q_proj]}")] {
            let policy = "policy={folder: \(path("first/model")), lora: \(lora)}"
            let refused = try await zoo.run("train", task.recipe.path, "--run-dir", name, "--set", policy)
            let complaint = try refused.complaint
            #expect(
                refused.status == 65 && complaint.contains("differs from the adapter that the policy continues"), "\(complaint)")
        }
    }

    @Test("an adapter is sampled, evaluated and merged: the merged model answers as the adapter does")
    func commands() async throws {
        try await trainBase()
        let run = try await train("run", "grpo", lora: "{r: 4, lora_alpha: 16, target_modules: all-linear}")
        // A tokenizer may be a link, seen from its folder, as in Hugging Face's cache.
        let tokenizer = run.model.appending(path: "tokenizer.json")
        let contents = try Data(contentsOf: tokenizer)
        try FileManager.default.moveItem(at: tokenizer, to: folder.url.appending(path: "run/kept.json"))
        try FileManager.default.createSymbolicLink(atPath: tokenizer.path, withDestinationPath: "../kept.json")
        try await zoo.succeed(["merge", "run", "--output", "merged"])
        let merged = folder.url.appending(path: "merged")
        let names = try FileManager.default.contentsOfDirectory(atPath: merged.path)
        #expect(Set(["config.json", "model.safetensors", "tokenizer.json"]).isSubset(of: names))
        #expect(!names.contains { $0.contains("adapter") })
        let copy = merged.appending(path: "tokenizer.json")
        #expect(try copy.resourceValues(forKeys: [.isSymbolicLinkKey]).isSymbolicLink == false)
        #expect(try Data(contentsOf: copy) == contents)

        let adapter = try AdapterFolder(run.model)
        let base = try CausalLM.load(from: adapter.base(), head: .languageModel, device: .cpu, trainable: false, generator: nil)
        let adapted = try CausalLM(adapting: base, with: adapter, head: .languageModel, trainable: false)
        let whole = try loadNetwork(from: merged, head: .languageModel, device: .cpu, trainable: false, generator: nil)
        let tokens: [Int32] = [1, 40, 90, 7, 200, 33, 2, 65]
        let batch = Sequences(offsets: [0, 8], tokens: tokens, mask: tokens.indices.map { $0 > 0 })
        let pairs = zip(try adapted.forward(batch, [.logp])[0].floats, try whole.forward(batch, [.logp])[0].floats)
        #expect(pairs.allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(zip(pairs.map(\.0), try base.forward(batch, [.logp])[0].floats).contains { abs($0 - $1) > 1e-3 })

        func greedy(_ model: String) async throws -> String {
            try await zoo.succeed(["sample", model, "--prompt", "a film", "--temperature", "0", "--max-new-tokens", "6"]).output
        }
        #expect(try await greedy("run") == greedy("merged"))
        for model in ["run", "merged"] {
            let found = try await zoo.succeed([
                "evaluate", task.recipe.path, model, "--json", "--set", "policy={folder: \(path("base/model"))}",
            ]).output
            #expect(found.contains("\"kl\""))
        }

        let again = try await zoo.run("merge", "run", "--output", "merged")
        #expect(try again.status == 73 && again.complaint.contains("already exists"))
        let whole2 = try await zoo.run("merge", "merged", "--output", "twice")
        #expect(try whole2.status == 65 && whole2.complaint.contains("is not an adapter"))
        let nobody = try await zoo.run("merge", "run", "--base", "cache", "--output", "broken")
        #expect(try nobody.status == 65 && nobody.complaint.contains("is not a model folder here"))
        try FileManager.default.removeItem(at: run.model.appending(path: "adapter_model.safetensors"))
        let bad = try await zoo.run("merge", "run", "--output", "broken")
        #expect(try bad.status == 66 && bad.complaint.contains("adapter_model.safetensors is missing"))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        #expect(!left.contains { $0.contains("broken") || $0.contains("twice") })
    }

    @Test("the critic and a head on the policy's trunk train too, over a base of their own and over the policy's adapter")
    func critics() async throws {
        try await trainBase()
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "other", "--set", "seed=5"])
        let own = try await train("own", "ppo", lora: "{r: 4}", "critic={folder: \(path("other/model"))}")
        let shared = try await train("shared", "ppo", lora: "{r: 4}", "critic={trunk: shared}")
        let adapter = 2 * 4 * (32 + 32 + 32 + 16) + 33
        let critic = try #require(try ledger(own).roles["critic"])
        #expect(critic.gradientBytes == 4 * adapter)
        #expect(critic.weightBytes > 4 * adapter + 4 * 8000, "a base of its own")
        #expect(try ledger(shared).roles["critic"]?.weightBytes == 4 * 33)
        for run in [own, shared] { #expect(try metrics(run, "grad_norm/critic").allSatisfy { $0 > 0 }) }
    }

    @Test("a moving reference takes over the adapter whole; a mix of two adapters is refused")
    func blend() async throws {
        try await trainBase()
        func move(_ weight: String) async throws -> EndedProcess {
            let plugins = try BrokenPlugin.folder("REFERENCE=\(weight)", in: folder.url)
            let policy = "policy={folder: \(path("base/model")), lora: {r: 4}}"
            return try await zoo.run(
                "train", task.recipe.path, "--plugin-path", plugins, "--algorithm", "broken", "--run-dir", "weight-\(weight)",
                "--set", policy, "--set", "checkpoints.every=1")
        }
        let whole = try await move("1")
        #expect(whole.status == 0, "\(whole.errors)")
        let run = RunFolder(folder.url.appending(path: "weight-1", directoryHint: .isDirectory))
        // After every step the reference is the policy again, and it still holds no weights but the adapter's.
        #expect(try metrics(run, "eval/kl") == [0, 0, 0, 0, 0])
        #expect(try ledger(run).roles["reference"]?.weightBytes == 4 * 2 * 4 * (32 + 32 + 32 + 16))
        let mixed = try await move("0.5")
        #expect(mixed.status == 65)
        #expect(try mixed.complaint.contains("role 'policy' is an adapter: a mix of two"))
    }

    @Test("what has no meaning is refused before anything runs")
    func refused() async throws {
        try await trainBase()
        func complaint(_ policy: String, _ more: String...) async throws -> String {
            let ended = try await zoo.start(
                ["train", task.recipe.path, "--run-dir", "run", "--set", "policy=\(policy)"] + more
            ).end()
            #expect(ended.status == 65)
            let text = try ended.complaint
            #expect(!FileManager.default.fileExists(atPath: path("run/model")))
            try? FileManager.default.removeItem(atPath: path("run"))  // it may have been refused before it was made
            return text
        }
        let model = "folder: \(path("base/model"))"
        #expect(try await complaint("{\(model), lora: {rank: 4}}").contains("policy.lora.rank: is not a key here"))
        #expect(try await complaint("{\(model), lora: {lora_alfa: 4}}").contains("did you mean 'lora_alpha'?"))
        #expect(try await complaint("{\(model), lora: {r: 0}}").contains("policy.lora.r: expected a whole number >= 1"))
        #expect(try await complaint("{\(model), lora: {lora_dropout: 0.1}}").contains("policy.lora.lora_dropout: expected 0"))
        #expect(try await complaint("{\(model), lora: {target_modules: q_proj}}").contains("expected a list of projections"))
        #expect(try await complaint("{\(model), lora: {target_modules: [c_attn]}}").contains("no projection 'c_attn'"))
        #expect(try await complaint("{new: {family: llama}, lora: {r: 4}}").contains("lora adapts an existing model"))
        let reward = try await complaint("{\(model), lora: {r: 4}}", "--algorithm", "reward-model")
        #expect(reward.contains("trains no policy: remove policy.lora"))
    }
}
