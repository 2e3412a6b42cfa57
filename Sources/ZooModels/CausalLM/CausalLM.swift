import ZooTensor

/// A decoder-only transformer in Hugging Face's Llama layout: RMSNorm, rotary embeddings, grouped-query attention, SwiGLU.
///
/// Touvron et al. 2023. Steps of all sequences are packed into one matrix `[n_steps, hidden]`, so that no padding is
/// computed outside of attention.
public final class CausalLM: GenerativeNetwork {
    public let config: CausalLMConfig
    public let head: Head
    public let trainable: Bool
    public let parameters: [NamedTensor]
    public var family: String { "causal-lm" }

    let embedding: Tensor
    let blocks: [Block]
    let norm: Tensor
    /// `[vocabulary, hidden]` for a language model, `[1, hidden]` otherwise.
    let headWeight: Tensor
    let headBias: Tensor?
    let rotary: RotaryTable
    /// nil: the network's parameters are all its weights.
    let adaptation: Adaptation?

    /// One transformer layer.
    struct Block {
        let inputNorm: Tensor
        var qkv: Projection
        var o: Projection
        let postNorm: Tensor
        var gateUp: Projection
        var down: Projection

        var projections: [Projection] { [qkv, o, gateUp, down] }

        func mapProjections(_ change: (Projection) throws -> Projection) rethrows -> Block {
            var block = self
            for path in [\Block.qkv, \.o, \.gateUp, \.down] { block[keyPath: path] = try change(block[keyPath: path]) }
            return block
        }
    }

    /// Takes copies of `tensors` (Hugging Face names, any device and element type) as float32 parameters on `device`.
    public init(config: CausalLMConfig, head: Head, tensors: [String: Tensor], device: Device, trainable: Bool) throws {
        try config.validate()
        var store = ParameterStore(tensors: tensors, device: device, trainable: trainable)
        let hidden = config.hiddenSize
        let queries = config.heads * config.headWidth
        let keys = config.kvHeads * config.headWidth
        embedding = try store.take("model.embed_tokens.weight", [config.vocabularySize, hidden])
        blocks = try (0..<config.layers).map { layer in
            let prefix = "model.layers.\(layer)."
            return Block(
                inputNorm: try store.take(prefix + "input_layernorm.weight", [hidden]),
                qkv: try store.takeProjection(
                    [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)].map { (prefix + "self_attn.\($0)", $1) },
                    columns: hidden),
                o: try store.takeProjection([(prefix + "self_attn.o_proj", hidden)], columns: queries),
                postNorm: try store.take(prefix + "post_attention_layernorm.weight", [hidden]),
                gateUp: try store.takeProjection(
                    ["gate_proj", "up_proj"].map { (prefix + "mlp.\($0)", config.intermediateSize) }, columns: hidden),
                down: try store.takeProjection([(prefix + "mlp.down_proj", hidden)], columns: config.intermediateSize))
        }
        norm = try store.take("model.norm.weight", [hidden])
        switch head {
        case .languageModel:
            headWeight =
                config.tieEmbeddings ? embedding : try store.take("lm_head.weight", [config.vocabularySize, hidden])
            headBias = nil
        case .value:
            headWeight = try store.take("score.weight", [1, hidden])
            headBias = try store.take("score.bias", [1])
        case .score:
            headWeight = try store.take("score.weight", [1, hidden])
            headBias = nil
        }
        try store.finish()
        parameters = store.parameters
        rotary = RotaryTable(width: config.headWidth, theta: config.ropeTheta, device: device)
        self.config = config
        self.head = head
        self.trainable = trainable
        adaptation = nil
    }

    /// A network over the weights of another. Its parameters are those of the adapters in `blocks`, and of a head of its own.
    init(
        _ adaptation: Adaptation, blocks: [Block], head: Head, headWeight: Tensor, headBias: Tensor?, parameters: [NamedTensor],
        trainable: Bool
    ) {
        let base = adaptation.base
        (config, embedding, norm, rotary) = (base.config, base.embedding, base.norm, base.rotary)
        (self.blocks, self.head, self.headWeight, self.headBias) = (blocks, head, headWeight, headBias)
        (self.parameters, self.trainable, self.adaptation) = (parameters, trainable, adaptation)
    }

    public var frozen: [NamedTensor] { adaptation?.base.parameters ?? [] }

    public var device: Device { embedding.device }

    public func supports(_ output: Output) -> Bool {
        switch head {
        case .languageModel: output == .logp || output == .entropy || output == .score
        case .value: output == .value
        case .score: output == .score
        }
    }

    public func copy(trainable: Bool) -> any Network { copied(trainable: trainable) }

    func copied(trainable: Bool) -> CausalLM {
        do {
            guard let adaptation else {
                return try CausalLM(config: config, head: head, tensors: tensors, device: device, trainable: trainable)
            }
            return try CausalLM(
                adapting: adaptation.base, named: adaptation.baseName, config: adaptation.config, head: head, tensors: tensors,
                trainable: trainable)
        } catch {
            fatalError("a network cannot be copied: \(error)")
        }
    }

    /// The parameters by name.
    var tensors: [String: Tensor] { Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.tensor) }) }
}

/// cos and sin of position · θ^(-2i/width), grown as longer sequences come. Su et al. 2021, eq. 15.
final class RotaryTable {
    private let width: Int, theta: Double, device: Device
    private var length = 0
    private(set) var cosine: Tensor, sine: Tensor

    init(width: Int, theta: Double, device: Device) {
        self.width = width
        self.theta = theta
        self.device = device
        cosine = .zeros([0, width / 2], device: device)
        sine = cosine
    }

    /// Makes sure that `positions` 0 ..< needed are there.
    func reserve(_ needed: Int) {
        guard needed > length else { return }
        length = max(needed, 2 * length, 64)
        // Frequencies and angles are rounded to single precision where `transformers` rounds them.
        let half = width / 2
        let frequencies = (0..<half).map { 1 / Float(theta).power(Float(2 * $0) / Float(width)) }
        let angles = (0..<length).flatMap { position in frequencies.map { Float(position) * $0 } }
        cosine = Tensor(angles.map(\.cosine), shape: [length, half], device: device)
        sine = Tensor(angles.map(\.sine), shape: [length, half], device: device)
    }
}
