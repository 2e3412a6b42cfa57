import ZooTensor

extension FluxTransformer: Adaptable {
    /// A linear layer and the rows of one example that go through it.
    typealias Layer = (projection: Projection, rows: Int)

    /// Every linear layer, in the order of the parameters.
    func layers(_ layout: TokenLayout) -> [Layer] {
        entry(layout) + blocks(layout).flatMap { $0.before + $0.after } + [(output, layout.canvasCount)]
    }

    /// What comes before the blocks.
    func entry(_ layout: TokenLayout) -> [Layer] {
        let embedders = [timestep, text, guidance].compactMap { $0 }.flatMap { [$0.first, $0.second] }
        return [(imageEmbedder, layout.imageCount), (contextEmbedder, layout.text)] + (embedders + [modulations]).map { ($0, 1) }
    }

    /// The layers of each block, before and after its attention.
    func blocks(_ layout: TokenLayout) -> [(before: [Layer], after: [Layer])] {
        let double = doubleBlocks.map { block -> (before: [Layer], after: [Layer]) in
            let streams = [(block.image, layout.imageCount), (block.text, layout.text)]
            return (
                streams.map { ($0.qkv, $1) },
                streams.flatMap { stream, rows in [stream.out, stream.up, stream.down].map { ($0, rows) } }
            )
        }
        return double + singleBlocks.map { ([($0.fused, layout.count)], [($0.out, layout.count)]) }
    }

    var projections: [Projection] { layers(TokenLayout(text: 1, canvas: [1, 1])).map(\.projection) }

    /// The targets of diffusers' first LoRA script for FLUX, the attention over image tokens; other scripts add the text's
    /// (`add_q_proj`, `to_add_out`, ...) and the feed-forwards.
    var standardTargets: [String] { ["to_q", "to_k", "to_v", "to_out.0"] }
}
