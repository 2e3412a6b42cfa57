import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Generates images with a model in a folder, for prompts of the task that its conditions belong to.
public struct ImageModelSampler {
    private let network: FlowImage
    private let task: ImageTask

    /// Whether a folder holds an image model or an adapter of one.
    public static func reads(_ folder: URL) -> Bool { PixelReader.reads(folder) }

    /// - Throws: if the folder is not a whole model, or of no task that is known here.
    public init(_ folder: URL, device: String = "cpu", threads: Int) throws {
        Engine.configure(threads: threads)
        let network: FlowImage
        do {
            let loaded = try loadNetwork(
                from: folder, head: .languageModel, device: Device(device), trainable: false, generator: nil)
            guard let image = loaded as? FlowImage else { throw ModelError("\(folder.path): contains no image model") }
            network = image
        } catch { throw ZooError(plain: error) }
        guard let task = try ImageTask.of(network.conditionKinds) else {
            let known = Tasks.all.compactMap { task in
                task.layout.map { layout in
                    "\(task.name) (\(layout.conditions.map { "\($0.name): \($0.labels.count)" }.joined(separator: ", ")))"
                }
            }.joined(separator: ", ")
            throw ZooError(.invalidArgument, "\(folder.path): its conditions match none of the tasks: \(known)")
        }
        self.network = network
        self.task = task
    }

    /// The first `count` prompts of held-out images, or for each text the first that begins with it.
    public func prompts(_ texts: [String], count: Int) throws -> [ImageItem] {
        if texts.isEmpty { return Array(task.heldOut.prefix(count)) }
        return try texts.map { text in
            let all = task.heldOut + task.newHeldOut
            if let item = all.first(where: { task.caption($0.prompt).hasPrefix(text) }) { return item }
            let conditions = task.conditions.map { "\($0.name): \($0.labels.joined(separator: ", "))" }.joined(separator: "; ")
            throw ZooError(
                .invalidArgument,
                "no held-out prompt begins with '\(text)'; one reads '\(task.heldOut.first.map { task.caption($0.prompt) } ?? "")' "
                    + "(\(conditions))")
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
        let shape = ImageShape(channels: 1, height: task.height, width: task.width)
        let drawn = try network.generate(
            prompts: prompts, shape: shape,
            referenceShape: task.referenceSize.map { ImageShape(channels: 1, height: $0.height, width: $0.width) },
            samplesPerPrompt: samples, settings: ImageSampler(steps: steps, noiseLevel: level, guidance: guidance),
            generator: Generator(seed: seed), isCancelled: { false })
        return ImageGrid(
            rows: items.enumerated().map { index, item in
                let own = (0..<samples).map { sample in
                    let start = (index * samples + sample) * shape.count
                    return task.image(Array(drawn.sequences.sample[start..<start + shape.count]))
                }
                return (item.prompt.reference.map { [$0] } ?? []) + own
            })
    }

    /// The prompt of an item in words.
    public func caption(_ item: ImageItem) -> String { task.caption(item.prompt) }
}
