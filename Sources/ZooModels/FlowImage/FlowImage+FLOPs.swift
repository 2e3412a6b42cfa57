// Floating-point operations, counted from the shapes; a multiply-add is two. Norms, rotations and activations are left out.
extension FlowImage {
    /// Of one forward pass of one image.
    private func passFLOPs(_ batch: ImageSequences) -> Double {
        let width = Double(config.width)
        let layout = TokenLayout(
            text: conditioning.tokens, canvas: batch.shape.patches, reference: batch.referenceShape?.patches ?? [])
        let (text, image, all) = (Double(layout.text), Double(layout.imageCount), Double(layout.count))
        let (layers, single) = (Double(config.layers), Double(config.singleLayers))
        let embedders =
            Double(FluxTransformer.frequencies + config.pooledProjectionDim) * width + 2 * width * width
            + (config.guidanceEmbeds ? Double(FluxTransformer.frequencies) * width + width * width : 0)
        let modulation = width * width * (12 * layers + 3 * single + 2)
        let ends =
            image * Double(config.inChannels) * width + text * Double(config.jointAttentionDim) * width
            + Double(layout.canvasCount) * width * Double(config.inChannels)
        // Both kinds of block hold 12 width² per token: 4 of attention, 8 of the feed-forward.
        let blocks = (layers + single) * (12 * width * width * all + 2 * all * all * width)
        return 2 * (embedders + modulation + ends + blocks)
    }

    /// Of one forward pass over these outputs, guidance's second pass included.
    public func forwardFLOPs(_ batch: ImageSequences, _ outputs: [Output]) -> Double {
        let pass = passFLOPs(batch)
        let isGuided = !config.guidanceEmbeds && batch.guidance.contains { $0 != 1 }
        var passes = 0
        // Log-probability and divergence come from one velocity; the reference's is charged to the reference.
        if outputs.contains(.logp) || outputs.contains(.klReference) { passes += batch.maskedCount * (isGuided ? 2 : 1) }
        if outputs.contains(.value) { passes += batch.maskedCount }
        if outputs.contains(.score) { passes += batch.count * batch.scoring.draws }
        return pass * Double(passes)
    }

    /// Of drawing these images, every step of which was taken.
    public func generationFLOPs(_ drawn: ImageSequences) -> Double {
        let isGuided = !config.guidanceEmbeds && drawn.guidance.contains { $0 != 1 }
        return passFLOPs(drawn) * Double(drawn.stepCount * (isGuided ? 2 : 1))
    }
}
