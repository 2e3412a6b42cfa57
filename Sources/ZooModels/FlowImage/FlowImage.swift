import ZooTensor

/// A flow-matching image model: a FLUX transformer that predicts velocities, its conditions and its noise schedule.
///
/// x_t = (1 - t) x_0 + t ε, v = ε - x_0, with t = σ from 1 (noise) to 0 (image). Lipman et al. 2023; Esser et al. 2024. There is no
/// VAE: images are the latents.
public final class FlowImage {
    public let transformer: FluxTransformer
    public let conditioning: Conditioning
    public let schedule: FlowSchedule
    public let head: FlowHead
    /// The class of the pipeline that its folder is of.
    let pipeline: String
    /// Trainable or frozen, in a fixed order, under their names on disk.
    public let parameters: [NamedTensor]
    /// nil: the network's parameters are all its weights.
    let adaptation: Adaptation<FlowImage>?
    public var family: String { "flow-image" }

    /// What sits on top of the transformer's canvas tokens.
    public enum FlowHead {
        /// The transformer's own last layer.
        case velocity
        /// V(x_t, t, condition): the mean of the canvas tokens' states `[width]`, then one linear layer.
        case value(weight: Tensor, bias: Tensor)

        func copy(trainable: Bool) -> FlowHead {
            switch self {
            case .velocity: .velocity
            case .value(let weight, let bias): .value(weight: weight.owned(trainable), bias: bias.owned(trainable))
            }
        }
    }

    init(
        transformer: FluxTransformer, conditioning: Conditioning, schedule: FlowSchedule, head: FlowHead,
        pipeline: String = FlowImage.ownPipeline, adaptation: Adaptation<FlowImage>? = nil
    ) {
        self.transformer = transformer
        self.conditioning = conditioning
        self.schedule = schedule
        self.head = head
        self.pipeline = pipeline
        self.adaptation = adaptation
        var parameters = transformer.parameters + (adaptation == nil ? conditioning.parameters : [])
        if case .value(let weight, let bias) = head {
            // A critic has no velocities: those layers are kept unchanged, so that the folder is complete.
            let last = transformer.output
            let unused =
                adaptation == nil
                ? last.weight.parts + (last.bias?.parts ?? []) : last.adapter.map { $0.downs + $0.ups } ?? []
            for tensor in unused { tensor.requiresGrad = false }
            parameters += [NamedTensor("value_head.weight", weight), NamedTensor("value_head.bias", bias)]
        }
        self.parameters = parameters
    }

    /// The texts of its prompts, in order; nil for stored embeddings.
    public var conditionKinds: [ConditionTable.Kind]? { if case .table(let table) = conditioning { table.kinds } else { nil } }
    public var config: FluxConfig { transformer.config }
    public var device: Device { transformer.device }

    /// A network with fresh weights and a condition table; see `FluxTransformer.initialize` and `ConditionTable`.
    public static func initialize(
        config: FluxConfig, kinds: [ConditionTable.Kind], schedule: FlowSchedule = FlowSchedule(), head: Head = .languageModel,
        device: Device = .cpu, trainable: Bool = true, generator: Generator
    ) throws -> FlowImage {
        let transformer = try FluxTransformer.initialize(
            config: config, device: device, trainable: trainable, generator: generator)
        let table = try ConditionTable.initialize(
            kinds: kinds, config: config, device: device, trainable: trainable, generator: generator)
        return FlowImage(
            transformer: transformer, conditioning: .table(table), schedule: schedule,
            head: try fresh(head, config, device: device, trainable: trainable))
    }

    /// The same for stored prompt embeddings in place of a condition table.
    public static func initialize(
        config: FluxConfig, prompts: StoredPrompts, schedule: FlowSchedule = FlowSchedule(), head: Head = .languageModel,
        device: Device = .cpu, trainable: Bool = true, generator: Generator
    ) throws -> FlowImage {
        try prompts.check(config)
        return FlowImage(
            transformer: try .initialize(config: config, device: device, trainable: trainable, generator: generator),
            conditioning: .stored(prompts), schedule: schedule,
            head: try fresh(head, config, device: device, trainable: trainable))
    }

    /// The head that `head` asks for; `languageModel` is the policy's. A new value head is zero, so that training starts at V = 0.
    static func fresh(_ head: Head, _ config: FluxConfig, device: Device, trainable: Bool) throws -> FlowHead {
        switch head {
        case .languageModel: return .velocity
        case .value:
            let (weight, bias) = (Tensor.zeros([1, config.width], device: device), Tensor.zeros([1], device: device))
            weight.requiresGrad = trainable
            bias.requiresGrad = trainable
            return .value(weight: weight, bias: bias)
        case .score: throw ModelError("a flow-image network has no score head: its score is minus its own denoising error")
        }
    }

    /// The same weights in memory of their own.
    public func copied(trainable: Bool) -> FlowImage {
        if let adaptation { return adapter(adaptation, trainable: trainable) }
        let conditioning =
            switch conditioning {
            case .table(let table): Conditioning.table(table.copy(config: config, trainable: trainable))
            case .stored, .none: conditioning
            }
        return FlowImage(
            transformer: transformer.copy(trainable: trainable), conditioning: conditioning, schedule: schedule,
            head: head.copy(trainable: trainable), pipeline: pipeline)
    }
}

extension Tensor {
    /// A copy outside of the gradient graph.
    func owned(_ trainable: Bool) -> Tensor {
        let copy = detached().clone()
        copy.requiresGrad = trainable
        return copy
    }
}
