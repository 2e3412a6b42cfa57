import Foundation

/// The shape of a decoder-only transformer, as Hugging Face's `LlamaConfig` writes it in `config.json`.
public struct CausalLMConfig: Sendable, Equatable {
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var layers: Int
    public var heads: Int
    /// Grouped-query attention where fewer than `heads`.
    public var kvHeads: Int
    /// Width of one head.
    public var headWidth: Int
    /// The longest sequence, in steps.
    public var maxPositions: Int
    public var ropeTheta: Double
    public var rmsNormEps: Double
    /// Whether the output projection is the embedding table.
    public var tieEmbeddings: Bool
    /// Standard deviation of fresh weights.
    public var initializerRange: Double
    public var bosToken: Int32?
    public var eosTokens: [Int32]
    public var padToken: Int32?
    /// How a reward model sums up a sequence.
    public var pooling: Pooling

    public enum Pooling: String, Sendable, CaseIterable {
        /// The mean over the sequence's steps.
        case mean
        /// The last step, as Hugging Face does.
        case last
    }

    public init(
        vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, kvHeads: Int? = nil,
        headWidth: Int? = nil, maxPositions: Int = 2048, ropeTheta: Double = 10_000, rmsNormEps: Double = 1e-5,
        tieEmbeddings: Bool = true, initializerRange: Double = 0.02, bosToken: Int32? = nil, eosTokens: [Int32] = [],
        padToken: Int32? = nil, pooling: Pooling = .mean
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layers = layers
        self.heads = heads
        self.kvHeads = kvHeads ?? heads
        self.headWidth = headWidth ?? hiddenSize / max(1, heads)
        self.maxPositions = maxPositions
        self.ropeTheta = ropeTheta
        self.rmsNormEps = rmsNormEps
        self.tieEmbeddings = tieEmbeddings
        self.initializerRange = initializerRange
        self.bosToken = bosToken
        self.eosTokens = eosTokens
        self.padToken = padToken
        self.pooling = pooling
    }

    /// Reads `config.json`; throws where a key is missing, has the wrong type or asks for what is not built here.
    public init(json: [String: Any], file: String) throws {
        let keys = ConfigKeys(json: json, file: file)
        try keys.require("model_type", is: "llama", hint: "only the Llama layout is read")
        if let activation = try keys.text("hidden_act"), activation != "silu" { throw keys.refuse("hidden_act", "\"silu\"") }
        for key in ["attention_bias", "mlp_bias"] where try keys.flag(key) == true { throw keys.refuse(key, "false") }
        if let shards = try keys.integer("pretraining_tp"), shards != 1 { throw keys.refuse("pretraining_tp", "1") }
        let heads = try keys.size("num_attention_heads")
        let hidden = try keys.size("hidden_size")
        self.init(
            vocabularySize: try keys.size("vocab_size"), hiddenSize: hidden,
            intermediateSize: try keys.size("intermediate_size"), layers: try keys.size("num_hidden_layers"), heads: heads,
            kvHeads: try keys.integer("num_key_value_heads"), headWidth: try keys.integer("head_dim"),
            maxPositions: try keys.integer("max_position_embeddings") ?? 2048, ropeTheta: try keys.ropeTheta(),
            rmsNormEps: try keys.number("rms_norm_eps") ?? 1e-6, tieEmbeddings: try keys.flag("tie_word_embeddings") ?? false,
            initializerRange: try keys.number("initializer_range") ?? 0.02, bosToken: try keys.tokens("bos_token_id").first,
            eosTokens: try keys.tokens("eos_token_id"), padToken: try keys.tokens("pad_token_id").first)
        if let text = try keys.text("pooling") {
            guard let known = Pooling(rawValue: text) else { throw keys.refuse("pooling", "\"mean\" or \"last\"") }
            pooling = known
        } else if let names = json["architectures"] as? [String], names.contains("LlamaForSequenceClassification") {
            pooling = .last
        }
        try validate(file: file)
    }

    /// Throws where the sizes do not fit together.
    public func validate(file: String = "config") throws {
        let sizes = [
            ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
            ("num_hidden_layers", layers), ("num_attention_heads", heads), ("num_key_value_heads", kvHeads),
            ("head_dim", headWidth), ("max_position_embeddings", maxPositions),
        ]
        for (key, size) in sizes where !(1...(1 << 28)).contains(size) {
            throw ModelError("\(file): \(key) is \(size); expected a whole number from 1")
        }
        guard heads % kvHeads == 0 else {
            throw ModelError("\(file): num_key_value_heads (\(kvHeads)) must divide num_attention_heads (\(heads))")
        }
        guard headWidth % 2 == 0 else {
            throw ModelError("\(file): head_dim is \(headWidth); rotary embeddings need an even number")
        }
        guard ropeTheta > 0, rmsNormEps > 0 else {
            throw ModelError("\(file): rope_theta (\(ropeTheta)) and rms_norm_eps (\(rmsNormEps)) must be positive")
        }
    }

    /// What `config.json` holds for a network with this head.
    public func json(head: Head) -> [String: Any] {
        var json: [String: Any] = [
            "model_type": "llama", "vocab_size": vocabularySize, "hidden_size": hiddenSize,
            "intermediate_size": intermediateSize, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kvHeads, "head_dim": headWidth, "max_position_embeddings": maxPositions,
            "rope_theta": ropeTheta, "rms_norm_eps": rmsNormEps, "tie_word_embeddings": tieEmbeddings,
            "initializer_range": initializerRange, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
            "torch_dtype": "float32",
        ]
        json["bos_token_id"] = bosToken.map { Int($0) }
        json["pad_token_id"] = padToken.map { Int($0) }
        switch eosTokens.count {
        case 0: break
        case 1: json["eos_token_id"] = Int(eosTokens[0])
        default: json["eos_token_id"] = eosTokens.map { Int($0) }
        }
        switch head {
        case .languageModel: json["architectures"] = ["LlamaForCausalLM"]
        case .value: json["architectures"] = ["LlamaForTokenClassification"]
        case .score:
            json["architectures"] = ["LlamaForSequenceClassification"]
            json["pooling"] = pooling.rawValue
        }
        if head != .languageModel {
            json["id2label"] = ["0": head.rawValue]
            json["label2id"] = [head.rawValue: 0]
        }
        return json
    }
}
