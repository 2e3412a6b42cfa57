import Foundation
import Testing

@Suite("image models in recipes", .serialized)
struct ImageRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        parameters:
          sft: {examples: 8}
          ppo: {prompts: 4, samples: 2, epochs: 1, minibatches: 1}
          grpo: {prompts: 2, samples: 4}
          dpo: {pairs: 4}
        optimizer: {learning_rate: 3e-3}
        budget: {iterations: 3}
        """

    private func task(_ name: String = "digits", stage: String = stage, more: String = "") throws -> TinyImages {
        try TinyImages(in: folder.url, cache: folder.url.appending(path: "cache"), task: name, stage: stage, more: more)
    }

    private func metrics(_ run: String) throws -> [[String: Double]] {
        let text = try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
        }
    }

    private func data(_ path: String) throws -> Data { try Data(contentsOf: folder.url.appending(path: path)) }

    // MARK: - Algorithms

    @Test("GRPO's first update sees the probabilities that its samples were drawn with, exactly")
    func ratioOfGRPO() async throws {
        let task = try task("subject")
        let guided = ["--set", "rollout.denoising.guidance=2", "--set", "rollout.denoising.window=1"]
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "grpo", "--run-dir", "run"] + guided)
        let first = try #require(try metrics("run").first)
        #expect(first["sampling/sampling_logp_difference/max"] == 0)
        #expect(first["clip_ratio/region_mean"] == 0)
        // One step of three is random, of eight images.
        #expect(first["num_tokens"] == 8)
    }

    @Test("PPO's ratio is 1 at the first update, with a critic of its own and without one")
    func ratioOfPPO() async throws {
        let task = try task()
        for (run, baseline) in [("critic", "critic"), ("none", "leave_one_out")] {
            try await zoo.succeed(
                ["train", task.recipe.path, "--algorithm", "ppo", "--run-dir", run, "--set", "parameters.baseline=\(baseline)"])
            let first = try #require(try metrics(run).first)
            #expect(first["val/ratio"] == 1)
            #expect(first["val/ratio_var"] == 0)
            #expect((first["loss/value_avg"] != nil) == (baseline == "critic"))
        }
        let ledger = try String(decoding: data("none/ledger.json"), as: UTF8.self)
        #expect(!ledger.contains("critic"), "nobody pays for a critic that is not asked for")
    }

    @Test("DPO's pairs weigh one half at the first update, whatever the winner and the loser are")
    func weightOfDPO() async throws {
        let task = try task("subject")
        let kinds = [
            "{chosen: target, rejected: generated}", "{chosen: target, rejected: degraded, blur: 1, words: generic}",
            "{chosen: generated, rejected: degraded, noise: 0.5, words: none}",
        ]
        for (index, kind) in kinds.enumerated() {
            try await zoo.succeed([
                "train", task.recipe.path, "--algorithm", "dpo", "--run-dir", "run\(index)", "--set",
                "data.pairs={build: {prompts: 8, images: \(kind)}}", "--set", "parameters.beta=50",
            ])
            let records = try metrics("run\(index)")
            #expect(records[0]["quadrants/weight"] == 0.5)
            #expect(records[0]["rewards/margins"] == 0)
            #expect(abs(records[0]["loss"]! - log(2)) < 1e-12)
            #expect(records[2]["rewards/margins"] != 0)
        }
    }

    @Test("β of a mean over pixels is β of their sum times the number of pixels")
    func units() async throws {
        let task = try task()
        for (reduction, beta) in [("mean", "128"), ("sum", "2")] {  // 8 × 8 pixels
            try await zoo.succeed([
                "train", task.recipe.path, "--algorithm", "dpo", "--run-dir", reduction, "--set", "score.reduction=\(reduction)",
                "--set", "parameters.beta=\(beta)",
            ])
        }
        let (mean, sum) = (try metrics("mean"), try metrics("sum"))
        for step in 0..<3 {
            let (a, b) = (try #require(mean[step]["rewards/margins"]), try #require(sum[step]["rewards/margins"]))
            #expect(abs(a - b) <= 1e-4 * abs(b))
        }
        #expect(mean[2]["rewards/margins"] != 0)
    }

    @Test("labels matter to supervised training, and not where every condition is dropped")
    func conditionDrop() async throws {
        let task = try task()
        let file = folder.url.appending(path: "cache/data/digits/raw/digits.csv")
        let turned = TinyImages.digits.replacing(/,([0-9])\n/) { ",\((Int($0.1)! + 3) % 10)\n" }
        for (labels, text) in [("right", TinyImages.digits), ("turned", turned)] {
            try Data(text.utf8).write(to: file)
            for drop in ["0", "1"] {
                try await zoo.succeed(
                    ["train", task.recipe.path, "--run-dir", labels + drop, "--set", "score.condition_drop=\(drop)"])
            }
        }
        let weights = "model/transformer/diffusion_pytorch_model.safetensors"
        #expect(try data("right1/\(weights)") == data("turned1/\(weights)"))
        #expect(try data("right0/\(weights)") != data("turned0/\(weights)"))
    }

    @Test("the exact KL is 0 at the first update and grows; a policy of text has none")
    func exactKL() async throws {
        let task = try task()
        let exact = ["--algorithm", "grpo", "--set", "parameters.kl_estimator=exact", "--set", "parameters.beta=0.1"]
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "run"] + exact)
        let kl = try metrics("run").map { $0["kl"] ?? .nan }
        #expect(kl[0] == 0 && kl[1] > 0 && kl[2] > kl[1])
        let text = try TinyTask(in: folder.url, stage: Self.stage)
        let refused = try await zoo.start(["train", text.recipe.path, "--run-dir", "text"] + exact).end()
        #expect(refused.status != 0)
        #expect(try refused.complaint.contains("kl_estimator"))
    }

    @Test("the same plugin files train text and images")
    func samePlugins() async throws {
        let (images, text) = (try task(), try TinyTask(in: folder.url, stage: Self.stage))
        for algorithm in ["ppo", "grpo", "dpo"] {
            var hashes: Set<String> = []
            for recipe in [images.recipe, text.recipe] {
                let run = "\(algorithm)-\(recipe.lastPathComponent)"
                try await zoo.succeed(["train", recipe.path, "--algorithm", algorithm, "--run-dir", run])
                let environment = try JSONSerialization.jsonObject(with: data("\(run)/environment.json")) as? [String: Any]
                let plugin = try #require(environment?["plugin"] as? [String: Any])
                hashes.insert(try #require(plugin["sha256"] as? String))
            }
            #expect(hashes.count == 1)
        }
    }

    // MARK: - What is kept

    private static let evaluation = """
        evaluation: {prompts: task:held-out, count: 6, samples_per_prompt: 2, gold: [{function: class-accuracy}]}
        """

    @Test("an evaluation measures artefacts and divergence, and draws before and after")
    func evaluation() async throws {
        let task = try task(more: Self.evaluation)
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "grpo", "--run-dir", "run"])
        let result = try #require(try JSONSerialization.jsonObject(with: data("run/evaluation.json")) as? [String: Any])
        let after = try #require(result["metrics"] as? [String: Double])
        let before = try #require(result["reference"] as? [String: Double])
        for name in [
            "gold", "reward", "kl", "drift", "denoising_error", "diversity", "brightness", "grid_energy", "total_variation",
        ] {
            #expect(after[name] != nil && before[name] != nil, "\(name)")
        }
        #expect(before["kl"] == 0 && before["drift"] == 0)
        #expect(after["kl"]! > 0 && after["drift"]! > 0)
        let png = try data("run/samples.png")
        // Six prompts, and rows of targets, before and after; each pixel is six wide, with two between images.
        #expect(png.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
        #expect(number(png, at: 16) == 2 + 6 * (8 * 6 + 2))
        #expect(number(png, at: 20) == 2 + 3 * (8 * 6 + 2))
        let events = try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: "run").path)
        let file = try #require(events.first { $0.hasPrefix("events.out") })
        #expect(try data("run/\(file)").range(of: png) != nil, "TensorBoard's file has the image")
        try await zoo.succeed(["report", "run", "--output", "page.html"])
        #expect(try String(decoding: data("page.html"), as: UTF8.self).contains(png.base64EncodedString()))
    }

    private func number(_ data: Data, at start: Int) -> Int { data.dropFirst(start).prefix(4).reduce(0) { $0 << 8 | Int($1) } }

    @Test("zoo sample draws a grid, the same for the same seed, and refuses prompts that the task does not have")
    func sample() async throws {
        let task = try task("subject")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "run"])
        for (seed, name) in [("1", "a"), ("1", "b"), ("2", "c")] {
            let drawn = try await zoo.succeed(["sample", "run", "--samples", "3", "--seed", seed, "--output", "\(name).png"])
            #expect(drawn.output.contains("\(name).png"))
        }
        #expect(try data("a.png") == data("b.png"))
        #expect(try data("a.png") != data("c.png"))
        // Eight prompts: the reference and three samples of a canvas of twelve pixels each.
        #expect(try number(data("a.png"), at: 16) == 2 + 4 * (12 * 6 + 2))
        let refused = try await zoo.start(["sample", "run/model", "--prompt", "eleven"]).end()
        #expect(refused.status != 0)
        #expect(try refused.complaint.contains("'eleven'"))
    }

    @Test("an adapter over a frozen base: the reference costs nothing, and merging makes a whole model")
    func adapter() async throws {
        let task = try task(more: Self.evaluation)
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "base"])
        let policy = "policy={folder: \(folder.url.path)/base/model, lora: {r: 2, target_modules: all-linear}}"
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "ppo", "--set", policy, "--run-dir", "run"])
        let ledger = try JSONSerialization.jsonObject(with: data("run/ledger.json")) as? [String: Any]
        let roles = try #require(ledger?["roles"] as? [String: [String: Any]])
        #expect(roles["reference"]?["weightBytes"] as? Int == 0)
        let weights = folder.url.appending(path: "run/model/pytorch_lora_weights.safetensors")
        #expect(FileManager.default.fileExists(atPath: weights.path))
        try await zoo.succeed(["merge", "run/model", "--output", "whole"])
        try await zoo.succeed(["sample", "run", "--output", "adapter.png"])
        try await zoo.succeed(["sample", "whole", "--output", "whole.png"])
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "whole/model_index.json").path))
        #expect(try data("adapter.png") == data("whole.png"), "eight bits of grey hide the rounding of the merge")
    }

    @Test("a moving average that forgets at once is the policy; one that remembers is not")
    func movingAverage() async throws {
        let task = try task()
        let weights = "model/transformer/diffusion_pytorch_model.safetensors"
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "plain"])
        for (decay, run) in [("0", "same"), ("0.9", "slow")] {
            try await zoo.succeed(["train", task.recipe.path, "--set", "ema=\(decay)", "--run-dir", run])
        }
        #expect(try data("plain/\(weights)") == data("same/\(weights)"))
        #expect(try data("plain/\(weights)") != data("slow/\(weights)"))
    }

    @Test("where held-out prompts are of two splits, each figure is given by split too")
    func splits() async throws {
        let task = try task(
            "subject", more: "evaluation: {prompts: task:held-out-mixed, count: 8, gold: [{function: total-variation}]}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "run"])
        let result = try #require(try JSONSerialization.jsonObject(with: data("run/evaluation.json")) as? [String: Any])
        let found = try #require(result["metrics"] as? [String: Double])
        let (old, new) = (try #require(found["gold@old"]), try #require(found["gold@new"]))
        #expect(old != new)
        #expect(abs(try #require(found["gold"]) - (old + new) / 2) < 1e-12)
    }

    // MARK: - Bad input

    @Test(
        "what does not go with images is refused by name",
        arguments: [
            ("data.pairs={build: {prompts: 4, images: {chosen: generated, rejected: generated}}}", "'generated'"),
            ("rewards=[{function: subject-fidelity}]", "subject-fidelity"),
            ("rollout.denoising.windo=2", "window"), ("score.times=logit", "logit_normal"),
            ("policy={new: {family: flow-image, attention_head_dim: 10}}", "attention_head_dim"),
            ("policy={new: {family: flow-image, hidden_size: 10}}", "hidden_size"),
            ("data.prompts=task:trainig", "training"), ("task=subjekt", "subject"),
        ])
    func refused(change: String, word: String) async throws {
        let task = try task()
        let ended = try await zoo.start(
            [
                "train", task.recipe.path, "--algorithm", change.hasPrefix("data.pairs") ? "dpo" : "grpo", "--run-dir", "run",
                "--set",
                change,
            ]
        ).end()
        #expect(ended.status != 0)
        #expect(try ended.complaint.contains(word))
    }

    @Test("rewards of images are refused for text, and digits that are damaged by file and line")
    func wrongTask() async throws {
        let text = try TinyTask(in: folder.url, stage: Self.stage)
        let ended = try await zoo.start([
            "train", text.recipe.path, "--algorithm", "grpo", "--run-dir", "text", "--set", "rewards=[{function: brightness}]",
        ]).end()
        #expect(ended.status != 0)
        #expect(try ended.complaint.contains("brightness"))
        let task = try task()
        let file = folder.url.appending(path: "cache/data/digits/raw/digits.csv")
        try Data((TinyImages.digits + "1,2,3\n").utf8).write(to: file)
        let damaged = try await zoo.start(["train", task.recipe.path, "--run-dir", "damaged"]).end()
        #expect(damaged.status != 0)
        #expect(try damaged.complaint.contains("digits.csv:401"))
        try FileManager.default.removeItem(at: file)
        let absent = try await zoo.start(["train", task.recipe.path, "--run-dir", "absent"]).end()
        #expect(try absent.complaint.contains("make data"))
    }
}
