import Foundation
import ZooTensor

/// What the transformer reads, `n` examples of equal shapes.
public struct FluxInput {
    /// Packed canvas tokens followed by reference tokens, `[n · (canvas + reference), inChannels]`.
    public var image: Tensor
    /// `[n · text, jointAttentionDim]`.
    public var prompt: Tensor
    /// `[n, pooledProjectionDim]`.
    public var pooled: Tensor
    /// `[n]`, from 0 to 1.
    public var timestep: [Float]
    /// `[n]`; read where the network has a guidance embedder.
    public var guidance: [Float]
    public var layout: TokenLayout

    public init(image: Tensor, prompt: Tensor, pooled: Tensor, timestep: [Float], guidance: [Float] = [], layout: TokenLayout) {
        self.image = image
        self.prompt = prompt
        self.pooled = pooled
        self.timestep = timestep
        self.guidance = guidance
        self.layout = layout
    }

    var count: Int { timestep.count }
}

extension FluxTransformer {
    /// The velocity of each canvas token, `[n · canvas, inChannels]`.
    public func callAsFunction(_ input: FluxInput) -> Tensor { output.byRow(states(input)) }

    /// The canvas tokens' states after the last norm, `[n · canvas, width]`.
    func states(_ input: FluxInput) -> Tensor {
        let width = config.width
        let (layout, batch) = (input.layout, input.count)
        var conditioning = timestep(frequencies(input.timestep)) + text(input.pooled)
        if let guidance { conditioning = conditioning + guidance(frequencies(input.guidance)) }
        let sizes =
            [Int](repeating: 6 * width, count: 2 * config.layers) + [Int](repeating: 3 * width, count: config.singleLayers)
        let modulation = modulations.byRow(conditioning.siluByRow()).splitColumns(sizes + [2 * width])

        let run = Run(
            heads: config.heads, width: width, batch: batch, layout: layout, angles: angles(layout))
        var image = imageEmbedder.byRow(input.image)
        var prompt = contextEmbedder.byRow(input.prompt)
        for (index, block) in doubleBlocks.enumerated() {
            let inputs = [image, prompt, modulation[2 * index], modulation[2 * index + 1]]
            let outputs = kept(inputs, count: 2) { run.double(block, $0[0], $0[1], $0[2], $0[3]) }
            (image, prompt) = (outputs[0], outputs[1])
        }
        var joint = Tensor.concatenate(
            [prompt.reshape([batch, layout.text, width]), image.reshape([batch, layout.imageCount, width])], dim: 1
        ).reshape([batch * layout.count, width])
        for (index, block) in singleBlocks.enumerated() {
            joint = kept([joint, modulation[2 * config.layers + index]], count: 1) { [run.single(block, $0[0], $0[1])] }[0]
        }
        let canvas = run.places(joint, layout.text..<layout.text + layout.canvasCount)
        // Here, unlike in the blocks, the scale comes first.
        return canvas.modulatedNorm(modulation[modulation.count - 1], shift: width, scale: 0)
    }

    /// What a block gives; where it is recomputed, only its inputs are kept for the backward pass.
    private func kept(_ inputs: [Tensor], count: Int, _ block: @escaping ([Tensor]) -> [Tensor]) -> [Tensor] {
        recomputes ? recomputed(inputs, count: count, block) : block(inputs)
    }

    /// cos and sin of 1000 t · 10000^(-i/128), `[n, 256]`, rounded to single precision where diffusers rounds.
    private func frequencies(_ times: [Float]) -> Tensor {
        let half = Self.frequencies / 2
        let base = Float(log(10_000.0))
        let scales: [Float] = (0..<half).map { exp(-base * Float($0) / Float(half)) }
        var values: [Float] = []
        for time in times {
            let angles: [Float] = scales.map { time * 1000 * $0 }
            values += angles.map { cos($0) }
            values += angles.map { sin($0) }
        }
        return Tensor(values, shape: [times.count, Self.frequencies], device: device)
    }
}

/// One forward pass through the blocks.
private struct Run {
    let heads: Int, width: Int, batch: Int
    let layout: TokenLayout
    let angles: (cosine: Tensor, sine: Tensor)

    /// A modulation's columns are shift, scale and gate of attention, then of the feed-forward.
    func double(
        _ block: FluxTransformer.DoubleBlock, _ image: Tensor, _ prompt: Tensor, _ m: Tensor, _ c: Tensor
    ) -> [Tensor] {
        let (q, k, v, _) = AttentionStream.heads(
            [projected(block.text, prompt, c), projected(block.image, image, m)], cosine: angles.cosine, sine: angles.sine,
            batch: batch, heads: heads)
        let attended = q.attention(k, v)
        let text = places(attended, 0..<layout.text)
        let pixels = places(attended, layout.text..<layout.count)
        return [finish(block.image, image, pixels, m), finish(block.text, prompt, text, c)]
    }

    private func projected(_ stream: FluxTransformer.Stream, _ x: Tensor, _ modulation: Tensor) -> AttentionStream {
        AttentionStream(
            rows: stream.qkv.byRow(x.modulatedNorm(modulation, shift: 0, scale: width)), queryNorm: stream.queryNorm,
            keyNorm: stream.keyNorm)
    }

    private func finish(_ stream: FluxTransformer.Stream, _ x: Tensor, _ attended: Tensor, _ modulation: Tensor) -> Tensor {
        let x = x.gatedAdd(stream.out.byRow(attended), modulation, gate: 2 * width)
        let hidden = stream.up.byRow(x.modulatedNorm(modulation, shift: 3 * width, scale: 4 * width)).geluTanh()
        return x.gatedAdd(stream.down.byRow(hidden), modulation, gate: 5 * width)
    }

    func single(_ block: FluxTransformer.SingleBlock, _ x: Tensor, _ modulation: Tensor) -> Tensor {
        let rows = block.fused.byRow(x.modulatedNorm(modulation, shift: 0, scale: width))
        let (q, k, v, hidden) = AttentionStream.heads(
            [AttentionStream(rows: rows, queryNorm: block.queryNorm, keyNorm: block.keyNorm)], cosine: angles.cosine,
            sine: angles.sine, batch: batch, heads: heads, withRest: true)
        guard let hidden else { fatalError("a single block has no feed-forward") }
        // [attention | feed-forward] · outᵀ without putting the two side by side.
        let out = block.out.weight.whole
        let forward = hidden.withEnoughRows { $0.linear(out.narrow(1, width..<5 * width), bias: block.out.bias?.whole) }
        let attention = q.attention(k, v)
        var output = forward + attention.withEnoughRows { $0.linear(out.narrow(1, 0..<width)) }
        if let adapter = block.out.adapter {
            output = Tensor.withEnoughRows([output, .concatenate([attention, hidden], dim: 1)]) {
                adapter.added(to: $0[0], $0[1])
            }
        }
        return x.gatedAdd(output, modulation, gate: 2 * width)
    }

    /// The rows of some places of each example.
    func places(_ rows: Tensor, _ range: Range<Int>) -> Tensor {
        if range.count == layout.count { return rows }
        return rows.reshape([batch, layout.count, width]).narrow(1, range).reshape([batch * range.count, width])
    }
}
