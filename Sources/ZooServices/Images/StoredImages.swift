import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Prompt embeddings and latents that other programs computed, which the rows of a recipe's datasets name by number.
package final class StoredImages: Sendable {
    package let prompts: StoredPrompts
    /// Of the images that are trained on and sampled, and of reference images.
    package let shape: ImageShape
    package let referenceShape: ImageShape?
    private let latents: LatentStore?
    private let references: LatentStore?

    /// Maps the files and reads every number once.
    ///
    /// - Throws: one sentence that names the recipe's key, the file and the tensor at fault.
    package init(_ files: StoredImageFiles, recipe: URL) throws {
        func named<Value>(_ key: String, _ read: () throws -> Value) throws -> Value {
            do { return try read() } catch {
                let plain = ZooError(plain: error)
                throw ZooError(plain.code, "\(recipe.path): images.\(key): \(plain.message)")
            }
        }
        func store(_ name: String, _ files: [URL]) throws -> LatentStore? {
            try files.isEmpty ? nil : named(name) { try LatentStore(name, in: files) }
        }
        prompts = try named("prompt_embeds") { try StoredPrompts(files.promptEmbeds) }
        latents = try store("latents", files.latents)
        references = try store("image_latents", files.imageLatents)
        referenceShape = references?.shape
        guard let own = latents?.shape else {
            // How many channels there are, the model says.
            shape = ImageShape(channels: 0, height: files.height ?? 0, width: files.width ?? 0)
            return
        }
        shape = own
        for (key, given, found) in [("height", files.height, own.height), ("width", files.width, own.width)] {
            guard let given, given != found else { continue }
            throw ZooError(
                .invalidArgument,
                "\(recipe.path): images.\(key) is \(given), and the latents of \(files.latents[0].path) are \(own.height) × "
                    + "\(own.width); leave it out, or encode the images at that size")
        }
        if let reference = referenceShape, reference.channels != own.channels {
            throw ZooError(
                .invalidArgument,
                "\(recipe.path): images.image_latents have \(reference.channels) channels and images.latents \(own.channels); expected "
                    + "as many of both, of one VAE")
        }
    }

    /// The same for a model whose number of channels is known by now.
    private init(_ other: StoredImages, channels: Int) {
        (prompts, latents, references, referenceShape) = (other.prompts, other.latents, other.references, other.referenceShape)
        shape = ImageShape(channels: channels, height: other.shape.height, width: other.shape.width)
    }

    /// Fits a model; throws if it reads other embeddings or latents.
    package func fitting(_ config: FluxConfig, _ recipe: URL) throws -> StoredImages {
        do { try prompts.check(config) } catch {
            let plain = ZooError(plain: error)
            throw ZooError(plain.code, "\(recipe.path): images.prompt_embeds: \(plain.message)")
        }
        for (key, shape) in [("latents", latents?.shape), ("image_latents", referenceShape)] {
            guard let shape, shape.channels != config.channels else { continue }
            throw ZooError(
                .invalidArgument,
                "\(recipe.path): images.\(key) have \(shape.channels) channels; expected \(config.channels), a quarter of the model's "
                    + "in_channels (\(config.inChannels)): encode the images by this model's own VAE")
        }
        return shape.channels == 0 ? StoredImages(self, channels: config.channels) : self
    }

    // MARK: - Rows

    /// A dataset whose rows have their images; faults of rows as of ``Dataset/load(jsonl:expecting:fault:)``.
    func dataset(_ file: URL, _ kind: DataKind, fault: (DataError) throws -> Void) throws -> Dataset {
        let read = try Dataset.load(jsonl: file, expecting: [.prompt], fault: fault)
        var faulty: Set<Int> = []
        let dataset = try read.mapping { row in
            var row = row
            do { row.image = try item(row, kind) } catch let error as Fault {
                try fault(DataError(read.place(of: row.id), error.reason))
                faulty.insert(row.id)
            }
            return row
        }
        return dataset.removing(faulty)
    }

    private struct Fault: Error { var reason: String }

    private func item(_ row: Row, _ kind: DataKind) throws -> ImageItem {
        func prompt(_ embeds: String, _ latents: String, else other: ImageDescription?) throws -> ImageDescription? {
            let id = try number(embeds, row, of: "prompt_embeds", below: prompts.count, isRequired: other == nil)
            let reference = try references.flatMap { store in
                try number(latents, row, of: "image_latents", below: store.count, isRequired: other == nil)
                    .map { ImageContent.stored(store, row: $0) }
            }
            guard let other else { return ImageDescription(values: [id], content: reference) }
            guard id != nil || reference != nil else { return nil }
            return ImageDescription(
                values: id.map { [$0] } ?? other.values, content: reference ?? other.content)
        }
        guard let own = try prompt("prompt_embeds", "image_latents", else: nil) else { throw Fault(reason: "has no prompt") }
        let degraded = try prompt("degraded_prompt_embeds", "degraded_image_latents", else: own)
        let content = try latent("latents", row, isRequired: kind == .examples)
        guard kind == .pairs else { return ImageItem(prompt: own, content: content, degraded: degraded) }
        guard let chosen = try latent("chosen", row, isRequired: true),
            let rejected = try latent("rejected", row, isRequired: true)
        else { throw Fault(reason: "has no pair") }
        guard chosen != rejected else { throw Fault(reason: "'chosen' and 'rejected' are the same row of images.latents") }
        return ImageItem(prompt: own, content: content, pair: .init(chosen: chosen, rejected: rejected), degraded: degraded)
    }

    private func latent(_ column: String, _ row: Row, isRequired: Bool) throws -> ImageContent? {
        guard isRequired || row.extras[column] != nil else { return nil }
        guard let latents else {
            throw Fault(reason: "'\(column)' names a row of images.latents; expected that key in the recipe, found none")
        }
        return try number(column, row, of: "latents", below: latents.count, isRequired: isRequired)
            .map { .stored(latents, row: $0) }
    }

    /// The row of a tensor that a column names; nil where it may be absent and is.
    private func number(_ column: String, _ row: Row, of key: String, below count: Int, isRequired: Bool) throws -> Int? {
        guard let value = row.extras[column] else {
            guard isRequired else { return nil }
            let near = didYouMean(column, among: row.extras.keys)
            throw Fault(
                reason: "'\(column)' is missing; expected the number of its row of images.\(key), from 0 to \(count - 1)\(near)")
        }
        guard let id = value.integer, (0..<count).contains(id) else {
            let found = value.number.map { Int(exactly: $0).map(String.init) ?? "\($0)" } ?? value.kind
            throw Fault(
                reason: "'\(column)' is \(found); expected the number of its row of images.\(key), from 0 to \(count - 1)")
        }
        return id
    }
}

/// Latents that are read when they are needed.
private final class LatentStore: ImageStore {
    private let rows: StoredRows
    let shape: ImageShape
    var count: Int { rows.count }

    init(_ name: String, in files: [URL]) throws {
        rows = try StoredRows(
            name, in: files, dimensions: ["rows", "channels", "height", "width"],
            advice:
                "latents as the VAE gives them, scaled and not packed (diffusers' FluxPipeline._unpack_latents undoes packing)")
        shape = ImageShape(channels: rows.shape[0], height: rows.shape[1], width: rows.shape[2])
        guard shape.height % 2 == 0, shape.width % 2 == 0 else {
            throw TensorError(
                "\(files[0].path): '\(name)' are \(shape.height) × \(shape.width); expected even sizes, for patches of 2 × 2: resize "
                    + "the images to multiples of 16 pixels")
        }
    }

    func image(_ row: Int) -> PixelImage {
        PixelImage(channels: shape.channels, height: shape.height, width: shape.width, pixels: rows.tensor([row]).floats)
    }
}
