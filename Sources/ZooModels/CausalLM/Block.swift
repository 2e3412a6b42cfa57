import ZooTensor

extension CausalLM {
    /// One transformer layer.
    struct Block {
        let attentionNorm: Norm
        /// Queries, keys and values.
        var qkv: Projection
        /// Norms of each head of the queries and keys, in the families that have them.
        let headNorms: (query: Norm, key: Norm)?
        var output: Projection
        let feedForwardNorm: Norm
        /// Gate and up, or up alone.
        var up: Projection
        var down: Projection
        let activation: FamilyTraits.Activation
        /// How many steps a query sees; nil for all.
        let window: Int?
    }
}

extension CausalLM.Block {
    init(layer: Int, config: CausalLMConfig, store: inout ParameterStore) throws {
        let traits = config.family.traits
        let names = traits.tensors
        let prefix = "\(names.prefix)\(names.layers)\(layer)."
        let hidden = config.hiddenSize
        let queries = config.heads * config.headWidth
        let keys = config.kvHeads * config.headWidth
        let residual = config.initializerRange / (traits.scalesFreshResiduals ? Double(2 * config.layers).squareRoot() : 1)

        func norm(_ name: String, _ width: Int) throws -> Norm {
            try store.takeNorm(prefix + name, width, traits.normalization, eps: config.normEps)
        }
        func projection(
            _ parts: [String], _ rows: [Int], _ columns: Int, _ bias: CausalLMConfig.Biases, deviation: Double
        ) throws -> Projection {
            try store.takeProjection(
                zip(parts, rows).map { (prefix + $0, $1) }, columns: columns, bias: config.biases.contains(bias),
                isTransposed: names.areTransposed, deviation: deviation)
        }

        attentionNorm = try norm(names.attentionNorm, hidden)
        qkv = try projection(
            names.qkv, names.qkv.count == 1 ? [queries + 2 * keys] : [queries, keys, keys], hidden, .queryKeyValue,
            deviation: config.initializerRange)
        headNorms =
            traits.hasQueryKeyNorm
            ? (try norm(names.queryNorm, config.headWidth), try norm(names.keyNorm, config.headWidth)) : nil
        output = try projection([names.output], [hidden], queries, .attentionOutput, deviation: residual)
        feedForwardNorm = try norm(names.feedForwardNorm, hidden)
        up = try projection(
            names.up, names.up.map { _ in config.intermediateSize }, hidden, .feedForward, deviation: config.initializerRange)
        down = try projection([names.down], [hidden], config.intermediateSize, .feedForward, deviation: residual)
        activation = traits.activation
        window = config.window(layer: layer)
    }

    /// Queries, keys and values of x `[n, hidden]`, ready to be rotated: `[n, (heads + 2 kvHeads) · width]`.
    func attentionInput(_ x: Tensor, _ config: CausalLMConfig) -> Tensor {
        let packed = qkv(attentionNorm(x))
        guard let headNorms else { return packed }
        let queries = config.heads * config.headWidth
        let keys = queries + config.kvHeads * config.headWidth
        func normed(_ columns: Range<Int>, _ norm: Norm) -> Tensor {
            norm(packed.narrow(1, columns).reshape([-1, config.headWidth])).reshape([-1, columns.count])
        }
        return .concatenate(
            [
                normed(0..<queries, headNorms.query), normed(queries..<keys, headNorms.key),
                packed.narrow(1, keys..<packed.size(1)),
            ],
            dim: 1)
    }

    /// Everything of a layer that follows attention.
    func finish(_ x: Tensor, attended: Tensor) -> Tensor {
        let x = output(attended, addedTo: x)
        return down(activated(up(feedForwardNorm(x))), addedTo: x)
    }

    private func activated(_ x: Tensor) -> Tensor {
        switch activation {
        case .gatedSiLU: return x.swiGLU()
        case .gatedGELU:
            let width = x.size(1) / 2
            return x.narrow(1, 0..<width).geluTanh() * x.narrow(1, width..<2 * width)
        case .gelu: return x.geluTanh()
        }
    }
}
