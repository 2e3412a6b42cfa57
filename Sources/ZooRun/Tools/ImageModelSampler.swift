import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Generates images with a model in a folder, for prompts of the task that its conditions belong to, or for a recipe's stored ones.
public struct ImageModelSampler {
    private let network: FlowImage
    private let format: ImageFormat
    /// What may be drawn, each with its prompt in words.
    private let known: [(caption: String, item: ImageItem)]
    /// What prompts look like, for errors.
    private let words: String

    /// Whether a folder holds an image model or an adapter of one.
    public static func reads(_ folder: URL) -> Bool { PixelReader.reads(folder) }

    /// - Parameter recipe: that of the run, or another with `images`, whose stored prompts a model without conditions of its own draws.
    /// - Throws: if the folder is not a whole model, or has neither conditions that are known here nor stored prompts.
    public init(_ folder: URL, recipe: Recipe? = nil, device: String = "cpu", threads: Int) throws {
        Engine.configure(threads: threads)
        var stored = try recipe?.images.flatMap { _ in try recipe.flatMap(RecipeImages.of) }
        do {
            let loaded = try loadNetwork(
                from: folder, head: .languageModel, device: Device(device), trainable: false, generator: nil,
                prompts: stored?.stored?.prompts)
            guard let image = loaded as? FlowImage else { throw ModelError("\(folder.path): contains no image model") }
            network = image
        } catch { throw ZooError(plain: error) }
        if let recipe, let images = stored {
            stored = try images.fitting(network.config, recipe)
            (known, words) = (try Self.stored(recipe, stored), "prompts of \(recipe.file.path)")
        } else {
            let task = try Self.task(network, folder)
            stored = .task(task)
            known = (task.heldOut + task.newHeldOut).map { (task.caption($0.prompt), $0) }
            words = task.conditions.map { "\($0.name): \($0.labels.joined(separator: ", "))" }.joined(separator: "; ")
        }
        guard let stored else { throw ZooError(.internal, "an image model has images") }
        format = ImageFormat(stored)
    }

    private static func task(_ network: FlowImage, _ folder: URL) throws -> ImageTask {
        if let task = try ImageTask.of(network.conditionKinds) { return task }
        let known = Tasks.all.compactMap { task in
            task.layout.map { layout in
                "\(task.name) (\(layout.conditions.map { "\($0.name): \($0.labels.count)" }.joined(separator: ", ")))"
            }
        }.joined(separator: ", ")
        throw ZooError(.invalidArgument, "\(folder.path): its conditions match none of the tasks: \(known)")
    }

    /// The rows of the evaluation, or of the last stage that names any.
    private static func stored(_ recipe: Recipe, _ images: RecipeImages?) throws -> [(String, ImageItem)] {
        let sources: [(DataSource?, DataKind)] =
            [(recipe.evaluation?.prompts, .prompts)]
            + recipe.stages.reversed().flatMap { stage in DataKind.allCases.map { (stage.data[$0], $0) } }
        for case (let source?, let kind) in sources {
            if case .build = source { continue }
            let rows = try TaskFiles(recipe: recipe, images: images).dataset(source, for: kind).rows
            return rows.compactMap { row in row.image.map { (row.prompt ?? "", $0) } }
        }
        throw ZooError(.invalidArgument, "\(recipe.file.path): names no rows whose prompts could be drawn")
    }

    /// Whether what it draws are latents, which a VAE would decode.
    public var drawsLatents: Bool { format.isLatent }

    /// The first `count` prompts that are known, such as those of held-out images, or for each text the first that begins with it.
    public func prompts(_ texts: [String], count: Int) throws -> [(caption: String, item: ImageItem)] {
        if texts.isEmpty { return Array(known.prefix(count)) }
        return try texts.map { text in
            if let found = known.first(where: { $0.caption.hasPrefix(text) }) { return found }
            throw ZooError(
                .invalidArgument,
                "no \(format.isLatent ? "" : "held-out ")prompt begins with '\(text)'; one reads '\(known.first?.caption ?? "")' (\(words))"
            )
        }
    }

    /// One row per prompt: its reference if it has one, then `samples` images. Equal seeds give equal images.
    ///
    /// - Parameter level: of noise on the way; 0 follows the flow from the first noise on.
    public func grid(_ items: [ImageItem], samples: Int, steps: Int, guidance: Double, level: Double, seed: UInt64) throws
        -> ImageGrid
    {
        let prompts = items.map { item in
            ImagePrompt(conditions: item.prompt.values.map { Int32($0 ?? -1) }, reference: item.prompt.reference?.pixels ?? [])
        }
        let drawn: ImageGeneration
        do {
            drawn = try network.generate(
                prompts: prompts, shape: format.shape, referenceShape: format.referenceShape, samplesPerPrompt: samples,
                settings: ImageSampler(steps: steps, noiseLevel: level, guidance: guidance), generator: Generator(seed: seed),
                isCancelled: { false })
        } catch { throw ZooError(plain: error) }
        let rows = items.enumerated().map { index, item in
            (0..<samples).map { sample in
                let start = (index * samples + sample) * format.shape.count
                return format.image(Array(drawn.sequences.sample[start..<start + format.shape.count]))
            }
        }
        guard format.isLatent else {
            return ImageGrid(rows: zip(items, rows).map { item, own in (item.prompt.reference.map { [$0] } ?? []) + own })
        }
        return ImageGrid(latents: rows.map { ("latents", $0) })
    }
}
