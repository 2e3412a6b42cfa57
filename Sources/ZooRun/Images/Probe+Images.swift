import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

extension RunServices {
    /// Images that continue from steps of others, `samples` of each, with the same prompts.
    ///
    /// - Parameters:
    ///   - steps: of the batch, all of them the step numbered `step` of their sequence.
    ///   - owners: the sequence of each.
    func goOn(
        with batch: Batch, at steps: [Int], owners: [Int], step: Int, samples: Int, settings: RolloutSettings,
        generator: Generator, _ format: ImageFormat
    ) throws -> Batch {
        let policy = try model.roles.role("policy")
        guard let network = policy.network as? FlowImage, let states = batch.column(ImageColumn.state) else {
            throw ZooError(.internal, "a batch of images has no states")
        }
        let size = format.shape.count
        let pixels = states.floats
        return try generateImages(
            policy, network, prompts: batch.selecting(owners).imagePrompted(), samples: samples, settings: settings,
            start: ImageStart(states: steps.flatMap { pixels[$0 * size..<($0 + 1) * size] }, step: step), generator: generator)
    }
}

extension Batch {
    /// The prompts of a batch of images, as a dataset gives them.
    func imagePrompted() -> Batch {
        prompted([ImageColumn.condition, ImageColumn.reference, "row"])
    }

    /// Its finished images alone, as a dataset gives them, in pairs of neighbours that share times and noise.
    func imagePairs() -> Batch {
        var batch = prompted([ImageColumn.condition, ImageColumn.reference, ImageColumn.guidance, ImageColumn.sample, "row"])
        batch.set(Column(ImageColumn.seed, perStep: false, .i64((0..<sequenceCount).map { Int64($0 / 2) })))
        return batch
    }

    /// Sequences without steps, with some of their columns.
    private func prompted(_ names: [String]) -> Batch {
        Batch(
            offsets: Array(repeating: 0, count: sequenceCount + 1),
            columns: columns.filter { !$0.perStep && names.contains($0.name) })
    }

    /// Whether two batches hold the same samples.
    func hasSamples(of other: Batch) -> Bool {
        tokens == other.tokens && mask == other.mask && column(ImageColumn.sample) == other.column(ImageColumn.sample)
    }
}
