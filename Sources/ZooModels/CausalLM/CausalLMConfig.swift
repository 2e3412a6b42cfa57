/// The shape of a decoder-only transformer, as `config.json` writes it under its family's names.
public struct CausalLMConfig: Sendable, Equatable {
    public var family: Family
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
    public var ropeScaling = RopeScaling.none
    /// The part of each head that positions turn, its first numbers.
    public var rotatedPart = 1.0
    /// The base in the layers that the window binds, whose frequencies are not scaled; nil: as in the other layers.
    public var localRopeTheta: Double?
    /// Whether positions turn queries and keys, layer by layer; nil: in all.
    public var rotatedLayers: [Bool]?
    public var normEps: Double
    /// Which linear layers have a bias.
    public var biases: Biases
    /// How many steps a query sees, its own included; nil for all.
    public var slidingWindow: Int?
    /// The leading layers that the window does not bind.
    public var fullLayers = 0
    /// Whether the window binds, layer by layer; nil: from `fullLayers` on.
    public var windowedLayers: [Bool]?
    public var scales = Scales()
    /// Whether the output projection is the embedding table.
    public var tieEmbeddings: Bool
    /// Standard deviation of fresh weights.
    public var initializerRange: Double
    public var bosToken: Int32?
    public var eosTokens: [Int32]
    /// Fills a batch; a reward model judges a sequence at its last step of another token.
    public var padToken: Int32?
    /// How a reward model sums up a sequence.
    public var pooling = Pooling.last

    public enum Pooling: String, Codable, Sendable, CaseIterable {
        /// The last step, as `transformers`' sequence classification has it.
        case last
        /// The mean over the sequence's steps: that of the logits of `transformers`' token classification.
        case mean
    }

    /// Factors and bounds in places where most families have none.
    public struct Scales: Sendable, Equatable {
        public var embedding = 1.0
        /// Of what a layer adds to the residual stream.
        public var residual = 1.0
        /// What logits are divided by.
        public var logits = 1.0
        /// Of a query's product with a key; nil: 1/√`queryScalar`.
        public var attention: Double?
        /// nil: the width of a head.
        public var queryScalar: Double?
        /// Scores of attention, and logits, z become cap · tanh(z / cap); nil: they stay.
        public var attentionCap: Double?, logitCap: Double?

        public init() {}
    }

    public struct Biases: OptionSet, Sendable {
        public let rawValue: Int
        public static let queryKeyValue = Biases(rawValue: 1)
        public static let attentionOutput = Biases(rawValue: 2)
        public static let feedForward = Biases(rawValue: 4)
        public static let attention: Biases = [.queryKeyValue, .attentionOutput]

        public init(rawValue: Int) { self.rawValue = rawValue }
    }

    public init(
        family: Family = .llama, vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int,
        kvHeads: Int? = nil, headWidth: Int? = nil, maxPositions: Int = 2048, ropeTheta: Double = 10_000,
        normEps: Double = 1e-5, tieEmbeddings: Bool = true, initializerRange: Double = 0.02, bosToken: Int32? = nil,
        eosTokens: [Int32] = [], padToken: Int32? = nil
    ) {
        self.family = family
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layers = layers
        self.heads = heads
        self.kvHeads = kvHeads ?? heads
        self.headWidth = headWidth ?? hiddenSize / max(1, heads)
        self.maxPositions = maxPositions
        self.ropeTheta = ropeTheta
        self.normEps = normEps
        biases = family.traits.biases
        self.tieEmbeddings = tieEmbeddings
        self.initializerRange = initializerRange
        self.bosToken = bosToken
        self.eosTokens = eosTokens
        self.padToken = padToken
    }

    func isWindowed(layer: Int) -> Bool { windowedLayers?[layer] ?? (layer >= fullLayers) }

    /// How many steps a query of this layer sees; nil for all.
    func window(layer: Int) -> Int? { isWindowed(layer: layer) ? slidingWindow : nil }

    /// How many numbers of a head positions turn.
    var rotatedWidth: Int { family.traits.hasRotaryPositions ? Int(Double(headWidth) * rotatedPart) : 0 }

    /// What the rows of the embedding are multiplied by.
    var embeddingScale: Double { family.traits.scalesEmbedding ? Double(hiddenSize).squareRoot() : scales.embedding }

    /// Of a query's product with a key; nil: 1/√headWidth.
    var attentionScale: Double? {
        scales.attention ?? scales.queryScalar.flatMap { $0 == Double(headWidth) ? nil : 1 / $0.squareRoot() }
    }

