import ZooTensor

/// A decoder-only transformer in Hugging Face's layout, of one of the families in `Families/`.
///
/// Steps of all sequences are packed into one matrix `[n_steps, hidden]`, so that no padding is computed outside of attention.
public final class CausalLM: GenerativeNetwork, RecomputingNetwork {
    public let config: CausalLMConfig
    public let head: Head
    public let trainable: Bool
    public let parameters: [NamedTensor]
    public var family: String { "causal-lm" }
    /// The folder's `generation_config.json`, if it had one.
    public internal(set) var generation: GenerationConfig?
    public var recomputes = false
    /// Whether the products of blocks and attention are of numbers in bfloat16: of copies of the weights, which stay in float32 themselves.
    public var passesInHalf = false {
        didSet { for projection in blocks.flatMap(\.projections) { projection.half.isUsed = passesInHalf } }
    }
    /// New tokens of a sample after which those of all are read, which waits for the device: 1 on a CPU, where nothing is waited for and
    /// rows that have ended are dropped at once, else 8. Beyond the rounding of products of other sizes, no sample depends on it.
    package lazy var tokensPerRead = device == .cpu ? 1 : 8

    /// What lies before and after the blocks, with the adapters of both.
    let ends: Ends
    var embedding: Tensor { ends.embedding }
    /// A vector for each position, `[maxPositions, hidden]`, in the families that learn them.
    let positionEmbedding: Tensor?
    let blocks: [Block]
    let norm: Norm
    var headWeight: Tensor { ends.headWeight }
    var headBias: Tensor? { ends.headBias }
    /// nil: the network's parameters are all its weights.
    let adaptation: Adaptation<CausalLM>?

    /// Takes copies of `tensors` (Hugging Face names, any device and floating-point type) as float32 parameters on `device`.
    public convenience init(
        config: CausalLMConfig, head: Head, tensors: [String: Tensor], device: Device, trainable: Bool
    ) throws {
        var store = ParameterStore(tensors: tensors, device: device, trainable: trainable)
        try self.init(config: config, head: head, store: &store, trainable: trainable, device: device)
    }

    init(config: CausalLMConfig, head: Head, store: inout ParameterStore, trainable: Bool, device: Device) throws {
        try config.validate()
        let traits = config.family.traits
        let names = traits.tensors
        let hidden = config.hiddenSize
        let normal = ParameterStore.Fill.normal(deviation: config.initializerRange)
        let embedding = try store.take("\(names.prefix)\(names.embedding).weight", [config.vocabularySize, hidden], fill: normal)
        positionEmbedding =
            traits.hasRotaryPositions
            ? nil : try store.take("\(names.prefix)\(names.positions).weight", [config.maxPositions, hidden], fill: normal)
        var blocks: [Block] = []
        for (layer, rotary) in RotaryTable.ofLayers(config, device: device).enumerated() {
            blocks.append(try Block(layer: layer, config: config, rotary: rotary, store: &store))
        }
        self.blocks = blocks
        norm = try store.takeNorm(names.prefix + names.finalNorm, hidden, traits.normalization, eps: config.normEps)
        let headWeight: Tensor
        var headBias: Tensor?
        switch head {
        case .languageModel:
            headWeight =
                config.tieEmbeddings
                ? embedding : try store.take("lm_head.weight", [config.vocabularySize, hidden], fill: normal)
        case .value:
            headWeight = try store.take(names.valueHead + ".weight", [1, hidden])
            headBias = try store.take(names.valueHead + ".bias", [1])
        case .score:
            // Stiennon et al. 2020, appendix B.1: a reward head starts at N(0, 1 / (d + 1)).
            let deviation = 1 / Double(hidden + 1).squareRoot()
            headWeight = try store.take(config.scoreHead + ".weight", [1, hidden], fill: .normal(deviation: deviation))
        }
        ends = Ends(embedding: embedding, headWeight: headWeight, headBias: headBias)
        try store.finish(constants: names.constants)
        parameters = store.parameters
        self.config = config
        self.head = head
        self.trainable = trainable
        adaptation = nil
    }

    /// A network over the weights of another. Its parameters are those of the adapters in `blocks` and `ends`, and weights of its own in `ends`.
    init(
        _ adaptation: Adaptation<CausalLM>, blocks: [Block], ends: Ends, head: Head, parameters: [NamedTensor], trainable: Bool
    ) {
        let base = adaptation.base
        (config, generation, norm) = (base.config, base.generation, base.norm)
        positionEmbedding = base.positionEmbedding
        (self.blocks, self.ends, self.head) = (blocks, ends, head)
        (self.parameters, self.trainable, self.adaptation) = (parameters, trainable, adaptation)
    }

    /// A reward model of zeros on the trunk of a frozen language model, whose weights it shares: a base for an adapter that brings the head.
    package init(scoring base: CausalLM) {
        let head = Tensor.zeros([1, base.config.hiddenSize], device: base.device)
        (config, generation, norm, blocks) = (base.config, base.generation, base.norm, base.blocks)
        positionEmbedding = base.positionEmbedding
        ends = Ends(embedding: base.embedding, headWeight: head, headBias: nil)
        parameters = base.parameters + [NamedTensor(base.config.scoreHead + ".weight", head)]
        (self.head, trainable, adaptation) = (.score, false, nil)
    }

    public var copyBytes: Int { blocks.flatMap(\.projections).reduce(0) { $0 + $1.half.bytes } }

    public var frozen: [NamedTensor] { adaptation?.base.parameters ?? [] }

    /// The residual stream's first rows for `tokens` [n] at `positions` [n], `[n, hidden]`.
    func embed(_ tokens: Tensor, positions: @autoclosure () -> Tensor) -> Tensor {
        var x = embedding.embedding(tokens)
        if let adapter = ends.tableAdapter { x = x + adapter(tokens) }
        if config.embeddingScale != 1 { x = x * config.embeddingScale }
        return positionEmbedding.map { x + $0.embedding(positions()) } ?? x
    }

    /// What the output projection of a language model reads, from the trunk's output after its last norm.
    func outputStates(_ x: Tensor) -> Tensor { config.scales.logits == 1 ? x : x / config.scales.logits }

    /// The logits of the trunk's output before its last norm.
    func logits(_ x: Tensor) -> Tensor {
        let states = outputStates(norm(x))
        let plain = states.linear(headWeight)
        let logits = ends.outputAdapter?.added(to: plain, states) ?? plain
        return config.scales.logitCap.map { (logits / $0).tanh() * $0 } ?? logits
    }

    public var device: Device { embedding.device }

    public func supports(_ output: NetworkOutput) -> Bool {
        switch head {
        case .languageModel: output == .logp || output == .entropy || output == .score
        case .value: output == .value
        case .score: output == .score
        }
    }

    public func copy(trainable: Bool) -> any Network { copied(trainable: trainable) }

    func copied(trainable: Bool) -> CausalLM {
        do {
            if let adaptation {
                return try CausalLM(
                    adapting: adaptation.base, named: adaptation.baseName, config: adaptation.config, head: head,
                    tensors: tensors, trainable: trainable)
            }
            let copy = try CausalLM(config: config, head: head, tensors: tensors, device: device, trainable: trainable)
            copy.generation = generation
            copy.passesInHalf = passesInHalf
            return copy
        } catch {
            fatalError("a network cannot be copied: \(error)")
        }
    }

    /// The parameters by name.
    var tensors: [String: Tensor] { Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.tensor) }) }
}
