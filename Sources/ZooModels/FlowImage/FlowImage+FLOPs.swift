// Floating-point operations, counted from the shapes; a multiply-add is two. Norms, rotations and activations are left out.
extension FlowImage {
    private func layout(_ batch: ImageSequences) -> TokenLayout {
        TokenLayout(text: conditioning.tokens, canvas: batch.shape.patches, reference: batch.referenceShape?.patches ?? [])
    }

    /// Of one block's attention over one image.
    private func attentionFLOPs(_ layout: TokenLayout) -> Double { Double(4 * layout.count * layout.count * config.width) }

    /// Of one forward pass of one image.
    private func passFLOPs(_ layout: TokenLayout) -> Double {
        let products = transformer.layers(layout).reduce(0) { $0 + Double($1.rows) * $1.projection.rowFLOPs }
        return products + Double(config.layers + config.singleLayers) * attentionFLOPs(layout)
    }

    /// Of the backward pass that follows it beside frozen weights: one product for each of them, for the gradient by its input, from
    /// the first adapter on; two for each of an adapter's, and for attention's.
    private func adapterBackwardFLOPs(_ layout: TokenLayout) -> Double {
        func sum(_ layers: [FluxTransformer.Layer], _ flops: (Projection) -> Double) -> Double {
            layers.reduce(0) { $0 + Double($1.rows) * flops($1.projection) }
        }
        func isAdapted(_ layers: [FluxTransformer.Layer]) -> Bool { layers.contains { $0.projection.adapter != nil } }
        var total = 2 * sum(transformer.layers(layout)) { $0.adapter?.rowFLOPs ?? 0 }
        var flows = isAdapted(transformer.entry(layout))
        for block in transformer.blocks(layout) {
            if flows { total += sum(block.before, \.ownRowFLOPs) }
            flows = flows || isAdapted(block.before)
            if flows { total += 2 * attentionFLOPs(layout) }
            flows = flows || isAdapted(block.after)
            if flows { total += sum(block.after, \.ownRowFLOPs) }
        }
        if flows { total += sum([(transformer.output, layout.canvasCount)], \.ownRowFLOPs) }
        return total
    }

    /// Forward passes of one image that these outputs take, guidance's second one included.
    private func passes(_ batch: ImageSequences, _ outputs: [NetworkOutput]) -> Double {
        let isGuided = !config.guidanceEmbeds && batch.guidance.contains { $0 != 1 }
        var passes = 0
        // Log-probability and divergence come from one velocity; the reference's is charged to the reference.
        if outputs.contains(.logp) || outputs.contains(.klReference) { passes += batch.maskedCount * (isGuided ? 2 : 1) }
        if outputs.contains(.value) { passes += batch.maskedCount }
        if outputs.contains(.score) { passes += batch.count * batch.scoring.draws }
        return Double(passes)
    }

    /// Of one forward pass over these outputs, guidance's second pass included.
    public func forwardFLOPs(_ batch: ImageSequences, _ outputs: [NetworkOutput]) -> Double {
        passes(batch, outputs) * passFLOPs(layout(batch))
    }

    /// Of the backward pass that follows.
    public func backwardFLOPs(_ batch: ImageSequences, _ outputs: [NetworkOutput]) -> Double {
        guard adaptation != nil else { return 2 * forwardFLOPs(batch, outputs) }
        return passes(batch, outputs) * adapterBackwardFLOPs(layout(batch))
    }

    public func backwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        batch.images.map { backwardFLOPs($0, outputs) } ?? 0
    }

    /// Of drawing these images, every step of which was taken.
    public func generationFLOPs(_ drawn: ImageSequences) -> Double {
        let isGuided = !config.guidanceEmbeds && drawn.guidance.contains { $0 != 1 }
        return passFLOPs(layout(drawn)) * Double(drawn.stepCount * (isGuided ? 2 : 1))
    }
}

extension Projection {
    /// Of one row through the weights.
    fileprivate var ownRowFLOPs: Double { Double(2 * weight.whole.count) }
    /// An adapter's included.
    fileprivate var rowFLOPs: Double { ownRowFLOPs + (adapter?.rowFLOPs ?? 0) }
}
