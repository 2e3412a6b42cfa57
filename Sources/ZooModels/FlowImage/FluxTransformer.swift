import Foundation
import ZooTensor

/// The transformer of FLUX.1, diffusers' `FluxTransformer2DModel`, with Kontext's reference tokens.
///
/// Double blocks keep separate weights for text and image and attend jointly; single blocks run over both. All tensors of one
/// batch have equal shapes; tokens are packed into rows `[batch · length, width]`.
public final class FluxTransformer {
    public let config: FluxConfig
    /// Its own; beside weights that others share, those of its adapters alone.
    public let parameters: [NamedTensor]

    let imageEmbedder: Projection, contextEmbedder: Projection
    let timestep: Embedder, text: Embedder, guidance: Embedder?
    /// Of every block and of the last norm, so that one product serves all.
    let modulations: Projection
    let doubleBlocks: [DoubleBlock]
    let singleBlocks: [SingleBlock]
    let output: Projection
    /// Whether the blocks keep only their inputs for the backward pass.
    var recomputes = false
    private var angles: [TokenLayout: (cosine: Tensor, sine: Tensor)] = [:]

    /// Two linear layers with SiLU between.
    struct Embedder {
        let first: Projection, second: Projection

        func callAsFunction(_ x: Tensor) -> Tensor { second.byRow(first.byRow(x).siluByRow()) }
    }

    /// The weights of one stream of a double block.
    struct Stream {
        var qkv: Projection, queryNorm: Tensor, keyNorm: Tensor, out: Projection, up: Projection, down: Projection
    }

    struct DoubleBlock {
        let image: Stream, text: Stream
    }

    struct SingleBlock {
        /// Queries, keys, values and the feed-forward's input.
        var fused: Projection
        let queryNorm: Tensor, keyNorm: Tensor
        /// `[width, width + 4 width]`: attention's columns first.
        var out: Projection
    }

    /// Takes copies of `tensors` (diffusers' names) as parameters on `device`, in float32 unless they are frozen matrices.
    public init(
        config: FluxConfig, tensors: [String: Tensor], device: Device, trainable: Bool, frozenType: DType = .float32
    ) throws {
        try config.validate()
        var store = ParameterStore(tensors: tensors, device: device, trainable: trainable, frozenType: frozenType)
        let width = config.width
        imageEmbedder = try store.takeLinear("x_embedder", width, config.inChannels)
        contextEmbedder = try store.takeLinear("context_embedder", width, config.jointAttentionDim)
        func embedder(_ name: String, _ input: Int) throws -> Embedder {
            Embedder(
                first: try store.takeLinear("time_text_embed.\(name).linear_1", width, input),
                second: try store.takeLinear("time_text_embed.\(name).linear_2", width, width))
        }
        timestep = try embedder("timestep_embedder", Self.frequencies)
        text = try embedder("text_embedder", config.pooledProjectionDim)
        guidance = config.guidanceEmbeds ? try embedder("guidance_embedder", Self.frequencies) : nil
        modulations = try store.takeLinear(Self.modulationLayers(config), width)
        doubleBlocks = try (0..<config.layers).map { try Self.doubleBlock(&store, "transformer_blocks.\($0).", config) }
        singleBlocks = try (0..<config.singleLayers).map { index in
            let prefix = "single_transformer_blocks.\(index)."
            return SingleBlock(
                fused: try store.takeLinear(
                    ["attn.to_q", "attn.to_k", "attn.to_v"].map { (prefix + $0, width) } + [(prefix + "proj_mlp", 4 * width)],
                    width),
                queryNorm: try store.take(prefix + "attn.norm_q.weight", [config.headWidth]),
                keyNorm: try store.take(prefix + "attn.norm_k.weight", [config.headWidth]),
                out: try store.takeLinear(prefix + "proj_out", width, 5 * width))
        }
        output = try store.takeLinear("proj_out", config.inChannels, width)
        try store.finish()
        parameters = store.parameters
        self.config = config
    }

    /// The weights of `base`, shared, and beside those of `modules` adapters from `store`.
    init(adapting base: FluxTransformer, plan: AdapterPlan, store: inout ParameterStore) throws {
        func adapted(_ projection: Projection) throws -> Projection {
            try store.adapted(projection, plan: plan, layout: .diffusers)
        }
        func embedder(_ embedder: Embedder) throws -> Embedder {
            Embedder(first: try adapted(embedder.first), second: try adapted(embedder.second))
        }
        func stream(_ stream: Stream) throws -> Stream {
            var stream = stream
            for path in [\Stream.qkv, \.out, \.up, \.down] { stream[keyPath: path] = try adapted(stream[keyPath: path]) }
            return stream
        }
        config = base.config
        imageEmbedder = try adapted(base.imageEmbedder)
        contextEmbedder = try adapted(base.contextEmbedder)
        timestep = try embedder(base.timestep)
        text = try embedder(base.text)
        guidance = try base.guidance.map(embedder)
        modulations = try adapted(base.modulations)
        doubleBlocks = try base.doubleBlocks.map { DoubleBlock(image: try stream($0.image), text: try stream($0.text)) }
        singleBlocks = try base.singleBlocks.map { block in
            var block = block
            (block.fused, block.out) = (try adapted(block.fused), try adapted(block.out))
            return block
        }
        output = try adapted(base.output)
        try store.finish()
        parameters = store.parameters
    }

