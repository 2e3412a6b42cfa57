import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// What every batch of images of a stage has in common.
package struct ImageFormat: Sendable {
    package var shape: ImageShape
    package var referenceShape: ImageShape?
    /// Condition ids of an image.
    var kinds: Int
    var noise: StepNoise
    var scoring: ImageSequences.Scoring
    /// What the network reads as its guidance where an image is scored.
    var guidance: Double
    /// Tokens of a prompt.
    private var promptTokens: Int
    /// Whether images are still to be decoded.
    package var isLatent: Bool
    /// Tokens of one pass over an image.
    var patches: Int {
        (shape.height * shape.width + (referenceShape.map { $0.height * $0.width } ?? 0)) / 4 + promptTokens
    }

    package init(_ images: RecipeImages, _ stage: Stage? = nil) {
        let denoising = stage?.rollout.denoising ?? DenoisingSettings()
        let score = stage?.score ?? ImageScoring()
        shape = images.shape
        referenceShape = images.referenceShape
        kinds = images.kinds
        promptTokens = images.promptTokens
        isLatent = images.stored != nil
        guidance = score.guidance
        noise = denoising.noise == .danceGRPO ? .constant : .flowGRPO
        scoring = ImageSequences.Scoring(
            draws: score.draws,
            times: score.times == .uniform ? .uniform : .logitNormal(mean: score.mean, width: score.width),
            reduction: score.reduction == .mean ? .mean : .sum)
    }

    package func image(_ pixels: [Float]) -> PixelImage {
        PixelImage(channels: shape.channels, height: shape.height, width: shape.width, pixels: pixels)
    }
}

/// The columns that carry images; see `zoo/batch.h`.
enum ImageColumn {
    static let state = "state"
    static let sigma = "sigma"
    static let sigmaNext = "sigma_next"
    static let noiseLevel = "noise_level"
    static let sample = "sample"
    static let condition = "condition"
    static let reference = "reference"
    static let guidance = "guidance"
    static let seed = "score_seed"
}

extension Batch {
    /// The images that the columns hold. Throws if one is absent or of another size.
    func images(_ format: ImageFormat) throws -> ImageSequences {
        func read(_ name: String, perStep: Bool, width: Int) throws -> Column {
            guard let column = column(name), column.perStep == perStep, column.width == width else {
                throw ZooError(
                    .invalidArgument,
                    "the batch has no column '\(name)' of \(width) number(s) per \(perStep ? "step" : "sequence"), which a policy of "
                        + "images reads")
            }
            return column
        }
        func steps(_ name: String) throws -> [Double] {
            stepCount == 0 ? [] : try read(name, perStep: true, width: 1).doubles
        }
        func perSequence(_ name: String, else value: Double) throws -> [Double] {
            guard column(name) != nil else { return Array(repeating: value, count: sequenceCount) }
            return try read(name, perStep: false, width: 1).doubles
        }
        let size = format.shape.count
        return ImageSequences(
            shape: format.shape, referenceShape: format.referenceShape, kinds: format.kinds, offsets: offsets,
            state: stepCount == 0 ? [] : try read(ImageColumn.state, perStep: true, width: size).floats,
            sigma: try steps(ImageColumn.sigma), sigmaNext: try steps(ImageColumn.sigmaNext),
            noiseLevel: try steps(ImageColumn.noiseLevel), mask: mask,
            sample: try read(ImageColumn.sample, perStep: false, width: size).floats,
            conditions: try read(ImageColumn.condition, perStep: false, width: format.kinds).integers?.map { Int32($0) } ?? [],
            reference: try format.referenceShape.map {
                try read(ImageColumn.reference, perStep: false, width: $0.count).floats
            } ?? [],
            guidance: try perSequence(ImageColumn.guidance, else: 1),
            pairSeed: try perSequence(ImageColumn.seed, else: 0).map { UInt64($0) }, noise: format.noise,
            scoring: format.scoring)
    }

    /// Adds what an image's sequence consists of.
    mutating func set(_ images: ImageSequences) {
        set(Column(ImageColumn.state, perStep: true, width: images.shape.count, .f32(images.state)))
        set(ImageColumn.sigma, perStep: images.sigma)
        set(ImageColumn.sigmaNext, perStep: images.sigmaNext)
        set(ImageColumn.noiseLevel, perStep: images.noiseLevel)
        set(Column(ImageColumn.sample, perStep: false, width: images.shape.count, .f32(images.sample)))
        set(ImageColumn.guidance, perSequence: images.guidance)
        set(Column(ImageColumn.seed, perStep: false, .i64(images.pairSeed.map { Int64($0) })))
    }

    /// The images of a batch.
    func finishedImages(_ format: ImageFormat) throws -> [PixelImage] {
        guard let column = column(ImageColumn.sample), column.width == format.shape.count else {
            throw ZooError(.invalidArgument, "the batch has no column '\(ImageColumn.sample)' of images")
        }
        let pixels = column.floats
        return (0..<sequenceCount).map { format.image(Array(pixels[$0 * column.width..<($0 + 1) * column.width])) }
    }

    /// The prompts of images that the columns hold.
    func imagePrompts(_ format: ImageFormat) throws -> [ImagePrompt] {
        guard let conditions = column(ImageColumn.condition), let ids = conditions.integers, conditions.width == format.kinds
        else {
            throw ZooError(.invalidArgument, "the batch has no column '\(ImageColumn.condition)' of image prompts")
        }
        let references = column(ImageColumn.reference)
        let pixels = references?.floats ?? []
        return (0..<sequenceCount).map { row in
            let width = references?.width ?? 0
            return ImagePrompt(
                conditions: ids[row * format.kinds..<(row + 1) * format.kinds].map { Int32($0) },
                reference: Array(pixels[row * width..<(row + 1) * width]))
        }
    }
}
