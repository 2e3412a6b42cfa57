import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Creates the networks and codecs that a stage names.
package final class ModelFactory {
    private let recipe: Recipe
    /// Model folders of the earlier stages.
    private let models: [String: String]
    private let device: Device
    private let seed: UInt64
    private let memory: MemorySettings
    /// What the policies draw, and the noise levels of a new one.
    private let images: RecipeImages?
    private let schedule: FlowSchedule
    /// Text to train a new model's tokenizer on.
    private let corpus: () throws -> [String]
    private var readers: [String: any Reader] = [:]

    package init(
        recipe: Recipe, models: [String: String], device: Device, seed: UInt64, memory: MemorySettings = MemorySettings(),
        images: RecipeImages? = nil, schedule: FlowSchedule = FlowSchedule(), corpus: @escaping () throws -> [String]
    ) {
        self.images = images
        self.schedule = schedule
        self.recipe = recipe
        self.models = models
        self.device = device
        self.seed = seed
        self.memory = memory
        self.corpus = corpus
    }

    /// The folder of an existing model; nil for a new one.
    package func folder(_ source: ModelSource) throws -> URL? { try Self.folder(source, models: models) }

    /// The same, given the model folders of the earlier stages.
    package static func folder(_ source: ModelSource, models: [String: String]) throws -> URL? {
        switch source {
        case .folder(let url): return url
        case .new: return nil
        case .stage(let name):
            let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
            guard let path = models[parts[0]] else { throw ZooError(.notFound, "stage '\(parts[0])' has no model") }
            let model = URL(filePath: path, directoryHint: .isDirectory)
            guard parts.count > 1 else { return model }
            let kept = model.deletingLastPathComponent().appending(path: parts[1], directoryHint: .isDirectory)
            guard FileManager.default.fileExists(atPath: kept.path) else {
                throw ZooError(.notFound, "stage '\(parts[0])' saved no \(parts[1]): its algorithm has none")
            }
            return kept
        }
    }

    /// Draws the weights of what is new.
    func generator() -> Generator { Generator(seed: seed) }

    /// The identity of a source: equal identities give the same network.
    func identity(_ source: ModelSource) throws -> String {
        if let folder = try folder(source) { return folder.path }
        return sha256(try JSON.encode(source.node.json, pretty: false)) + "-\(seed)"
    }

    package func reader(_ source: ModelSource) throws -> any Reader {
        let key = try identity(source)
        if let reader = readers[key] { return reader }
        let reader = try makeReader(source)
        readers[key] = reader
        return reader
    }

    /// The codec of a source that reads text.
    package func textCodec(_ source: ModelSource) throws -> any TextCodec {
        guard let codec = try reader(source) as? any TextCodec else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): its model makes images and reads no text")
        }
        return codec
    }

    private func makeReader(_ source: ModelSource) throws -> any Reader {
        if let folder = try folder(source) {
            if PixelReader.reads(folder) { return PixelReader() }
            if try modelFamily(of: folder) == "tabular" { return NumberCodec() }
            return try TokenizerCodec(ofModel: folder)
        }
        guard case .new(let model) = source, model.family != "tabular" else { return NumberCodec() }
        if model.family == NewModel.imageFamily { return PixelReader() }
        if let tokenizer = model.tokenizer { return try TokenizerCodec(contentsOf: tokenizer) }
        return TokenizerCodec(
            tokenizer: try Tokenizer.train(on: corpus(), vocabularySize: model.vocabularySize), identity: try identity(source))
    }

    /// A separate network for a role. A head that the source does not have starts at 0.
    ///
    /// - Parameter pooling: of a language model's new score head; nil means the last token.
    package func network(
        _ source: ModelSource, head: Head, trainable: Bool, pooling: CausalLMConfig.Pooling? = nil
    ) throws -> any Network {
        let network = try recomputing(make(source, head, trainable, pooling))
        if trainable { try setPasses(of: network) }
        guard pooling == nil || network is CausalLM else {
            throw ZooError(
                .invalidArgument, "\(recipe.file.path): 'reward.pooling' is for language models; the model is \(network.family)")
        }
        return network
    }

    private func make(
        _ source: ModelSource, _ head: Head, _ trainable: Bool, _ pooling: CausalLMConfig.Pooling?
    ) throws -> any Network {
        if let folder = try folder(source) {
            do {
                return try loadNetwork(
                    from: folder, head: head, device: device, trainable: trainable,
                    generator: trainable ? generator() : nil, pooling: pooling, prompts: images?.stored?.prompts,
                    frozenType: memory.frozen.dtype)
            } catch {
                throw ZooError(plain: error)  // The folder is at fault, not the algorithm that asked for the network.
            }
        }
        guard case .new(let model) = source else { throw ZooError(.internal, "a source without a folder is new") }
        if model.family == "tabular" { return try tabular(head, trainable) }
        if model.family == NewModel.imageFamily { return try flowImage(model, head, trainable) }
        var config = Family(rawValue: model.family)?.completed(model.config) ?? model.config
        guard case let codec as TokenizerCodec = try reader(source) else {
            throw ZooError(.internal, "a language model has a tokenizer")
        }
        config["model_type"] = .string(model.family)
        if head == .score, let pooling { config["pooling"] = .string(pooling.rawValue) }
        config["vocab_size"] = .number(Double(codec.tokenizer.vocabularySize))
        config["bos_token_id"] = codec.start.map { .number(Double($0)) } ?? .null
        config["eos_token_id"] = codec.end.map { .number(Double($0)) } ?? .null
        return try initializeNetwork(
            config: .causalLM(CausalLMConfig(json: JSONObject(config), file: recipe.file.path)), head: head, device: device,
            trainable: trainable,
            generator: generator())
    }

    /// The network, which keeps no activations if the stage says so.
    func recomputing(_ network: any Network) throws -> any Network {
        guard memory.recompute else { return network }
        guard let blocks = network as? any RecomputingNetwork else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): 'memory.recompute' is for language and image models; a \(network.family) model has no blocks"
            )
        }
        blocks.recomputes = true
        return network
    }

    /// Sets in what type the products of a trained network are made.
    private func setPasses(of network: any Network) throws {
        guard memory.trained == .bfloat16 else { return }
        guard let model = network as? CausalLM, !model.isAdapted else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): 'memory.trained: bfloat16' is for language models whose own weights are trained; expected float32 "
                    + "for a \(network.family) model, and for an adapter (whose base takes 'memory.frozen')")
        }
        model.passesInHalf = true
    }

    /// The tabular policy starts at the task's logits, its critic and reward at 0.
    private func tabular(_ head: Head, _ trainable: Bool) throws -> any Network {
        guard let task = try TabularTask(recipe) else {
            throw ZooError(.invalidArgument, "\(recipe.file.path): a tabular model needs 'task: tabular'")
        }
        guard head == .languageModel else {
            return try Tabular.initialize(config: task.config, head: head, device: device, trainable: trainable)
        }
        return try Tabular(config: task.config, logits: task.referenceLogits, device: device, trainable: trainable)
    }

    /// A transformer of the recipe's size for the task's images and conditions, or for stored latents and embeddings.
    private func flowImage(_ model: NewModel, _ head: Head, _ trainable: Bool) throws -> any Network {
        guard let images else {
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): a \(model.family) model needs an image task, such as 'task: digits', or 'images' that are stored"
            )
        }
        do {
            let config = try config(of: model)
            switch images {
            case .task(let task):
                return try FlowImage.initialize(
                    config: config, kinds: task.kinds, schedule: schedule, head: head, device: device, trainable: trainable,
                    generator: generator())
            case .stored(let stored):
                return try FlowImage.initialize(
                    config: config, prompts: stored.prompts, schedule: schedule, head: head, device: device, trainable: trainable,
                    generator: generator())
            }
        } catch let error as ModelError {
            throw ZooError(.invalidArgument, "\(recipe.file.path): \(model.family): \(plainWords(error))")
        }
    }

    private func config(of model: NewModel) throws -> FluxConfig {
        var shape = model.config.compactMapValues(\.number)
        guard let stored = images?.stored else { return try FluxConfig(shape: shape, channels: 1) }
        guard stored.shape.channels > 0 else {
            throw ModelError("a new model takes its channels from images.latents; the recipe has none")
        }
        let widths = stored.prompts.widths
        for (key, width) in [("joint_attention_dim", widths.token), ("pooled_projection_dim", widths.pooled)] {
            shape[key] = shape[key] ?? Double(width)
        }
        return try FluxConfig(shape: shape, channels: stored.shape.channels)
    }

    /// The configuration of an image model, before its weights are read; nil for others.
    package func imageConfig(_ source: ModelSource) throws -> FluxConfig? {
        do {
            if case .new(let model) = source { return model.family == NewModel.imageFamily ? try config(of: model) : nil }
            guard let folder = try folder(source), PixelReader.reads(folder) else { return nil }
            return try FlowImage.transformerConfig(AdapterFolder.isOne(folder) ? AdapterFolder(folder).base() : folder)
        } catch { throw ZooError(plain: error) }
    }

    private func modelFamily(of folder: URL) throws -> String {
        do {
            guard let type = try modelType(of: folder) else {
                throw ZooError(.dataLoss, "\(try configFile(of: folder).path): it has no 'model_type'")
            }
            return type
        } catch { throw ZooError(plain: error) }
    }
}

extension MemorySettings.FrozenType {
    fileprivate var dtype: DType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}
