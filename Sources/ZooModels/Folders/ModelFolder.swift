import Foundation
import ZooBase
import ZooTensor

/// What a model's folder holds, from its small files and the headers of its weights: no weight is read.
public struct ModelFolder: Sendable {
    public enum Kind: String, Sendable {
        case languageModel = "language model"
        case languageAdapter = "adapter of a language model"
        case imagePipeline = "image pipeline"
        case imageAdapter = "adapter of an image model"
        case tabular = "table"
    }

    /// One file of weights.
    public struct Weights: Sendable {
        /// Its path in the folder.
        public let name: String
        /// The tensors' names.
        public let tensors: [String]
        /// How many numbers there are of each element type, the most frequent first: `bfloat16`.
        public let counts: [(type: String, count: Int)]
        /// The file's size.
        public let bytes: Int

        public var count: Int { counts.reduce(0) { $0 + $1.count } }
    }

    public let url: URL
    public let kind: Kind
    /// `model_type` of a language model, `_class_name` of a pipeline.
    public let type: String?
    /// The first of `architectures`.
    public let architecture: String?
    public let weights: [Weights]
    /// Tensors that no network has and that are left out: constants, and the copy of an embedding that is the head too.
    public let ignored: [String]
    /// What is on top of a language model; nil for others and for adapters.
    public let head: Head?
    /// The shape of a language model; nil for others and for adapters.
    public let config: CausalLMConfig?
    /// The tokens that end a sample, of `generation_config.json` or else of `config.json`.
    public let endTokens: [Int32]
    /// The base's folder, for an adapter; and what the adapter calls it.
    public let base: URL?
    public let baseName: String?
    /// Rank, scale and layers, for an adapter.
    public let adapter: LoRAConfig?

    /// - Throws: the error of reading the model, as far as it does not lie in the numbers: what the folder is instead, a missing shard, a
    ///   header that lies, an adapter without its base.
    public init(_ folder: URL) throws {
        url = folder
        if AdapterFolder.isOne(folder) {
            let adapter = try AdapterFolder(folder)
            kind = adapter.layout == .peft ? .languageAdapter : .imageAdapter
            (type, architecture, head, ignored) = (nil, nil, nil, [])
            (config, endTokens) = (nil, [])
            weights = [try Weights(adapter.weightsFile(), in: folder)]
            (base, baseName, self.adapter) = (try adapter.base(), adapter.baseName, adapter.config)
            return
        }
        (base, baseName, adapter) = (nil, nil, nil)
        if FlowImage.isPipeline(folder) {
            let keys = try FlowImage.pipelineKeys(folder)
            kind = .imagePipeline
            (type, architecture, head, ignored) = (keys.json["_class_name"]?.string, nil, nil, [])
            (config, endTokens) = (nil, [])
            weights = try ["transformer", "condition_table", "value_head"].flatMap { part in
                let place = folder.appendingPathComponent(part)
                if part == "transformer" { try WeightFiles.require(in: place, name: DiffusersFolder.weights) }
                return try Safetensors.modelFiles(in: place, name: DiffusersFolder.weights).map { try Weights($0, in: folder) }
            }
            return
        }
        let keys = try ConfigKeys.read(folder)
        type = keys.json["model_type"]?.string
        architecture = keys.json["architectures"]?.array?.first?.string
        guard type != "tabular" else {
            kind = .tabular
            (head, ignored) = (nil, [])
            (config, endTokens) = (nil, [])
            weights = try Safetensors.modelFiles(in: folder).map { try Weights($0, in: folder) }
            return
        }
        kind = .languageModel
        try keys.refuseOtherModels(in: folder, for: .value)
        try AdapterFolder.refuseBoth(in: folder)
        let config = try CausalLMConfig(json: keys.json, file: keys.file)
        self.config = config
        let ends = try GenerationConfig.read(folder)?.endTokens ?? []
        endTokens = ends.isEmpty ? config.eosTokens : ends
        try WeightFiles.require(in: folder)
        weights = try Safetensors.modelFiles(in: folder).map { try Weights($0, in: folder) }
        let names = weights.flatMap(\.tensors)
        let own = config.family.traits.tensors
        let head: Head =
            names.contains(own.valueHead + ".bias") && config.pooling == .last
            ? .value : names.contains(config.scoreHead + ".weight") ? .score : .languageModel
        self.head = head
        ignored = names.filter { name in
            let isCopy = name == "lm_head.weight" && (head != .languageModel || config.tieEmbeddings)
            return isCopy || own.constants.contains(where: name.hasSuffix)
        }
    }
}

extension ModelFolder.Weights {
    fileprivate init(_ file: URL, in folder: URL) throws {
        let entries = try Safetensors.entries(file)
        let path = file.standardizedFileURL.path
        let root = folder.standardizedFileURL.path + "/"
        name = path.hasPrefix(root) ? String(path.dropFirst(root.count)) : file.lastPathComponent
        tensors = entries.map(\.name)
        counts = Dictionary(entries.map { ("\($0.dtype)", $0.shape.reduce(1, *)) }, uniquingKeysWith: +)
            .map { (type: $0.key, count: $0.value) }.sorted { ($1.count, $0.type) < ($0.count, $1.type) }
        bytes = try FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)[.size] as? Int ?? 0
    }
}
