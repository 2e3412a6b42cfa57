import Foundation
import ZooBase
import ZooTensor

/// An adapter without the weights of its base, as PEFT keeps one of a language model and diffusers one of an image model.
public struct AdapterFolder {
    public let url: URL
    public let layout: Layout
    public let config: LoRAConfig
    /// The value of `base_model_name_or_path`; nil if a file of diffusers has none.
    public let baseName: String?
    /// Whether it is of a sequence classifier, which a reward model is one of.
    package let isClassifier: Bool

    /// The names of the files.
    public enum Layout: Sendable {
        /// A language model's: `adapter_config.json` and `adapter_model.safetensors`.
        case peft
        /// An image model's: `pytorch_lora_weights.safetensors`, with the config in its metadata.
        case diffusers

        var configName: String { self == .peft ? "adapter_config.json" : weightsName }
        var weightsName: String { self == .peft ? "adapter_model.safetensors" : "pytorch_lora_weights.safetensors" }
        /// The file that makes a folder a complete model.
        var modelName: String { self == .peft ? "config.json" : "model_index.json" }
        /// The prefix of a module's name in the base.
        var prefix: String { self == .peft ? "base_model.model." : "transformer." }

        /// The names of A and B.
        func names(_ part: Projection.Part) -> (down: String, up: String) {
            part.isEmbedding
                ? ("\(prefix)\(part.name).lora_embedding_A", "\(prefix)\(part.name).lora_embedding_B")
                : ("\(prefix)\(part.name).lora_A.weight", "\(prefix)\(part.name).lora_B.weight")
        }
    }

    /// The layout of the adapter in a folder; nil if it contains none, or a model.
    public static func layout(of folder: URL) -> Layout? {
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) }
        if has(Layout.peft.configName) {
            // Some trainers leave the base's config.json beside an adapter.
            let hasModel = !WeightFiles.present(in: folder).isEmpty
            if !has(Layout.peft.modelName) || (has(Layout.peft.weightsName) && !hasModel) { return .peft }
        }
        return has(Layout.diffusers.configName) && !has(Layout.diffusers.modelName) ? .diffusers : nil
    }

    /// Throws if a folder holds a model and an adapter of one, where it is not clear what is meant.
    static func refuseBoth(in folder: URL) throws {
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) }
        guard has(Layout.peft.configName), has(Layout.peft.weightsName) else { return }
        throw ModelError(
            "\(folder.path): holds a model and an adapter (\(WeightFiles.present(in: folder).joined(separator: ", ")) and "
                + "\(Layout.peft.weightsName)); move one of them to a folder of its own")
    }

    /// Whether a folder holds an adapter and no model.
    public static func isOne(_ folder: URL) -> Bool { layout(of: folder) != nil }

    /// Reads the config; throws if it is not a LoRA adapter, or asks for something unsupported.
    public init(_ folder: URL) throws {
        url = folder
        layout = Self.layout(of: folder) ?? .peft
        let file = folder.appendingPathComponent(layout.configName)
        let keys: ConfigKeys
        switch layout {
        case .peft: keys = try ConfigKeys.read(file: file).keys
        case .diffusers:
            guard let metadata = try DiffusersAdapter.metadata(file) else {
                config = try DiffusersAdapter.config(file)
                (isClassifier, baseName) = (false, nil)
                return
            }
            keys = ConfigKeys(json: metadata, file: file.path)
        }
        isClassifier = try keys.isClassifier(layout)
        config = try keys.lora()
        let name = try keys.text("base_model_name_or_path")
        guard layout == .diffusers || name?.isEmpty == false else {
            throw keys.refuse("base_model_name_or_path", "the folder of the base model")
        }
        baseName = name?.isEmpty == true ? nil : name
    }

    /// The folder of the base model: as given, or relative to the adapter.
    ///
    /// - Parameter other: takes its place, wherever the adapter was made.
    public func base(_ other: URL? = nil) throws -> URL {
        let here = URL(fileURLWithPath: url.path, isDirectory: true)
        let path = baseName.map { ($0 as NSString).expandingTildeInPath }
        let named = path.map { [URL(fileURLWithPath: $0, relativeTo: here), URL(fileURLWithPath: $0)] } ?? []
        let places = other.map { [$0] } ?? named
        func isModel(_ folder: URL) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(layout.modelName).path)
        }
        guard let found = places.first(where: isModel) else { throw noBase(among: places, given: other) }
        return found.standardizedFileURL.absoluteURL
    }

    /// - Parameter places: where it was looked for.
    private func noBase(among places: [URL], given other: URL?) -> ModelError {
        if let chain = places.first(where: Self.isOne) {
            return ModelError("\(url.path): its base \(chain.path) is an adapter itself; merge that first: zoo merge")
        }
        if let other { return ModelError("\(url.path): its base \(other.path) is not a model folder here") }
        guard let baseName else {
            return ModelError("\(url.path): \(layout.configName) does not name its base; give the base's folder")
        }
        let looked = NSOrderedSet(array: places.map(\.standardizedFileURL.path)).array.map { "\($0)" }.joined(separator: " and ")
        let isHubName = !baseName.hasPrefix("/") && !baseName.hasPrefix(".") && baseName.split(separator: "/").count == 2
        let download =
            "if it is a name on the Hugging Face hub, download it first (hf download \(baseName) --local-dir base), then "
        return ModelError(
            "\(url.path): its base '\(baseName)' is not a model folder here (looked at \(looked)); "
                + (isHubName ? download : "")
                + "let base_model_name_or_path in \(layout.configName) name its folder, or give it: zoo merge --base")
    }
}

/// The `config.json` that describes a model's shape: the folder's own, or its base's where it holds an adapter.
public func configFile(of folder: URL) throws -> URL {
    let model = AdapterFolder.isOne(folder) ? try AdapterFolder(folder).base() : folder
    return model.appendingPathComponent("config.json")
}

/// The `tokenizer.json` of a folder, or of its base where it holds an adapter without one.
public func tokenizerFile(of folder: URL) throws -> URL {
    let own = folder.appendingPathComponent("tokenizer.json")
    guard AdapterFolder.isOne(folder), !FileManager.default.fileExists(atPath: own.path) else { return own }
    return try AdapterFolder(folder).base().appendingPathComponent("tokenizer.json")
}

/// The number of token ids that a language model's folder has rows for; of its base where it holds an adapter. Nil where it does not say.
public func vocabularySize(of folder: URL) throws -> Int? {
    try ConfigKeys.read(AdapterFolder.isOne(folder) ? AdapterFolder(folder).base() : folder).optionalSize("vocab_size")
}
