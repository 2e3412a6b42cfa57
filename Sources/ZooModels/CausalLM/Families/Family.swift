import ZooBase

/// The families of decoder-only transformers that load, by the `model_type` of their `config.json`.
///
/// One network serves all of them. A family is a description (`FamilyTraits`) in a separate file next to this one.
public enum Family: String, Sendable, CaseIterable {
    case llama, smollm3, qwen2, qwen3, mistral, gemma, gemma2
    case gemma3 = "gemma3_text"
    case olmo2, granite, phi3, gpt2

    var traits: FamilyTraits {
        switch self {
        case .llama: .llama
        case .smollm3: .smollm3
        case .qwen2: .qwen2
        case .qwen3: .qwen3
        case .mistral: .mistral
        case .gemma: .gemma
        case .gemma2: .gemma2
        case .gemma3: .gemma3
        case .olmo2: .olmo2
        case .granite: .granite
        case .phi3: .phi3
        case .gpt2: .gpt2
        }
    }

    /// The keys of `config.json` that give a new model its shape.
    public var shapeKeys: [String] {
        let keys = traits.keys
        return [keys.hidden, keys.intermediate, keys.layers, keys.heads, keys.positions, keys.normEps]
            + [keys.kvHeads, keys.headWidth].compactMap { $0 } + (traits.hasRotaryPositions ? ["rope_theta"] : [])
            + ["initializer_range", "tie_word_embeddings"] + traits.options.flatMap(\.keys)
    }

    /// A new model's configuration, with what a recipe means where it is silent and a `config.json` would mean a published model's: the heads
    /// share the width of the model, and their scores are divided by the root of theirs.
    package func completed(_ config: [String: JSONValue]) -> [String: JSONValue] {
        var config = config
        if config["head_dim"] == nil, let hidden = config["hidden_size"]?.number,
            let heads = config["num_attention_heads"]?.number, heads > 0
        {
            config["head_dim"] = .number((hidden / heads).rounded(.down))
        }
        guard let width = config["head_dim"]?.number, width > 0 else { return config }
        let standard = ["query_pre_attn_scalar": width, "attention_multiplier": 1 / width.squareRoot()]
        for (key, value) in standard where config[key] == nil && shapeKeys.contains(key) { config[key] = .number(value) }
        return config
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

        /// What `config.json` may call it.
        var names: Set<String> {
            switch self {
            case .gatedSiLU: ["silu", "swish"]
            case .gatedGELU, .gelu: ["gelu_pytorch_tanh", "gelu_new", "gelu_fast"]
            }
        }
    }

    /// What a norm of queries and keys runs over: each head, or all of them.
    enum QueryKeyNorm: Sendable { case head, whole }

    /// `transformers` names its classes after it: `LlamaForTokenClassification`.
    var className: String
    /// The language model's; nil: `LlamaForCausalLM` and its like.
    var languageModelClass: String?
    var normalization = Normalization.rms
    var activation = Activation.gatedSiLU
    /// Otherwise each position has a vector of its own, which is added to the embedding.
    var hasRotaryPositions = true
    /// Whether the layers with a window may have a rotation of their own.
    var hasLocalRotation = false
    /// Whether positions may turn a part of each head alone.
    var rotatesPart = false
    /// The key by which `rope_scaling` names its kind where `transformers` knows no other.
    var ropeKindKey = "rope_type"
    /// How queries and keys are normalised before they are rotated; nil: not.
    var queryKeyNorm: QueryKeyNorm?
    /// Whether embeddings are multiplied by √hidden.
    var scalesEmbedding = false
    /// Whether fresh matrices that write to the residual stream are divided by √(2 · layers). Radford et al. 2019, section 2.3.
    var scalesFreshResiduals = false
    var biases: CausalLMConfig.Biases = []
    var tensors = TensorNames()
    var keys = ConfigNames()
    var defaults = Defaults()
    /// Keys of `config.json` beyond those that all families share.
    var options: [FamilyOption] = []

    /// The default of `transformers` for keys missing in `config.json`.
    struct Defaults: Sendable {
        var positions = 2048
        var normEps = 1e-6
        /// Nil: hidden / heads.
        var headWidth: Int?
        /// In units of the hidden size; nil if the key is required.
        var intermediate: Int?
        var tieEmbeddings = false
        /// Whether absent tokens mean those of a published model, so that none must be written as null.
        var hasTokens = false
        var ropeTheta = 10_000.0
        /// In layers with a window, where they have a rotation of their own.
        var localRopeTheta = 10_000.0
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
    /// Speaks before `activation`, in which older files have `gelu` where they mean its tanh form.
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
    /// Before attention, and of what attention adds; nil: no such norm.
    var attentionNorm: String? = "input_layernorm"
    var attentionPostNorm: String?
    var qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    var queryNorm = "self_attn.q_norm"
    var keyNorm = "self_attn.k_norm"
    var output = "self_attn.o_proj"
    /// Before the feed-forward, and of what it adds.
    var feedForwardNorm: String? = "post_attention_layernorm"
    var feedForwardPostNorm: String?
    /// Gate and up, apart or in one, or up alone.
    var up = ["mlp.gate_proj", "mlp.up_proj"]
    var down = "mlp.down_proj"
    var finalNorm = "norm"
    /// The layer on top of a token-classification model.
    var valueHead = "score"
    /// Whether matrices are `[in, out]`.
    var areTransposed = false
    /// Endings of tensors in older files that hold constants.
    var constants = ["rotary_emb.inv_freq"]

}
