import Foundation
import ZooTensor

extension FluxTransformer {
    /// Reads a `transformer/` folder of diffusers.
    ///
    /// - Parameter frozenType: element type of the matrices if they are not trained.
    public static func load(
        from folder: URL, device: Device, trainable: Bool, frozenType: DType = .float32
    ) throws -> FluxTransformer {
        let keys = try DiffusersFolder.object(
            folder.appendingPathComponent("config.json"), hint: "expected a folder in diffusers' layout")
        let config = try FluxConfig(keys: keys)
        let tensors = try DiffusersFolder.tensors(in: folder)
        do {
            return try FluxTransformer(
                config: config, tensors: tensors, device: device, trainable: trainable, frozenType: frozenType)
        } catch let error as ModelError {
            throw ModelError("\(folder.path): \(error)")
        }
    }

    /// Writes `config.json` and `diffusion_pytorch_model.safetensors`, which diffusers reads.
    public func save(to folder: URL) throws {
        try DiffusersFolder.write(folder, config: config.json, parameters: parameters)
    }

    public func copy(trainable: Bool) -> FluxTransformer {
        let tensors = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.tensor) })
        do {
            return try FluxTransformer(config: config, tensors: tensors, device: device, trainable: trainable)
        } catch {
            fatalError("a network cannot be copied: \(error)")
        }
    }

    /// A network with fresh weights: linear layers uniform in ±1/√in as in PyTorch; modulations and the last layer zero, so that every
    /// block starts as the identity. Peebles & Xie 2023, section 3.2.
    public static func initialize(
        config: FluxConfig, device: Device = .cpu, trainable: Bool = true, generator: Generator
    ) throws -> FluxTransformer {
        try config.validate()
        let shapes = shapes(config)
        try ModelLimits.requireRoom(for: shapes.reduce(0) { $0 + $1.shape.reduce(1) { $0 * Double($1) } })
        let tensors = shapes.reduce(into: [String: Tensor]()) { tensors, entry in
            let (name, shape, input) = entry
            let isZero =
                name.contains("norm1") || name.contains(".norm.linear") || name.hasPrefix("norm_out")
                || name.hasPrefix("proj_out")
            if shape.count == 1, input == 0 {
                tensors[name] = .ones(shape)
            } else if isZero {
                tensors[name] = .zeros(shape)
            } else {
                tensors[name] = (Tensor.uniform(shape, generator: generator) * 2 - 1) * (1 / Double(input).squareRoot())
            }
        }
        return try FluxTransformer(config: config, tensors: tensors, device: device, trainable: trainable)
    }

    /// Every tensor's name and shape, with the inputs of its layer; 0 for a norm.
    private static func shapes(_ config: FluxConfig) -> [(name: String, shape: [Int], inputs: Int)] {
        let width = config.width
        var all: [(String, [Int], Int)] = []
        func linear(_ name: String, _ output: Int, _ input: Int) {
            all.append((name + ".weight", [output, input], input))
            all.append((name + ".bias", [output], input))
        }
        func norms(_ prefix: String, _ names: [String]) {
            for name in names { all.append(("\(prefix)\(name).weight", [config.headWidth], 0)) }
        }
        linear("x_embedder", width, config.inChannels)
        linear("context_embedder", width, config.jointAttentionDim)
        var embedders = [("timestep_embedder", frequencies), ("text_embedder", config.pooledProjectionDim)]
        if config.guidanceEmbeds { embedders.append(("guidance_embedder", frequencies)) }
        for (name, input) in embedders {
            linear("time_text_embed.\(name).linear_1", width, input)
            linear("time_text_embed.\(name).linear_2", width, width)
        }
        for layer in 0..<config.layers {
            let prefix = "transformer_blocks.\(layer)."
            for name in ["norm1", "norm1_context"] { linear(prefix + name + ".linear", 6 * width, width) }
            for name in ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"] {
                linear(prefix + "attn." + name, width, width)
            }
            norms(prefix + "attn.", ["norm_q", "norm_k", "norm_added_q", "norm_added_k"])
            for name in ["ff", "ff_context"] {
                linear(prefix + name + ".net.0.proj", 4 * width, width)
                linear(prefix + name + ".net.2", width, 4 * width)
            }
        }
        for layer in 0..<config.singleLayers {
            let prefix = "single_transformer_blocks.\(layer)."
            linear(prefix + "norm.linear", 3 * width, width)
            for name in ["to_q", "to_k", "to_v"] { linear(prefix + "attn." + name, width, width) }
            norms(prefix + "attn.", ["norm_q", "norm_k"])
            linear(prefix + "proj_mlp", 4 * width, width)
            linear(prefix + "proj_out", width, 5 * width)
        }
        linear("norm_out.linear", 2 * width, width)
        linear("proj_out", config.inChannels, width)
        return all
    }
}
