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
    public var normEps: Double
    /// Which linear layers have a bias.
    public var biases: Biases
    /// How many steps a query sees, its own included; nil for all.
    public var slidingWindow: Int?
    /// The leading layers that the window does not bind.
    public var fullLayers = 0
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

    /// How many steps a query of this layer sees; nil for all.
    func window(layer: Int) -> Int? { layer < fullLayers ? nil : slidingWindow }

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
        guard headWidth % 2 == 0 else {
            throw ModelError(
                "\(file): \(keys.headWidth ?? "the width of a head") is \(headWidth); rotary embeddings need an even number")
        }
        guard ropeTheta > 0, ropeTheta.isFinite, normEps > 0, normEps.isFinite else {
            throw ModelError("\(file): rope_theta (\(ropeTheta)) and \(keys.normEps) (\(normEps)) must be positive")
        }
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
