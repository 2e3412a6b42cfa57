import ZooBase

/// The families of decoder-only transformers that load, by the `model_type` of their `config.json`.
///
/// One network serves all of them. A family is a description (`FamilyTraits`) in a separate file next to this one.
public enum Family: String, Sendable, CaseIterable {
    case llama, qwen2, qwen3, mistral, gemma, gpt2

    var traits: FamilyTraits {
        switch self {
        case .llama: .llama
        case .qwen2: .qwen2
        case .qwen3: .qwen3
        case .mistral: .mistral
        case .gemma: .gemma
        case .gpt2: .gpt2
        }
    }

    /// The keys of `config.json` that give a new model its shape.
    public var shapeKeys: [String] {
        let keys = traits.keys
        return [keys.hidden, keys.intermediate, keys.layers, keys.heads, keys.positions, keys.normEps]
            + [keys.kvHeads, keys.headWidth].compactMap { $0 } + (traits.hasRotaryPositions ? ["rope_theta"] : [])
            + ["initializer_range", "tie_word_embeddings"] + traits.options
    }
}

/// What tells one family from another. The defaults are Llama's.
struct FamilyTraits: Sendable {
    enum Normalization: Sendable { case rms, rmsPlusOne, layer }
    enum Activation: String, Sendable {
        /// silu(gate) · up.
        case gatedSiLU = "silu"
        /// gelu(gate) · up, with gelu's tanh form.
        case gatedGELU = "gelu_pytorch_tanh"
        /// gelu(up) in the same form; there is no gate.
        case gelu = "gelu_new"

        var isGated: Bool { self != .gelu }
    }

    /// `transformers` names its classes after it: `LlamaForTokenClassification`.
    var className: String
    /// The end of the language model's.
    var languageModelSuffix = "ForCausalLM"
    var normalization = Normalization.rms
    var activation = Activation.gatedSiLU
    /// Otherwise each position has a vector of its own, which is added to the embedding.
    var hasRotaryPositions = true
    /// Whether each head of the queries and keys is normalised before it is rotated.
    var hasQueryKeyNorm = false
    /// Whether embeddings are multiplied by √hidden.
    var scalesEmbedding = false
    /// Whether fresh matrices that write to the residual stream are divided by √(2 · layers). Radford et al. 2019, section 2.3.
    var scalesFreshResiduals = false
    var biases: CausalLMConfig.Biases = []
    var tensors = TensorNames()
    var keys = ConfigNames()
    var defaults = Defaults()
    /// Keys of `config.json` beyond those that all families share, which `read` and `write` know.
    var options: [String] = []
    /// Sets what `options` say.
    var read: @Sendable (inout CausalLMConfig, ConfigKeys) throws -> Void = { _, _ in }
    /// The options as `config.json` holds them.
    var write: @Sendable (CausalLMConfig) -> JSONObject = { _ in [:] }

    /// The default of `transformers` for keys missing in `config.json`.
    struct Defaults: Sendable {
        var positions = 2048
        var normEps = 1e-6
        /// Nil: hidden / heads.
        var headWidth: Int?
        /// In units of the hidden size; nil if the key is required.
        var intermediate: Int?
        var tieEmbeddings = false
    }
}

/// The family's name for a key of `config.json`; nil if it has none.
struct ConfigNames: Sendable {
    var hidden = "hidden_size"
    var intermediate = "intermediate_size"
    var layers = "num_hidden_layers"
    var heads = "num_attention_heads"
    var kvHeads: String? = "num_key_value_heads"
    var headWidth: String? = "head_dim"
    var positions = "max_position_embeddings"
    var normEps = "rms_norm_eps"
    var activation = "hidden_act"
    /// Speaks before `activation`, which older files set to something else.
    var newerActivation: String?
}

/// What families call the same tensor on disk.
struct TensorNames: Sendable {
    /// Prefix of every name of the trunk; absent in files of only the trunk.
    var prefix = "model."
    var embedding = "embed_tokens"
    var positions = "wpe"
    /// Before the number of a layer.
    var layers = "layers."
    var attentionNorm = "input_layernorm"
    var qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    var queryNorm = "self_attn.q_norm"
    var keyNorm = "self_attn.k_norm"
    var output = "self_attn.o_proj"
    var feedForwardNorm = "post_attention_layernorm"
    /// Gate and up, or up alone.
    var up = ["mlp.gate_proj", "mlp.up_proj"]
    var down = "mlp.down_proj"
    var finalNorm = "norm"
    /// The layer on top of a token-classification model.
    var valueHead = "score"
    /// Whether matrices are `[in, out]`.
    var areTransposed = false
    /// Endings of tensors in older files that hold constants.
    var constants = ["rotary_emb.inv_freq"]

    /// `tensors` with the trunk's prefix, whether the file has it or not.
    func withPrefix<Value>(_ tensors: [String: Value]) -> [String: Value] {
        if tensors.keys.contains(where: { $0.hasPrefix(prefix) }) { return tensors }
        let heads = ["lm_head.", "score.", valueHead + "."]
        return Dictionary(
            uniqueKeysWithValues: tensors.map { name, value in
                (heads.contains(where: name.hasPrefix) ? name : prefix + name, value)
            })
    }
}
