import Foundation
import Testing
import ZooTensor

@Suite("stored latents and prompt embeddings", .serialized)
struct StoredImageTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let reward = "rewards: [{function: command, name: own, command: [python3, -m, zoo_reward, 'rewards:f']}]"

    private func metrics(_ run: String) throws -> [[String: Double]] {
        let text = try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
        }
    }

    private func tensors(_ path: String) throws -> [String: Tensor] {
        try Safetensors.read(folder.url.appending(path: path))
    }

    private func evaluation(_ run: String) throws -> [String: Double] {
        let data = try Data(contentsOf: folder.url.appending(path: "\(run)/evaluation.json"))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(json["metrics"] as? [String: Double])
    }

    /// The sentence with which a command refuses.
    private func refusal(_ arguments: String...) async throws -> String {
        let ended = try await zoo.start(arguments).end()
        try #require(ended.status != 0, "zoo \(arguments.joined(separator: " ")) ended well: \(ended.output)")
        return try ended.complaint
    }

    // MARK: - Algorithms

    @Test("supervised training and DPO train an adapter over a pipeline's folder, and leave it as diffusers does")
    func adapters() async throws {
        let flux = try TinyFlux(in: folder.url)
        for algorithm in ["sft", "dpo"] {
            try await zoo.succeed(["train", flux.recipe.path, "--algorithm", algorithm, "--run-dir", algorithm])
            let names = try tensors("\(algorithm)/model/pytorch_lora_weights.safetensors").keys
            #expect(names.contains("transformer.transformer_blocks.0.attn.to_q.lora_B.weight"))
            #expect(
                try tensors("\(algorithm)/samples.safetensors").mapValues(\.shape) == [
                    "target": [2, 2, 4, 6], "before": [2, 2, 4, 6], "after": [2, 2, 4, 6],
                ])
            #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "\(algorithm)/samples.png").path))
            #expect(try evaluation(algorithm)["denoising_error"] ?? 0 > 0)
        }
        let records = try metrics("dpo")
        #expect(records[0]["quadrants/weight"] == 0.5 && records[0]["rewards/margins"] == 0)
        #expect(records[1]["rewards/margins"] != 0)
        let targets = try #require(tensors("dpo/samples.safetensors")["target"])
        #expect(targets.floats == (try #require(tensors("latents.safetensors")["latents"])).narrow(0, 0..<2).floats)
    }

    @Test("a reward in Python reads latents, the rows' columns and references; GRPO's first ratio is exactly 1")
    func command() async throws {
        let flux = try TinyFlux(
            in: folder.url,
            images: "{prompt_embeds: prompts.safetensors, image_latents: references.safetensors, height: 4, width: 6}",
            stage: Self.reward, more: "")
        try flux.rows("prompts") { ["prompt_embeds": $0 % 4, "image_latents": $0 % 2, "scale": 2] }
        _ = try folder.write(
            """
            def f(latents, references, prompts, completions, scale, **columns):
                assert completions == [""] * len(latents) and prompts[0].startswith("picture"), prompts
                assert [x.shape for x in latents] == [(2, 4, 6)] * len(latents) and references[0].shape == (2, 4, 2)
                assert latents[0].format == "f" and "images" not in columns
                return [s * sum(sum(row) for plane in x.tolist() for row in plane) for x, s in zip(latents, scale)]
            """, to: "rewards.py")
        try await zoo.succeed(["train", flux.recipe.path, "--algorithm", "grpo", "--run-dir", "run"])
        let records = try metrics("run")
        #expect(records[0]["sampling/sampling_logp_difference/max"] == 0)
        #expect(records[0]["clip_ratio/region_mean"] == 0)
        #expect(try #require(records[0]["rewards/own/std"]) > 0)
    }

    @Test("`zoo rewards try` gives a reward the data's own latents, number by number")
    func trial() async throws {
        let flux = try TinyFlux(in: folder.url, stage: Self.reward, more: "")
        _ = try folder.write(
            "def f(latents, **columns):\n    return [x[1, 2, 3] for x in latents]\n", to: "rewards.py")
        let shown = try await zoo.succeed(["rewards", "try", flux.recipe.path, "--json"]).output
        let latents = try #require(tensors("latents.safetensors")["latents"]).floats
        for row in 0..<TinyFlux.latents {
            let expected = latents[row * 48 + 24 + 2 * 6 + 3]
            #expect(shown.contains("\(Double(expected))".prefix(8)), "row \(row): \(expected) in \(shown)")
        }
    }

    @Test("SFO builds pairs of the rows' own latents over samples for a generic prompt that the row names")
    func degraded() async throws {
        let flux = try TinyFlux(in: folder.url)
        let build = "data.pairs={build: {prompts: 6, images: {chosen: target, rejected: degraded, words: generic}}}"
        try await zoo.succeed([
            "train", flux.recipe.path, "--algorithm", "dpo@sfo", "--run-dir", "run", "--set", build, "--set",
            "parameters.pairs=4",
        ])
        #expect(try metrics("run")[0]["quadrants/weight"] == 0.5)
        try flux.rows("prompts") { ["prompt_embeds": $0 % 4, "latents": $0] }
        #expect(
            try await refusal("train", flux.recipe.path, "--algorithm", "dpo@sfo", "--set", build).contains(
                "needs prompts with a column 'degraded_prompt_embeds'"))
        try flux.rows("prompts") { ["prompt_embeds": $0 % 4, "degraded_prompt_embeds": ($0 + 1) % 4] }
        #expect(
            try await refusal("train", flux.recipe.path, "--algorithm", "dpo@sfo", "--set", build).contains(
                "'target' needs prompts with a column 'latents'"))
    }

    @Test("KTO reads labelled latents; PPO's critic of latents starts at the policy's ratio of 1")
    func others() async throws {
        let flux = try TinyFlux(in: folder.url, stage: Self.reward, more: "")
        try flux.rows("train") { ["prompt_embeds": $0 % 4, "latents": $0, "label": $0 % 2 == 0] }
        _ = try folder.write("def f(latents, **columns):\n    return [x[0, 0, 0] for x in latents]\n", to: "rewards.py")
        try await zoo.succeed([
            "train", flux.recipe.path, "--algorithm", "kto", "--run-dir", "kto", "--set", "parameters.data=labels", "--set",
            "parameters.examples=4", "--set", "parameters.loss_type=apo_zero_unpaired",
        ])
        try await zoo.succeed([
            "train", flux.recipe.path, "--algorithm", "ppo", "--run-dir", "ppo", "--set",
            "parameters={ppo: {prompts: 2, samples: 2, epochs: 1, minibatches: 1}}",
        ])
        let first = try #require(try metrics("ppo").first)
        #expect(first["val/ratio"] == 1 && first["loss/value_avg"] != nil)
    }

    @Test("a new model takes its widths and channels from the files; its folder is drawn from by `zoo sample`")
    func fresh() async throws {
        let flux = try TinyFlux(
            in: folder.url,
            policy:
                "{new: {family: flow-image, num_layers: 1, num_single_layers: 1, attention_head_dim: 8, num_attention_heads: 2}}")
        try await zoo.succeed(["train", flux.recipe.path, "--run-dir", "run"])
        let shown = try await zoo.succeed(["sample", "run", "--prompt", "picture 3", "--samples", "2", "--output", "own.png"])
            .output
        #expect(shown.contains("picture 3") && shown.contains("own.safetensors"))
        #expect(try tensors("own.safetensors").mapValues(\.shape) == ["latents": [2, 2, 4, 6]])
        #expect(
            try await refusal("sample", "run/model/transformer/..", "--recipe", "flux.yaml", "--prompt", "none").contains(
                "picture 0"))
    }

    @Test("the guidance of a distilled model, the shift of its schedule and each row's own prompt reach the network")
    func inputs() async throws {
        let flux = try TinyFlux(in: folder.url)
        func sample(_ name: String, _ set: String...) async throws -> [Float] {
            try await zoo.succeed(
                ["train", flux.recipe.path, "--run-dir", name] + set.flatMap { ["--set", $0] })
            return try #require(tensors("\(name)/samples.safetensors")["before"]).floats
        }
        let own = try await sample("own")
        #expect(try await sample("again") == own)
        for (index, change) in [
            "rollout.denoising.guidance=1", "rollout.denoising.shift=1", "images.prompt_embeds=prompts2.safetensors",
        ].enumerated() {
            var other = TinyFlux.embeddings()
            other["pooled_prompt_embeds"] = other["pooled_prompt_embeds"].map { $0 * 2 }
            try TinyFlux.write(other, to: folder.url, "prompts2")
            #expect(try await sample("changed\(index)", change) != own, "\(change)")
        }
        let losses = try ["own", "changed0"].map { try metrics($0)[0]["loss"] }
        #expect(losses[0] == losses[1], "the sampler's guidance is not the score's")
        _ = try await sample("scored", "score.guidance=1")
        #expect(try metrics("scored")[0]["loss"] != losses[0])
    }

    @Test("a run is made from the tensors: another file is another run")
    func content() async throws {
        let flux = try TinyFlux(in: folder.url, stage: "checkpoints: {every: 1, after_end: true}")
        try await zoo.succeed(["train", flux.recipe.path, "--run-dir", "run"])
        try TinyFlux.write(["latents": .normal([6, 2, 4, 6], generator: Generator(seed: 9))], to: folder.url, "latents")
        #expect(
            try await refusal("train", "--resume", "run", "--set", "budget.iterations=4").contains("images.latents.0: expected"))
    }
}
