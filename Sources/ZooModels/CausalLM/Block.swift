import ZooTensor

extension CausalLM {
    /// One transformer layer.
    struct Block {
        /// Before attention, and of what attention adds; nil where the family has none there.
        let attentionNorm: Norm?, attentionPostNorm: Norm?
        /// Queries, keys and values.
        var qkv: Projection
        /// Norms of the queries and keys, over each head or over all, in the families that have them.
        let queryKeyNorms: (query: Norm, key: Norm, width: FamilyTraits.QueryKeyNorm)?
        var output: Projection
        /// Before the feed-forward, and of what it adds.
        let feedForwardNorm: Norm?, feedForwardPostNorm: Norm?
        /// Gate and up, or up alone.
        var up: Projection
        var down: Projection
        let activation: FamilyTraits.Activation
        /// How many steps a query sees; nil for all.
        let window: Int?
        let rotary: RotaryTable
        /// Of what the layer adds to the residual stream.
        let residualScale: Double
    }
}

extension CausalLM.Block {
    init(layer: Int, config: CausalLMConfig, rotary: RotaryTable, store: inout ParameterStore) throws {
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
        func norm(_ name: String?) throws -> Norm? { try name.map { try norm($0, hidden) } }
        func projection(
            _ parts: [String], _ rows: [Int], _ columns: Int, _ bias: CausalLMConfig.Biases, deviation: Double
        ) throws -> Projection {
            try store.takeProjection(
                zip(parts, rows).map { (prefix + $0, $1) }, columns: columns, bias: config.biases.contains(bias),
                isTransposed: names.areTransposed, deviation: deviation)
        }

        attentionNorm = try norm(names.attentionNorm)
        qkv = try projection(
            names.qkv, names.qkv.count == 1 ? [queries + 2 * keys] : [queries, keys, keys], hidden, .queryKeyValue,
            deviation: config.initializerRange)
        queryKeyNorms = try traits.queryKeyNorm.map { width in
            let widths = width == .head ? (config.headWidth, config.headWidth) : (queries, keys)
            return (try norm(names.queryNorm, widths.0), try norm(names.keyNorm, widths.1), width)
        }
        output = try projection([names.output], [hidden], queries, .attentionOutput, deviation: residual)
        attentionPostNorm = try norm(names.attentionPostNorm)
        feedForwardNorm = try norm(names.feedForwardNorm)
        activation = traits.activation
        let inner = (activation.isGated ? 2 : 1) * config.intermediateSize / names.up.count
        up = try projection(names.up, names.up.map { _ in inner }, hidden, .feedForward, deviation: config.initializerRange)
        down = try projection([names.down], [hidden], config.intermediateSize, .feedForward, deviation: residual)
        feedForwardPostNorm = try norm(names.feedForwardPostNorm)
        window = config.window(layer: layer)
        residualScale = config.scales.residual
        self.rotary = rotary
    }

    /// Queries, keys and values of x `[n, hidden]`, ready to be rotated: `[n, (heads + 2 kvHeads) · width]`.
    func attentionInput(_ x: Tensor, _ config: CausalLMConfig) -> Tensor {
        let packed = qkv(attentionNorm?(x) ?? x)
        guard let queryKeyNorms else { return packed }
        let queries = config.heads * config.headWidth
        let keys = queries + config.kvHeads * config.headWidth
        func normed(_ columns: Range<Int>, _ norm: Norm) -> Tensor {
            let part = packed.narrow(1, columns)
            guard queryKeyNorms.width == .head else { return norm(part) }
            return norm(part.reshape([-1, config.headWidth])).reshape([-1, columns.count])
        }
        return .concatenate(
            [
                normed(0..<queries, queryKeyNorms.query), normed(queries..<keys, queryKeyNorms.key),
                packed.narrow(1, keys..<packed.size(1)),
            ],
            dim: 1)
    }

    /// The whole layer; what follows attention on the packed rows `rows` alone (nil: all).
    func callAsFunction(_ x: Tensor, _ plan: AttentionPlan, rows: Tensor?, _ config: CausalLMConfig) -> Tensor {
        let attended = plan.attend(attentionInput(x, config), self, config)
        guard let rows else { return finish(x, attended: attended) }
        return finish(x.distinctRows(rows), attended: attended.distinctRows(rows))
    }

    /// Everything of a layer that follows attention.
    func finish(_ x: Tensor, attended: Tensor) -> Tensor {
        let x = adding(output, attended, attentionPostNorm, to: x)
        return adding(down, activated(up(feedForwardNorm?(x) ?? x)), feedForwardPostNorm, to: x)
    }

    private func adding(_ layer: Projection, _ input: Tensor, _ norm: Norm?, to x: Tensor) -> Tensor {
        if norm == nil, residualScale == 1 { return layer(input, addedTo: x) }
        let output = layer(input)
        let added = norm?(output) ?? output
        return residualScale == 1 ? x + added : x + added * residualScale
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
