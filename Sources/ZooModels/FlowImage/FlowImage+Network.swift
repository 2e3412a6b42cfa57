import ZooTensor

/// As the host sees it: sequences of denoising steps.
extension FlowImage: RecomputingNetwork {
    public var recomputes: Bool {
        get { transformer.recomputes }
        set { transformer.recomputes = newValue }
    }

    /// `klReference` needs the other network: see `forward(_:_:klTo:klScale:)`.
    public func supports(_ output: NetworkOutput) -> Bool {
        switch head {
        case .velocity: output != .value
        case .value: output == .value
        }
    }

    public func copy(trainable: Bool) -> any Network { copied(trainable: trainable) }

    public func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor] {
        try forward(try images(batch), outputs)
    }

    public func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        batch.images.map { forwardFLOPs($0, outputs) } ?? 0
    }

    private func images(_ batch: Sequences) throws -> ImageSequences {
        guard let images = batch.images else { throw ModelError("batch: contains tokens; this network takes images") }
        return images
    }
}
