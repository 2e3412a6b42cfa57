import Foundation
import ZooBase
import ZooTensor

/// What a language model's folder says or holds and is not taken as it stands, in sentences without a full stop.
///
/// Nothing here is a fault: what a network cannot be built from, is refused where it is read.
package enum ModelNotes {
    /// Reads the configuration and the headers of the weights alone. Throws where ``loadNetwork(from:head:device:trainable:generator:pooling:)``
    /// would for either.
    package static func read(_ folder: URL) throws -> [String] {
        let keys = try ConfigKeys.read(folder)
        let config = try CausalLMConfig(json: keys.json, file: keys.file)
        return ofConfig(keys, config) + ofTensors(try Safetensors.readHeaders(in: folder), config.family.traits.tensors)
            + ofGeneration(try GenerationConfig.read(folder))
    }

    private static func ofGeneration(_ config: GenerationConfig?) -> [String] {
        guard let config, !config.unused.isEmpty else { return [] }
        return [
            "generation_config.json asks for \(config.unused.joined(separator: ", ")): not used, a recipe's 'rollout' says how samples "
                + "are drawn"
        ]
    }

    private static func ofConfig(_ keys: ConfigKeys, _ config: CausalLMConfig) -> [String] {
        let traits = config.family.traits
        var notes = dropouts.filter { keys.json[$0]?.number ?? 0 != 0 }.map {
            "\($0) is \((try? keys.json[$0]?.text()) ?? ""): dropout is never applied, and is written as 0"
        }
        if traits.keys.newerActivation.map({ keys.json[$0]?.isNull ?? true }) == true,
            keys.json[traits.keys.activation]?.string == "gelu"
        {
            notes.append(
                "\(traits.keys.activation) is gelu: read as \(traits.activation.rawValue), which these weights were trained with")
        }
        let longest = config.ropeScaling.longest(positions: config.maxPositions)
        switch config.ropeScaling {
        case .dynamic: notes.append("dynamic scaling of positions: sequences of more than \(longest) steps are refused")
        case .longRoPE: notes.append("longrope without its long_factor: sequences of more than \(longest) steps are refused")
        case .none, .linear, .llama3, .yarn: break
        }
        let known = Set(
            config.json(head: .score).keys + traits.options.flatMap { $0.keys + $0.lists } + ConfigKeys.unsupported.map(\.key)
                + dropouts + withoutEffect)
        let unknown = keys.json.keys.filter { !known.contains($0) }.sorted()
        if !unknown.isEmpty {
            notes.append("config.json has keys that are not known here and were passed over: \(unknown.joined(separator: ", "))")
        }
        return notes
    }

    private static func ofTensors(_ tensors: [String: (dtype: DType, shape: [Int])], _ names: TensorNames) -> [String] {
        var notes: [String] = []
        let plain = names.plainNames(tensors.keys)
        let wrapped = plain.filter { $0.value.count < $0.key.count }.sorted { $0.key < $1.key }
        if let first = wrapped.first {
            notes.append("names of wrappers are read without them: \(first.key) as \(first.value)\(more(wrapped.count))")
        }
        let constants = tensors.keys.filter { name in names.constants.contains(where: name.hasSuffix) }.sorted()
        if let first = constants.first {
            notes.append("constants are left out: \(first)\(more(constants.count))")
        }
        let types = Set(tensors.filter { !constants.contains($0.key) }.map { "\($0.value.dtype)" }).subtracting(["float32"])
        if !types.isEmpty {
            let found = types.sorted().joined(separator: " and ")
            notes.append("weights in \(found) are converted to float32, in which they are also written")
        }
        return notes
    }

    private static func more(_ count: Int) -> String { count > 1 ? " and \(count - 1) more" : "" }

    private static let dropouts = [
        "attention_dropout", "hidden_dropout", "resid_dropout", "embedding_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop",
    ]

    /// Keys of `transformers` that do not change what a decoder computes.
    private static let withoutEffect = [
        // What the file is, and how the model was made.
        "_name_or_path", "transformers_version", "auto_map", "custom_pipelines", "name_or_path", "is_llama_config",
        "unsloth_fixed", "unsloth_version", "pretraining_tp", "initializer_factor", "n_ctx", "transformers.js_config",
        // How it runs.
        "use_cache", "torch_dtype", "dtype", "cache_implementation", "attn_implementation", "_attn_implementation",
        "_attn_implementation_autoset", "_flash_attn_2_enabled", "reorder_and_upcast_attn", "gradient_checkpointing",
        "torchscript", "output_attentions", "output_hidden_states", "return_dict", "use_bfloat16", "tf_legacy_loss",
        "chunk_size_feed_forward", "pruned_heads", "is_decoder", "tie_encoder_decoder", "cross_attention_hidden_size",
        // Other tokens and tasks.
        "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params", "sep_token_id",
        "decoder_start_token_id", "tokenizer_class", "prefix", "classifier_dropout", "summary_activation",
        "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj", "pooling",
        // What follows from other keys.
        "hidden_act", "hidden_activation", "rope_scaling", "rope_parameters", "original_max_position_embeddings",
        "max_window_layers", "_sliding_window_pattern", "layer_types", "bos_token_id", "eos_token_id", "pad_token_id",
        // Sampling, which older files have here.
        "do_sample", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "num_beams",
        "num_beam_groups", "diversity_penalty", "num_return_sequences", "no_repeat_ngram_size", "max_length", "min_length",
        "early_stopping", "bad_words_ids", "begin_suppress_tokens", "suppress_tokens", "encoder_no_repeat_ngram_size",
        "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "output_scores",
        "remove_invalid_values", "return_dict_in_generate",
    ]
}
