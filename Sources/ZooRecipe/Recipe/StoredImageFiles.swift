import Foundation
import ZooBase

/// Tensors that other programs computed: prompts as their text encoders see them, and images as latents of their VAE. Rows of
/// datasets name theirs by number.
public struct StoredImageFiles: Sendable, Equatable {
    /// With `prompt_embeds` and `pooled_prompt_embeds`; the rows of several files follow each other.
    public var promptEmbeds: [URL] = []
    /// With `latents`; empty where no row has an image.
    public var latents: [URL] = []
    /// With `image_latents`, the reference images of FLUX Kontext; empty where prompts have none.
    public var imageLatents: [URL] = []
    /// Of the latents to sample, where there are none to take it from.
    public var height: Int?
    public var width: Int?
}

extension StoredImageFiles {
    /// The files by the recipe's keys.
    package var files: [(key: String, urls: [URL])] {
        [("prompt_embeds", promptEmbeds), ("latents", latents), ("image_latents", imageLatents)]
    }

    package static let schema = Schema(
        "stored images: {prompt_embeds: FILE, latents: FILE}", blank: StoredImageFiles()
    ) {
        Key(
            "prompt_embeds", \.promptEmbeds, .tensorFiles, isRequired: true,
            "Safetensors with `prompt_embeds` [rows, tokens, width] and `pooled_prompt_embeds` [rows, width].")
        Key(
            "latents", \.latents, .tensorFiles,
            "Safetensors with `latents` [rows, channels, height, width], as the transformer reads them.")
        Key(
            "image_latents", \.imageLatents, .tensorFiles,
            "Safetensors with `image_latents` [rows, channels, height, width], the reference images of FLUX Kontext.")
        Key(
            "height", optional: \.height, .even, standard: "that of `latents`",
            "Rows of the latents to sample: for FLUX, an image's height in pixels / 8.")
        Key("width", optional: \.width, .even, standard: "that of `latents`", "Columns, likewise.")
    } check: { files, section in
        guard !files.promptEmbeds.isEmpty else { throw section.field.error("expected at least one file of prompt_embeds") }
        if files.latents.isEmpty, files.height == nil || files.width == nil {
            throw section.field.error(
                "expected 'latents', or 'height' and 'width' of the latents to sample (for FLUX, pixels / 8), found neither")
        }
    }
}

extension Codec where Value == Int {
    /// A size in patches of two.
    fileprivate static var even: Codec {
        let whole = whole(from: 2, to: 1 << 14)
        return Codec("an even number from 2 to \(1 << 14)", whole.shape) { field in
            let size = try whole.value(field)
            guard size % 2 == 0 else { throw field.error("expected an even number, for patches of 2 × 2, found \(size)") }
            return size
        } write: {
            whole.write($0)
        }
    }
}

extension Codec where Value == [URL] {
    /// Files whose rows follow each other.
    fileprivate static var tensorFiles: Codec {
        let words = "a safetensors file, a pattern such as embeds/*.safetensors, or a list of these"
        let shape = Shape.text("path or pattern")
        return Codec(words, .either([shape, .list(shape, place: "N")])) { field in
            guard case .list(let items) = field.node.content else { return try files(field, words) }
            return try items.enumerated().flatMap { index, item in
                try files(Field(node: item, path: "\(field.path)[\(index)]", reading: field.reading), words)
            }
        } write: { files in
            files.count == 1 ? .text(files[0].path) : .list(files.map { .text($0.path) })
        }
    }

    private static func files(_ field: Field, _ words: String) throws -> [URL] {
        guard let text = field.node.json.string, !text.isEmpty else {
            throw field.error("expected \(words), found \(field.node.found)")
        }
        let url = Codec<URL>.url(text, of: field)
        if field.reading.checksFiles, FilePattern.isPattern(text), !FileManager.default.fileExists(atPath: url.path) {
            return try FilePattern.matches(url.path) { field.error($0) }
        }
        let file = try Codec<URL>.existing(field, "a safetensors file")
        var isFolder: ObjCBool = false
        if field.reading.checksFiles, FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
            isFolder.boolValue
        {
            throw field.error(
                "expected a safetensors file, found a folder at \(file.path); name its files: \(text)/*.safetensors")
        }
        return [file]
    }
}