    public var device: Device { imageEmbedder.weight.whole.device }

    /// Sines and cosines that a timestep is given as.
    static let frequencies = 256

    private static func modulationLayers(_ config: FluxConfig) -> [(name: String, rows: Int)] {
        let width = config.width
        var layers: [(name: String, rows: Int)] = []
        for index in 0..<config.layers {
            for name in ["norm1", "norm1_context"] { layers.append(("transformer_blocks.\(index).\(name).linear", 6 * width)) }
        }
        for index in 0..<config.singleLayers {
            layers.append(("single_transformer_blocks.\(index).norm.linear", 3 * width))
        }
        return layers + [("norm_out.linear", 2 * width)]
    }

    private static func doubleBlock(_ store: inout ParameterStore, _ prefix: String, _ config: FluxConfig) throws -> DoubleBlock {
        func stream(_ qkv: [String], _ norms: [String], _ out: String, _ feedForward: String) throws -> Stream {
            let width = config.width
            return Stream(
                qkv: try store.takeLinear(qkv.map { (prefix + "attn." + $0, width) }, width),
                queryNorm: try store.take(prefix + "attn.\(norms[0]).weight", [config.headWidth]),
                keyNorm: try store.take(prefix + "attn.\(norms[1]).weight", [config.headWidth]),
                out: try store.takeLinear(prefix + "attn." + out, width, width),
                up: try store.takeLinear(prefix + feedForward + ".net.0.proj", 4 * width, width),
                down: try store.takeLinear(prefix + feedForward + ".net.2", width, 4 * width))
        }
        return DoubleBlock(
            image: try stream(["to_q", "to_k", "to_v"], ["norm_q", "norm_k"], "to_out.0", "ff"),
            text: try stream(
                ["add_q_proj", "add_k_proj", "add_v_proj"], ["norm_added_q", "norm_added_k"], "to_add_out", "ff_context"))
    }

    /// The angles of a layout, made once.
    func angles(_ layout: TokenLayout) -> (cosine: Tensor, sine: Tensor) {
        if let known = angles[layout] { return known }
        let made = layout.angles(axes: config.axesDimsRope, device: device)
        angles[layout] = made
        return made
    }
}

extension ParameterStore {
    /// Linear layers of one input, with biases, as one product.
    fileprivate mutating func takeLinear(_ parts: [(name: String, rows: Int)], _ columns: Int) throws -> Projection {
        try takeProjection(parts, columns: columns, bias: true, isTransposed: false, deviation: 0)
    }

    fileprivate mutating func takeLinear(_ name: String, _ rows: Int, _ columns: Int) throws -> Projection {
        try takeLinear([(name, rows)], columns)
    }
}

/// Which tokens a forward pass runs over: text, then the canvas, then the reference.
public struct TokenLayout: Hashable, Sendable {
    public var text: Int
    /// Rows and columns of packed tokens.
    public var canvas: [Int]
    /// Empty if there is no reference.
    public var reference: [Int]

    public init(text: Int, canvas: [Int], reference: [Int] = []) {
        self.text = text
        self.canvas = canvas
        self.reference = reference
    }

    var canvasCount: Int { canvas.reduce(1, *) }
    var referenceCount: Int { reference.isEmpty ? 0 : reference.reduce(1, *) }
    var imageCount: Int { canvasCount + referenceCount }
    var count: Int { text + imageCount }

    /// cos and sin `[count, Σ axes / 2]` of position · 10000^(-2i/width) for each axis; the first axis is 1 on a reference.
    func angles(axes: [Int], device: Device) -> (cosine: Tensor, sine: Tensor) {
        var places = [[Int]](repeating: [0, 0, 0], count: text)
        for row in 0..<canvas[0] { for column in 0..<canvas[1] { places.append([0, row, column]) } }
        if !reference.isEmpty {
            for row in 0..<reference[0] { for column in 0..<reference[1] { places.append([1, row, column]) } }
        }
        var angles: [Double] = []
        for place in places {
            for (position, width) in zip(place, axes) {
                for pair in 0..<width / 2 {
                    angles.append(Double(position) / pow(10_000, Double(2 * pair) / Double(width)))
                }
            }
        }
        let shape = [places.count, axes.reduce(0, +) / 2]
        return (
            Tensor(angles.map { Float(cos($0)) } as [Float], shape: shape, device: device),
            Tensor(angles.map { Float(sin($0)) } as [Float], shape: shape, device: device)
        )
    }
}
