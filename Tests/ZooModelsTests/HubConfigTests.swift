import Foundation
import Testing
import ZooBase
import ZooModels
import ZooTensor

/// Configurations of models on the Hugging Face hub, with their published values, held against the table of Families/README.md.
/// Lists with a number for each frequency have the published length, not the published numbers.
@Suite("configurations of the hub")
struct HubConfigTests {
    struct Model: Sendable, CustomTestStringConvertible {
        let name: String, json: String
        var testDescription: String { name }
    }

    private static let table = try? String(
        contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/ZooModels/CausalLM/Families/README.md"), encoding: .utf8)

    /// The table's word on a model.
    private func verdict(_ name: String) throws -> String {
        let rows = try #require(Self.table).split(separator: "\n").map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let row = rows.first { $0.count == 3 && ($0[0] == name || $0[0].components(separatedBy: ", ").contains(name)) }
        return try #require(row, "\(name) is not in the table")[2]
    }

    private func config(_ json: String) throws -> CausalLMConfig {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
        return try CausalLMConfig(json: try #require(value.object), file: "config.json")
    }

    @Test(
        "a model that the table lets in is read; a small one of its kind is made, computes, and is read back", arguments: loading)
    func loads(model: Model) throws {
        #expect(try verdict(model.name).hasPrefix("loads"))
        let full = try config(model.json)
        #expect(try config(JSONValue.object(full.json(head: .languageModel)).text()) == full)
        var small = full
        (small.layers, small.hiddenSize, small.intermediateSize, small.vocabularySize) = (2, 16, 24, 29)
        small.heads = 2
        small.kvHeads = full.kvHeads == full.heads ? 2 : 1
        small.headWidth = 8
        small.maxPositions = min(full.maxPositions, 64)
        small.rotatedLayers = full.rotatedLayers.map { Array($0.suffix(2)) }
        small.windowedLayers = full.windowedLayers.map { Array($0.suffix(2)) }
        small.slidingWindow = full.slidingWindow.map { min($0, 3) }
        if case .longRoPE(var long) = full.ropeScaling {
            let count = Int(8 * full.rotatedPart) / 2
            (long.short, long.long) = (Array(long.short.prefix(count)), Array(long.long.prefix(count)))
            small.ropeScaling = .longRoPE(long)
        }
        let network = try CausalLM.initialize(config: small, head: .languageModel, generator: Generator(seed: 1))
        let logp = try network.forward(randomBatch([9, 4], vocabulary: 29), [.logp])[0].floats
        #expect(logp.allSatisfy { $0 < 0 && $0.isFinite })
        #expect(try config(JSONValue.object(small.json(head: .languageModel)).text()) == small)
    }

    @Test("a model that the table refuses is refused by the key that it names", arguments: refused)
    func refuses(model: Model) throws {
        let said = try verdict(model.name)
        let error = #expect(throws: ModelError.self) { try config(model.json) }
        let key = try #require(error?.description.split(separator: " ").dropFirst().first)
        #expect(said.hasPrefix("refused") && said.contains("`\(key)`"), "\(said): \(error?.description ?? "")")
    }

    private static let full = "\"full_attention\"", sliding = "\"sliding_attention\""
    private static let wide = String(repeating: "1.25, ", count: 47) + "2.5"

    static let loading = [
        Model(
            name: "SmolLM2-135M",
            json: """
                {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0,
                 "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041666666666666664,
                 "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192, "mlp_bias": false,
                 "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
                 "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null,
                 "rope_theta": 100000, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
                 "vocab_size": 49152}
                """),
        Model(
            name: "SmolLM3-3B",
            json: """
                {"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": null,
                 "eos_token_id": 128012, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
                 "intermediate_size": 11008,
                 "layer_types": [\(Array(repeating: "\"full_attention\"", count: 36).joined(separator: ","))],
                 "max_position_embeddings": 65536, "max_window_layers": 28, "mlp_bias": false, "model_type": "smollm3",
                 "no_rope_layer_interval": 4, "no_rope_layers": [\(Array(repeating: "1, 1, 1, 0", count: 9).joined(separator: ","))],
                 "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 4, "pad_token_id": 128004,
                 "pretraining_tp": 2, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 5000000.0,
                 "sliding_window": null, "torch_dtype": "bfloat16", "use_cache": false, "use_sliding_window": false,
                 "vocab_size": 128256}
                """),
        Model(
            name: "Qwen2.5-0.5B",
            json: """
                {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151643,
                 "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02, "intermediate_size": 4864,
                 "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2", "num_attention_heads": 14,
                 "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
                 "use_mrope": false, "use_sliding_window": false, "vocab_size": 151936}
                """),
        Model(
            name: "Qwen3-0.6B",
            json: """
                {"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
                 "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02,
                 "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
                 "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
                 "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
                 "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
                 "use_cache": true, "use_sliding_window": false, "vocab_size": 151936}
                """),
        Model(
            name: "Llama-3.2-1B",
            json: """
                {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu",
                 "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072,
                 "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
                 "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
                 "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                  "original_max_position_embeddings": 8192, "rope_type": "llama3"},
                 "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "vocab_size": 128256}
                """),
        Model(
            name: "TinyLlama-1.1B",
            json: """
                {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 1, "eos_token_id": 2,
                 "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 5632,
                 "max_position_embeddings": 2048, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 22,
                 "num_key_value_heads": 4, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
                 "rope_theta": 10000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 32000}
                """),
        Model(
            name: "DeepSeek-Coder-1.3B",
            json: """
                {"architectures": ["LlamaForCausalLM"], "bos_token_id": 32013, "eos_token_id": 32014, "hidden_act": "silu",
                 "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 5504, "max_position_embeddings": 16384,
                 "model_type": "llama", "num_attention_heads": 16, "num_hidden_layers": 24, "num_key_value_heads": 16,
                 "pretraining_tp": 1, "rms_norm_eps": 1e-06, "rope_scaling": {"factor": 4.0, "type": "linear"},
                 "rope_theta": 100000, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
                 "vocab_size": 32256}
                """),
        Model(
            name: "Mistral-7B-v0.1",
            json: """
                {"architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
                 "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768,
                 "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
                 "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false,
                 "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 32000}
                """),
        Model(
            name: "Gemma-2B",
            json: """
                {"architectures": ["GemmaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 2,
                 "eos_token_id": 1, "head_dim": 256, "hidden_act": "gelu", "hidden_activation": null, "hidden_size": 2048,
                 "initializer_range": 0.02, "intermediate_size": 16384, "max_position_embeddings": 8192, "model_type": "gemma",
                 "num_attention_heads": 8, "num_hidden_layers": 18, "num_key_value_heads": 1, "pad_token_id": 0,
                 "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000.0, "torch_dtype": "bfloat16",
                 "use_cache": true, "vocab_size": 256000}
                """),
        Model(
            name: "Gemma-2-2B",
            json: """
                {"architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": 1,
                 "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
                 "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "initializer_range": 0.02,
                 "intermediate_size": 9216, "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8,
                 "num_hidden_layers": 26, "num_key_value_heads": 4, "pad_token_id": 0, "query_pre_attn_scalar": 256,
                 "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "torch_dtype": "float32",
                 "use_cache": true, "vocab_size": 256000}
                """),
        Model(
            name: "Gemma-3-270M",
            json: """
                {"_sliding_window_pattern": 6, "architectures": ["Gemma3ForCausalLM"], "attention_bias": false,
                 "attention_dropout": 0.0, "attn_logit_softcapping": null, "bos_token_id": 2, "eos_token_id": 1,
                 "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 640,
                 "initializer_range": 0.02, "intermediate_size": 2048,
                 "layer_types": [\((1...18).map { $0 % 6 == 0 ? full : sliding }.joined(separator: ","))],
                 "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4,
                 "num_hidden_layers": 18, "num_key_value_heads": 1, "pad_token_id": 0, "query_pre_attn_scalar": 256,
                 "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000.0, "rope_scaling": null, "rope_theta": 1000000.0,
                 "sliding_window": 512, "torch_dtype": "bfloat16", "use_bidirectional_attention": false, "use_cache": true,
                 "vocab_size": 262144}
                """),
        Model(
            name: "Gemma-3-1B",
            json: """
                {"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106],
                 "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
                 "hidden_size": 1152, "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768,
                 "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
                 "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
                 "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6,
                 "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 262144}
                """),
        Model(
            name: "OLMo-2-1B",
            json: """
                {"architectures": ["Olmo2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "eos_token_id": 100257, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
                 "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "olmo2", "num_attention_heads": 16,
                 "num_hidden_layers": 16, "num_key_value_heads": 16, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
                 "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false, "torch_dtype": "float32",
                 "use_cache": false, "vocab_size": 100352}
                """),
        Model(
            name: "Granite-3.0-2B",
            json: """
                {"architectures": ["GraniteForCausalLM"], "attention_bias": false, "attention_dropout": 0.1,
                 "attention_multiplier": 0.015625, "bos_token_id": 0, "embedding_multiplier": 12.0, "eos_token_id": 0,
                 "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192,
                 "logits_scaling": 8.0, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "granite",
                 "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "pad_token_id": 0,
                 "residual_multiplier": 0.22, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
                 "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 49155}
                """),
        Model(
            name: "Phi-3-mini-4k",
            json: """
                {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
                 "embd_pdrop": 0.0, "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
                 "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "phi3", "num_attention_heads": 32,
                 "num_hidden_layers": 32, "num_key_value_heads": 32, "original_max_position_embeddings": 4096,
                 "pad_token_id": 32000, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
                 "sliding_window": 2047, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 32064}
                """),
        Model(
            name: "Phi-3.5-mini",
            json: """
                {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
                 "embd_pdrop": 0.0, "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
                 "intermediate_size": 8192, "max_position_embeddings": 131072, "model_type": "phi3", "num_attention_heads": 32,
                 "num_hidden_layers": 32, "num_key_value_heads": 32, "original_max_position_embeddings": 4096,
                 "pad_token_id": 32000, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05,
                 "rope_scaling": {"long_factor": [\(wide)], "short_factor": [\(wide)], "type": "longrope"},
                 "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": false, "vocab_size": 32064}
                """),
        Model(
            name: "Phi-4-mini",
            json: """
                {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "bos_token_id": 199999, "embd_pdrop": 0.0, "eos_token_id": 199999, "full_attn_mod": 1, "hidden_act": "silu",
                 "hidden_size": 3072, "initializer_range": 0.02, "intermediate_size": 8192, "interpolate_factor": 1,
                 "lm_head_bias": false, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "phi3",
                 "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
                 "original_max_position_embeddings": 4096, "pad_token_id": 199999, "partial_rotary_factor": 0.75,
                 "resid_pdrop": 0.0, "rms_norm_eps": 1e-05,
                 "rope_scaling": {"long_factor": [\(wide)], "short_factor": [\(wide)], "type": "longrope"},
                 "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": true, "vocab_size": 200064}
                """),
        Model(
            name: "GPT-2",
            json: """
                {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
                 "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
                 "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
                 "n_positions": 1024, "resid_pdrop": 0.1, "summary_activation": null, "summary_first_dropout": 0.1,
                 "summary_proj_to_labels": true, "summary_type": "cls_index", "summary_use_proj": true,
                 "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}, "vocab_size": 50257}
                """),
    ]

    private static let llama = #"""
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4
        """#

    static let refused =
        [
            ("Gemma-3-4B", "gemma3"), ("Pythia", "gpt_neox"), ("OPT", "opt"), ("Falcon", "falcon"), ("StableLM-2", "stablelm"),
            ("EXAONE-3.5", "exaone"), ("EXAONE-4", "exaone4"), ("LFM2", "lfm2"), ("gpt-oss", "gpt_oss"),
            ("Qwen3-MoE", "qwen3_moe"), ("Qwen3-Next", "qwen3_next"), ("Granite-4 hybrid", "granitemoehybrid"), ("Phi-2", "phi"),
            ("OLMo-1", "olmo"), ("OLMo-3", "olmo3"), ("Mixtral", "mixtral"), ("DeepSeek-V3", "deepseek_v3"),
            ("Gemma-3n", "gemma3n"), ("Ministral", "ministral"), ("GLM-4", "glm4"),
        ].map { Model(name: $0, json: "{\"model_type\": \"\($1)\"}") } + [
            Model(name: "any in GPTQ, AWQ, bitsandbytes or FP8", json: "{\(llama), \"quantization_config\": {\"bits\": 4}}"),
            Model(
                name: "EmbeddingGemma",
                json: """
                    {"model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 768, "intermediate_size": 1152,
                     "num_hidden_layers": 24, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 256,
                     "use_bidirectional_attention": true}
                    """),
        ]
}