    /// Throws if the sizes are inconsistent.
    public func validate(file: String = "config") throws {
        let keys = family.traits.keys
        let sizes = [
            ("vocab_size", vocabularySize, 1 << 24), (keys.hidden, hiddenSize, 1 << 20),
            (keys.intermediate, intermediateSize, 1 << 22), (keys.layers, layers, ModelLimits.layers),
            (keys.heads, heads, 1 << 14), (keys.kvHeads ?? keys.heads, kvHeads, 1 << 14),
            (keys.headWidth ?? keys.hidden, headWidth, 1 << 16), (keys.positions, maxPositions, 1 << 28),
            ("sliding_window", slidingWindow ?? 1, 1 << 28),
        ]
        for (key, size, most) in sizes where !(1...most).contains(size) {
            throw ModelError("\(file): \(key) is \(size); expected a whole number from 1 to \(most)")
        }
        guard heads % kvHeads == 0 else {
            throw ModelError("\(file): num_key_value_heads (\(kvHeads)) must divide num_attention_heads (\(heads))")
        }
        guard keys.kvHeads != nil || heads == kvHeads else {
            throw ModelError("\(file): \(family.rawValue) has as many heads of keys (\(kvHeads)) as of queries (\(heads))")
        }
        guard keys.headWidth != nil || heads * headWidth == hiddenSize else {
            throw ModelError("\(file): \(keys.heads) (\(heads)) must divide \(keys.hidden) (\(hiddenSize))")
        }
        guard rotatedPart > 0, rotatedPart <= 1 else {
            throw ModelError("\(file): partial_rotary_factor is \(rotatedPart); expected a number above 0, at most 1")
        }
        guard rotatedWidth % 2 == 0, !family.traits.hasRotaryPositions || rotatedWidth > 0 else {
            let part = rotatedPart == 1 ? "" : ", of which partial_rotary_factor (\(rotatedPart)) leaves \(rotatedWidth)"
            throw ModelError(
                "\(file): \(keys.headWidth ?? "the width of a head") is \(headWidth)\(part); rotary embeddings need an even number"
            )
        }
        if case .longRoPE(let long) = ropeScaling, long.short.count != rotatedWidth / 2 || long.long.count != rotatedWidth / 2 {
            throw ModelError(
                "\(file): short_factor and long_factor have \(long.short.count) and \(long.long.count) numbers; expected "
                    + "\(rotatedWidth / 2), half of what is turned of a head")
        }
        guard ropeTheta > 0, ropeTheta.isFinite, normEps > 0, normEps.isFinite else {
            throw ModelError("\(file): rope_theta (\(ropeTheta)) and \(keys.normEps) (\(normEps)) must be positive")
        }
        guard localRopeTheta ?? 1 > 0, localRopeTheta?.isFinite ?? true else {
            throw ModelError("\(file): rope_local_base_freq is \(localRopeTheta ?? 0); expected a number above 0")
        }
        for (name, layers) in [("no_rope_layers", rotatedLayers), ("layer_types", windowedLayers)] {
            guard let layers, layers.count != self.layers else { continue }
            throw ModelError("\(file): \(name) has \(layers.count) entries; expected one for each of the \(self.layers) layers")
        }
        try scales.validate(file)
        guard initializerRange >= 0, initializerRange.isFinite else {
            throw ModelError("\(file): initializer_range is \(initializerRange); expected a number from 0")
        }
        guard slidingWindow ?? 1 > 0, fullLayers >= 0 else {
            throw ModelError(
                "\(file): sliding_window (\(slidingWindow ?? 0)) and max_window_layers (\(fullLayers)) must be positive")
        }
    }

    /// Numbers in the embedding, the projections and the output, without norms and biases.
    var projectionCount: Double {
        let (hidden, width) = (Double(hiddenSize), Double(headWidth))
        let attention = 2 * hidden * width * Double(heads + kvHeads)
        let feedForward = Double(family.traits.activation.isGated ? 3 : 2) * hidden * Double(intermediateSize)
        let positions = family.traits.hasRotaryPositions ? 0 : Double(maxPositions) * hidden
        return Double(vocabularySize) * hidden * (tieEmbeddings ? 1 : 2) + positions + Double(layers) * (attention + feedForward)
    }
}

extension CausalLMConfig.Scales {
    fileprivate func validate(_ file: String) throws {
        let all = [
            ("embedding_multiplier", embedding), ("residual_multiplier", residual), ("logits_scaling", logits),
            ("attention_multiplier", attention ?? 1), ("query_pre_attn_scalar", queryScalar ?? 1),
            ("attn_logit_softcapping", attentionCap ?? 1), ("final_logit_softcapping", logitCap ?? 1),
        ]
        for (key, value) in all where !(value > 0 && value.isFinite) {
            throw ModelError("\(file): \(key) is \(value); expected a number above 0")
        }
    }
}
