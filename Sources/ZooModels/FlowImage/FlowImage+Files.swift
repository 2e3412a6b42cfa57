import Foundation
import ZooBase
import ZooTensor

extension FlowImage {
    /// Pipelines whose transformer loads here.
    static let pipelines = ["FluxPipeline", "FluxKontextPipeline"]
    /// That of a network that is made here.
    static let ownPipeline = "FluxKontextPipeline"

    /// Whether a folder is a pipeline's, in diffusers' layout.
    public static func isPipeline(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent("model_index.json").path)
    }

    /// Reads a folder in diffusers' layout: `model_index.json`, `scheduler/`, `transformer/` and our `condition_table/`.
    ///
    /// - Parameters:
    ///   - prompts: stored prompt embeddings; they come before the folder's condition table.
    ///   - isRun: whether it needs one of the two; false if only its weights are wanted.
    ///   - head: `languageModel` (velocities) or `value`; a value head that the folder lacks is newly initialised, zero.
    ///   - frozenType: element type of the transformer's matrices if it is not trained.
    public static func load(
        from folder: URL, prompts: StoredPrompts? = nil, isRun: Bool = true, head: Head = .languageModel, device: Device = .cpu,
        trainable: Bool = true, frozenType: DType = .float32
    ) throws -> FlowImage {
        let index = try pipelineKeys(folder)
        let schedule = try FlowSchedule(
            keys: DiffusersFolder.object(
                folder.appendingPathComponent("scheduler/scheduler_config.json"), hint: "expected the pipeline's scheduler"))
        // Of a model of twelve billion weights that is known to be wrong, none is read.
        if let prompts { try prompts.check(transformerConfig(folder)) }
        let transformer = try FluxTransformer.load(
            from: folder.appendingPathComponent("transformer"), device: device, trainable: trainable, frozenType: frozenType)
        let table = folder.appendingPathComponent("condition_table")
        let conditioning: Conditioning
        if let prompts {
            conditioning = .stored(prompts)
        } else if FileManager.default.fileExists(atPath: table.path) {
            conditioning = .table(
                try ConditionTable.load(from: table, config: transformer.config, device: device, trainable: trainable))
        } else if isRun {
            throw FileError(
                .noInput, folder.path,
                "has no condition_table folder, and text encoders are not run here: give the recipe stored prompt embeddings, "
                    + "images.prompt_embeds"
            )
        } else {
            conditioning = .none
        }
        let stored = head == .value ? try valueHead(folder, transformer.config, device: device, trainable: trainable) : nil
        return FlowImage(
            transformer: transformer, conditioning: conditioning, schedule: schedule,
            head: try stored ?? fresh(head, transformer.config, device: device, trainable: trainable),
            pipeline: index.json["_class_name"]?.string ?? ownPipeline)
    }

    /// The configuration of a pipeline's transformer; no weight is read.
    public static func transformerConfig(_ folder: URL) throws -> FluxConfig {
        try FluxConfig(
            keys: DiffusersFolder.object(
                folder.appendingPathComponent("transformer/config.json"), hint: "expected a folder in diffusers' layout"))
    }

    /// `model_index.json`; throws if it names another pipeline or transformer than those that load.
    static func pipelineKeys(_ folder: URL) throws -> ConfigKeys {
        let keys = try DiffusersFolder.object(
            folder.appendingPathComponent("model_index.json"), hint: "expected a folder in diffusers' layout")
        let name = keys.json["_class_name"]?.string ?? "missing"
        guard pipelines.contains(name) else {
            throw ModelError("\(keys.file): _class_name is \(name); pipelines that load: \(pipelines.joined(separator: ", "))")
        }
        if let component = keys.json["transformer"]?.array?.last?.string, component != FluxConfig.className {
            throw ModelError(
                "\(keys.file): transformer is \(component); transformers that load: \(FluxConfig.className)")
        }
        return keys
    }

    /// nil if the folder has none.
    static func valueHead(_ folder: URL, _ config: FluxConfig, device: Device, trainable: Bool) throws -> FlowHead? {
        let own = folder.appendingPathComponent("value_head")
        guard FileManager.default.fileExists(atPath: own.path) else { return nil }
        do {
            var store = ParameterStore(
                tensors: try DiffusersFolder.tensors(in: own), device: device, trainable: trainable)
            let weight = try store.take("value_head.weight", [1, config.width])
            let bias = try store.take("value_head.bias", [1])
            try store.finish()
            return .value(weight: weight, bias: bias)
        } catch let error as ModelError {
            throw ModelError("\(own.path): \(error)")
        }
    }

    /// Writes what `load` reads; `model_index.json` comes last, so that a folder that has it is complete.
    ///
    /// diffusers reads `transformer/` and `scheduler/` with their own `from_pretrained`; components that it does not know are ours.
    ///
    /// An adapter is written as diffusers' `save_lora_weights` writes one, with a critic's `value_head/` beside it.
    public func save(to folder: URL) throws {
        if let adaptation {
            if case .value = head { try saveValueHead(to: folder) }
            return try AdapterFolder.write(adaptation, .diffusers, transformer.parameters, to: folder)
        }
        try writeJSON(schedule.json, to: folder.appendingPathComponent("scheduler/scheduler_config.json"))
        try transformer.save(to: folder.appendingPathComponent("transformer"))
        var index: JSONObject = [
            "_class_name": .string(pipeline), "scheduler": ["diffusers", .string(FlowSchedule.className)],
            "transformer": ["diffusers", .string(FluxConfig.className)],
        ]
        for name in ["vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"] { index[name] = [.null, .null] }
        if case .table(let table) = conditioning {
            try table.save(to: folder.appendingPathComponent("condition_table"))
            index["condition_table"] = ["policyzoo", .string(ConditionTable.className)]
        }
        if case .value = head {
            try saveValueHead(to: folder)
            index["value_head"] = ["policyzoo", "ValueHead"]
        }
        try writeJSON(index, to: folder.appendingPathComponent("model_index.json"))
    }

    private func saveValueHead(to folder: URL) throws {
        try DiffusersFolder.write(
            folder.appendingPathComponent("value_head"), config: ["_class_name": "ValueHead"],
            parameters: parameters.filter { $0.name.hasPrefix("value_head.") })
    }
}
