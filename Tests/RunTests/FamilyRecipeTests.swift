import Foundation
import Testing

@Suite("language models of every family", .serialized)
struct FamilyRecipeTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let shape =
        "hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1"

    private static let shapes: [(family: String, shape: String)] = [
        ("llama", shape + ", attention_bias: true"), ("qwen2", shape), ("qwen3", shape), ("gemma", shape),
        ("mistral", shape + ", sliding_window: 6"), ("gpt2", "n_embd: 32, n_layer: 2, n_head: 2, n_positions: 64"),
        ("smollm3", shape + ", no_rope_layer_interval: 2"), ("gemma2", shape + ", sliding_window: 6"),
        ("gemma3_text", shape + ", sliding_window: 6, sliding_window_pattern: 2"), ("olmo2", shape),
        ("granite", shape + ", embedding_multiplier: 2, residual_multiplier: 0.5, logits_scaling: 4"),
        ("phi3", shape + ", partial_rotary_factor: 0.75"),
    ]

    @Test(
        "a recipe makes one, PPO trains it with a critic of its own, and another run goes on from its folder", arguments: shapes)
    func trains(family: String, shape: String) async throws {
        let stage = """
            rollout: {max_new_tokens: 8}
            parameters: {ppo: {prompts: 4, epochs: 1, minibatches: 1}}
            optimizer: {learning_rate: 3e-3}
            budget: {iterations: 3}
            """
        let task = try TinyTask(in: folder.url, stage: stage)
        let new = "{new: {family: \(family), vocabulary_size: 272, \(shape)}}"
        let command = ["train", task.recipe.path, "--algorithm", "ppo", "--set"]
        try await zoo.succeed(command + ["policy=\(new)", "--run-dir", "first"])
        let model = folder.url.appending(path: "first/model")
        let data = try Data(contentsOf: model.appending(path: "config.json"))
        let config = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(config["model_type"] as? String == family)
        // The recipe says nothing of it, whatever the family's published models have.
        if family != "gpt2" { #expect(config["head_dim"] as? Int == 16) }
        if family.hasPrefix("gemma"), family != "gemma" { #expect(config["query_pre_attn_scalar"] as? Double == 16) }
        if family == "granite" { #expect(config["attention_multiplier"] as? Double == 0.25) }
        try await zoo.succeed(command + ["policy={folder: \(model.path)}", "--run-dir", "second"])
        let sampled = try await zoo.succeed(["sample", "second", "--prompt", "a film", "--temperature", "0"])
        #expect(sampled.output.hasPrefix("a film"))
    }

    @Test("keys of another family are refused by name")
    func foreignKeys() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}")
        let ended = try await zoo.start(
            ["train", task.recipe.path, "--run-dir", "run", "--set", "policy={new: {family: gpt2, hidden_size: 32}}"]
        ).end()
        #expect(ended.status != 0)
        #expect(try ended.complaint.contains("hidden_size"))
    }
}
