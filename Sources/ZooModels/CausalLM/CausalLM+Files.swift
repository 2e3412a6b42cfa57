import Foundation
import ZooTensor

extension CausalLM {
    /// Reads a folder in Hugging Face's layout. A value or score head that the folder lacks is made anew.
    ///
    /// - Parameter generator: draws a new score head; a new value head is zero, so that training starts at V = 0.
    public static func load(
        from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?
    ) throws -> CausalLM {
        let keys = try ConfigKeys.read(folder)
        var config = try CausalLMConfig(json: keys.json, file: keys.file)
        var tensors = try Safetensors.readModel(in: folder)
        if head != .languageModel || config.tieEmbeddings { tensors["lm_head.weight"] = nil }
        // A reward model's head judges a whole text, a critic's one state: the critic takes its trunk and begins at V = 0.
        if head == .value, tensors["score.bias"] == nil { tensors["score.weight"] = nil }
        if head != .languageModel, tensors["score.weight"] == nil {
            // The folder says how its own head pools, not how a new one does.
            if keys.json["pooling"] == nil { config.pooling = .mean }
            tensors.merge(freshHead(head, config, generator)) { found, _ in found }
        }
        do {
            return try CausalLM(config: config, head: head, tensors: tensors, device: device, trainable: trainable)
        } catch let error as ModelError {
            throw ModelError("\(folder.appendingPathComponent("model.safetensors").path): \(error)")
        }
    }

    /// A network with fresh weights: normal with `initializerRange`, norms 1, as `transformers` does.
    public static func initialize(
        config: CausalLMConfig, head: Head, device: Device = .cpu, trainable: Bool = true, generator: Generator
    ) throws -> CausalLM {
        try config.validate()
        let hidden = config.hiddenSize
        let queries = config.heads * config.headWidth
        let keys = config.kvHeads * config.headWidth
        var tensors: [String: Tensor] = [:]
        func add(_ name: String, _ shape: [Int]) {
            tensors[name] =
                shape.count == 1 ? .ones(shape) : Tensor.normal(shape, generator: generator) * config.initializerRange
        }
        add("model.embed_tokens.weight", [config.vocabularySize, hidden])
        for layer in 0..<config.layers {
            let prefix = "model.layers.\(layer)."
            add(prefix + "input_layernorm.weight", [hidden])
            add(prefix + "self_attn.q_proj.weight", [queries, hidden])
            add(prefix + "self_attn.k_proj.weight", [keys, hidden])
            add(prefix + "self_attn.v_proj.weight", [keys, hidden])
            add(prefix + "self_attn.o_proj.weight", [hidden, queries])
            add(prefix + "post_attention_layernorm.weight", [hidden])
            add(prefix + "mlp.gate_proj.weight", [config.intermediateSize, hidden])
            add(prefix + "mlp.up_proj.weight", [config.intermediateSize, hidden])
            add(prefix + "mlp.down_proj.weight", [hidden, config.intermediateSize])
        }
        add("model.norm.weight", [hidden])
        if head != .languageModel {
            tensors.merge(freshHead(head, config, generator)) { found, _ in found }
        } else if !config.tieEmbeddings {
            add("lm_head.weight", [config.vocabularySize, hidden])
        }
        return try CausalLM(config: config, head: head, tensors: tensors, device: device, trainable: trainable)
    }

    /// Writes `config.json` and `model.safetensors`, or the two files of an adapter.
    public func save(to folder: URL) throws {
        if let adaptation {
            return try AdapterFolder.write(
                to: folder, config: adaptation.config, modules: adaptation.modules,
                fanInFanOut: adaptation.base.modules.contains(where: \.isTransposed), base: adaptation.baseName,
                parameters: parameters)
        }
        try writeModel(to: folder, config: config.json(head: head), parameters: parameters)
    }

    /// Stiennon et al. 2020, appendix B.1: a reward head starts at N(0, 1 / (d + 1)).
    private static func freshHead(_ head: Head, _ config: CausalLMConfig, _ generator: Generator?) -> [String: Tensor] {
        let shape = [1, config.hiddenSize]
        if head == .value { return ["score.weight": .zeros(shape), "score.bias": .zeros([1])] }
        guard let generator else { return ["score.weight": .zeros(shape)] }
        return ["score.weight": Tensor.normal(shape, generator: generator) / Double(config.hiddenSize + 1).squareRoot()]
    }
}
