import Foundation
import ZooTensor

extension CausalLM {
    /// Reads a folder in Hugging Face's layout. A value or score head that the folder lacks is newly initialised.
    ///
    /// - Parameters:
    ///   - generator: draws a new score head; a new value head is zero, so that training starts at V = 0.
    ///   - pooling: how a new score head sums up a sequence; nil: by its last step, or as the folder's own head does.
    ///   - frozenType: element type of the matrices of a network that is not trained.
    public static func load(
        from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?,
        pooling: CausalLMConfig.Pooling? = nil, frozenType: DType = .float32
    ) throws -> CausalLM {
        try load(
            from: folder, head: head, device: device, trainable: trainable, generator: generator, pooling: pooling,
            frozenType: frozenType, canBeginHead: head != .score || trainable || generator != nil)
    }

    /// - Parameter canBeginHead: whether a value or score head that the folder lacks is newly initialised, as training wants it; a reward
    ///   model without its head would give the same reward to everything.
    static func load(
        from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?,
        pooling: CausalLMConfig.Pooling? = nil, frozenType: DType = .float32, canBeginHead: Bool
    ) throws -> CausalLM {
        let keys = try ConfigKeys.read(folder)
        try keys.refuseOtherModels(in: folder, for: head)
        try AdapterFolder.refuseBoth(in: folder)
        try WeightFiles.require(in: folder)
        var config = try CausalLMConfig(json: keys.json, file: keys.file)
        let names = config.family.traits.tensors
        do {
            var tensors = try names.plain(Safetensors.readModel(in: folder))
            try config.dropOutputProjection(from: &tensors, head: head)
            var missing = ParameterStore.Missing.refused
            if head != .languageModel {
                try config.choose(pooling, for: head, isNew: keys.json["pooling"] == nil && tensors["score.weight"] == nil)
                let own = (head == .value ? names.valueHead : config.scoreHead) + "."
                // A reward model's head judges a whole text, a critic's one state: the critic takes its trunk and starts at V =
                // 0.
                let isOther = head == .value && (tensors[own + "bias"] == nil || config.pooling == .mean)
                for name in tensors.keys where name.hasPrefix("score.") && (isOther || own != "score.") { tensors[name] = nil }
                if isOther { for part in ["weight", "bias"] { tensors[own + part] = nil } }
                // What token classification has and a reward does not need: training leaves it at 0.
                if head == .score, config.pooling == .mean, let bias = tensors.removeValue(forKey: own + "bias"),
                    bias.floats != [0]
                {
                    throw ModelError("tensor \(own)bias is \(bias.floats); expected 0 in a reward model that pools the mean")
                }
                if tensors[own + "weight"] == nil {
                    guard canBeginHead else {
                        throw ModelError(
                            "tensor \(own)weight is missing: a model without a reward head, which cannot judge; expected a "
                                + "reward model")
                    }
                    missing = .made(generator, names: [own + "weight", own + "bias"])
                }
            }
            if head == .languageModel, !config.tieEmbeddings, tensors["lm_head.weight"] == nil {
                throw ModelError(
                    "tensor lm_head.weight is missing: a model without the head that predicts tokens (architectures is "
                        + "\(keys.json["architectures"]?.array?.first?.string ?? "missing")); expected a language model")
            }
            var store = ParameterStore(
                tensors: tensors, missing: missing, device: device, trainable: trainable, frozenType: frozenType)
            let network = try CausalLM(config: config, head: head, store: &store, trainable: trainable, device: device)
            network.generation = try GenerationConfig.read(folder)
            return network
        } catch let error as ModelError where !error.description.hasPrefix(folder.path) {
            throw ModelError("\(Safetensors.modelFile(in: folder).path): \(error)")
        }
    }

    /// A network with fresh weights: normal with `initializerRange`, norms 1 and biases 0, as `transformers` does.
    public static func initialize(
        config: CausalLMConfig, head: Head, device: Device = .cpu, trainable: Bool = true, generator: Generator
    ) throws -> CausalLM {
        try config.validate()
        try ModelLimits.requireRoom(for: config.projectionCount)
        var store = ParameterStore(tensors: [:], missing: .made(generator), device: device, trainable: trainable)
        return try CausalLM(config: config, head: head, store: &store, trainable: trainable, device: device)
    }

    /// Writes `config.json`, `generation_config.json` if there was one, and `model.safetensors` in float32, whatever was read; or the
    /// two files of an adapter.
    public func save(to folder: URL) throws {
        if let adaptation {
            return try AdapterFolder.write(
                adaptation, .peft, isTransposed: storesTransposed, parameters, to: folder)
        }
        let isMean = head == .score && config.pooling == .mean
        let bias = isMean ? [NamedTensor(config.scoreHead + ".bias", .zeros([1]))] : []
        try writeModel(to: folder, config: config.json(head: head), parameters: parameters + bias, generation: generation)
    }
}

extension CausalLMConfig {
    /// The name of a reward model's head in files.
    var scoreHead: String { pooling == .mean ? family.traits.tensors.valueHead : "score" }

    /// Takes the pooling that a recipe names; one that a trained head does not have is refused.
    fileprivate mutating func choose(_ wanted: Pooling?, for head: Head, isNew: Bool) throws {
        guard head == .score, let wanted, wanted != pooling else { return }
        guard isNew else {
            throw ModelError("the reward model's head was trained to pool '\(pooling.rawValue)'; expected '\(wanted.rawValue)'")
        }
        pooling = wanted
    }

    /// Removes what the network does not have: a value model's `lm_head`, and the copy of the embedding that some files keep.
    func dropOutputProjection(from tensors: inout [String: Tensor], head: Head) throws {
        guard head != .languageModel || tieEmbeddings, let output = tensors.removeValue(forKey: "lm_head.weight"),
            head == .languageModel
        else { return }
        let name = "\(family.traits.tensors.prefix)\(family.traits.tensors.embedding).weight"
        guard let embedding = tensors[name] else {
            tensors[name] = output
            return
        }
        guard embedding.dtype == output.dtype, embedding.shape == output.shape, embedding.bytes == output.bytes else {
            throw ModelError("lm_head.weight differs from \(name), though tie_word_embeddings says that they are the same")
        }
    }
}
