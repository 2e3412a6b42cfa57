import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Images that a flow model denoises step by step; see `zoo/batch.h` for the columns.
package struct ImageModality: Modality {
    let format: ImageFormat
    private var rows: ImageRows

    /// - Parameter seed: with the position in the data it decides times, noise and dropped conditions.
    package init(_ images: RecipeImages, _ stage: Stage, seed: UInt64) {
        format = ImageFormat(images, stage)
        rows = ImageRows(format: format, conditionDrop: stage.score?.conditionDrop ?? 0, seed: seed)
    }

    // MARK: - Rows

    package func prompts(_ rows: [Row]) throws -> Batch { try self.rows.prompts(rows) }
    package func examples(_ rows: [Row], position: Int) throws -> Batch { try self.rows.examples(rows, position: position) }
    package func pairs(_ rows: [Row], position: Int) throws -> Batch { try self.rows.pairs(rows, position: position) }
    package func check(_ dataset: Dataset, _ kind: DataKind) -> RowCounts? { nil }

    package func heldOut(seed: UInt64) -> ImageModality {
        var other = self
        other.rows = ImageRows(format: format, conditionDrop: 0, seed: seed)
        return other
    }

    // MARK: - Networks

    package func sequences(_ batch: Batch) throws -> Sequences { Sequences(try batch.images(format)) }

    /// Each denoising step, and each look at an image, is a pass over all of its patches.
    package func costs(_ batch: Batch) -> [Int]? {
        batch.actionCounts.map { max($0, $0 == 0 ? format.scoring.draws : 0) * format.patches }
    }

    package var outputs: Set<NetworkOutput> { [.logp, .entropy, .score, .klReference] }

    package func info(_ output: NetworkOutput) -> OutputInfo {
        guard [.logp, .entropy, .klReference].contains(output) else { return OutputInfo(perStep: output != .score) }
        return OutputInfo(perStep: true, reduction: ZOO_REDUCTION_MEAN, dimensions: format.shape.count)
    }

    /// The image, its prompt and the seed of its score.
    package func keys(of batch: Batch) -> [[Int32]] {
        let parts = [ImageColumn.sample, ImageColumn.condition, ImageColumn.seed].compactMap(batch.column).map { column in
            (
                width: column.width,
                numbers: column.integers?.map { Int32(truncatingIfNeeded: $0) }
                    ?? column.floats.map { Int32(bitPattern: $0.bitPattern) }
            )
        }
        return (0..<batch.sequenceCount).map { sequence in
            parts.flatMap { $0.numbers[sequence * $0.width..<(sequence + 1) * $0.width] }
        }
    }

    /// Every evaluation of an image draws new times and noise.
    package var repeatsScores: Bool { false }

    package func forward(_ policy: any Network, klTo reference: any Network, _ sequences: Sequences, _ wanted: [NetworkOutput])
        throws
        -> (tensors: [Tensor], referenceFLOPs: Double)?
    {
        guard let images = sequences.images, let policy = policy as? FlowImage, let other = reference as? FlowImage else {
            return nil
        }
        var (tensors, divergence) = try policy.forward(images, wanted.filter { $0 != .klReference }, klTo: other)
        guard let divergence, let place = wanted.firstIndex(of: .klReference) else {
            throw ZooError(.internal, "a divergence was requested but not computed")
        }
        tensors.insert(divergence, at: place)
        return (tensors, other.forwardFLOPs(images, [.logp]))
    }

    // MARK: - Sampling

    /// A sequence of denoising steps each, whose mask is 1 if a step drew something.
    package func generate(
        _ request: SamplingRequest, with network: any Network, generator: Generator, iteration: Int, isCancelled: () -> Bool
    ) throws -> Drawn? {
        guard let network = network as? FlowImage else { return nil }
        let sampler = (request.settings.denoising ?? DenoisingSettings()).sampler(format, iteration: iteration)
        let drawn = try network.generate(
            prompts: request.prompts.imagePrompts(format), shape: format.shape, referenceShape: format.referenceShape,
            samplesPerPrompt: request.samples, settings: sampler, start: request.start, shared: request.shared,
            generator: generator, isCancelled: isCancelled)
        let images = drawn.sequences
        var own = Batch(offsets: images.offsets, mask: images.mask)
        own.set(images)
        return Drawn(
            batch: Batch(offsets: images.offsets, mask: images.mask), logp: drawn.logp,
            finished: Array(repeating: true, count: images.count), columns: own.columns,
            flops: network.generationFLOPs(images), steps: images.stepCount)
    }

    package func prompts(of batch: Batch) -> Batch { batch.prompted([ImageColumn.condition, ImageColumn.reference, "row"]) }

    /// The finished images alone, as a dataset gives them; the two of a pair share times and noise.
    package func pairs(of batch: Batch) -> Batch {
        var pairs = batch.prompted([
            ImageColumn.condition, ImageColumn.reference, ImageColumn.guidance, ImageColumn.sample, "row",
        ])
        pairs.set(Column(ImageColumn.seed, perStep: false, .i64((0..<batch.sequenceCount).map { Int64($0 / 2) })))
        return pairs
    }

    package func place(of step: Int, in steps: Range<Int>, of batch: Batch) -> Int { step - steps.lowerBound }

    package func continuing(
        _ batch: Batch, at states: [(step: Int, sequence: Int)], place: Int, samples: Int, settings: RolloutSettings
    )
        throws -> (request: SamplingRequest, actionsBefore: Int)
    {
        guard let column = batch.column(ImageColumn.state) else { throw ZooError(.internal, "a batch of images has no states") }
        let (size, pixels) = (format.shape.count, column.floats)
        let start = ImageStart(states: states.flatMap { pixels[$0.step * size..<($0.step + 1) * size] }, step: place)
        let prompts = prompts(of: batch.selecting(states.map(\.sequence)))
        return (SamplingRequest(prompts: prompts, samples: samples, settings: settings, start: start), 0)
    }

    // MARK: - Rewards

    package func items(_ batch: Batch, _ row: (Int) -> Row?) throws -> [RewardItem] {
        try zip(batch.finishedImages(format), batch.integers("row")).map { image, id in
            guard let row = row(id), let item = row.image else { throw ZooError(.internal, "row \(id) is not an image") }
            return RewardItem(
                prompt: row.prompt ?? "", completion: "", extras: row.extras,
                image: SampledImage(sample: image, prompt: item.prompt, isLatent: format.isLatent))
        }
    }

    package func reread(_ batch: Batch, _ items: [RewardItem], _ row: (Int) -> Row?, by reader: any Reader) throws -> Batch {
        throw ZooError(.invalidArgument, "the reward model reads text, and the policy makes images")
    }
}

extension Batch {
    /// Sequences without steps, with some of their columns.
    fileprivate func prompted(_ names: [String]) -> Batch {
        Batch(
            offsets: Array(repeating: 0, count: sequenceCount + 1),
            columns: columns.filter { !$0.perStep && names.contains($0.name) })
    }
}

/// An image model reads pixels, whatever its task: there are no files of a tokenizer.
package struct PixelReader: Reader {
    /// Whether a folder holds an image model or an adapter of one.
    package static func reads(_ folder: URL) -> Bool {
        if FlowImage.isPipeline(folder) { return true }
        return AdapterFolder.layout(of: folder) == .diffusers
    }

    package func misreading(by other: any Reader) -> String? { other is PixelReader ? nil : Self.otherKind }
    package func write(to folder: URL) {}
}
