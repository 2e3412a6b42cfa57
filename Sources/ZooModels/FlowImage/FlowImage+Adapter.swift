import Foundation
import ZooTensor

extension FlowImage {
    /// A new adapter of the transformer over `base`, which is to be frozen, its condition table included: A is drawn as PEFT draws it,
    /// B is 0, and a value head is the base's, or 0.
    ///
    /// - Parameter name: the name of the base in the adapter's file: its folder.
    /// - Throws: ``ModelError`` if a target matches no linear layer.
    public convenience init(
        adapting base: FlowImage, named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws {
        let tensors = try base.transformer.plan(config, isStrict: true).fresh(.diffusers, generator: generator)
        try self.init(
            adapting: base, named: name, config: config, head: Self.ownHead(head, over: base, trainable: true),
            tensors: tensors, trainable: true)
    }

    /// An adapter's folder over its base.
    ///
    /// - Parameter place: the base's folder, in place of the one that the adapter names.
    /// - Throws: ``ModelError`` or `TensorError` where the files do not fit the base.
    public convenience init(
        adapting base: FlowImage, from place: URL? = nil, with folder: AdapterFolder, head: Head, trainable: Bool
    ) throws {
        try folder.require(.diffusers)
        let plan = try folder.plan(for: base.transformer, .languageModel)
        let tensors = try folder.tensors(for: base.transformer, plan, .languageModel)
        let stored = head == .value ? try Self.valueHead(folder.url, base.config, device: base.device, trainable: trainable) : nil
        do {
            try self.init(
                adapting: base, named: folder.base(place).path, config: folder.config,
                head: stored ?? Self.ownHead(head, over: base, trainable: trainable), tensors: tensors, trainable: trainable)
        } catch let error as ModelError {
            throw folder.blaming(error)
        }
    }

    /// - Parameter tensors: A and B by diffusers' names.
    private convenience init(
        adapting base: FlowImage, named name: String, config: LoRAConfig, head: FlowHead, tensors: [String: Tensor],
        trainable: Bool
    ) throws {
        guard base.adaptation == nil else { throw ModelError("an adapter needs a plain base, found one that is adapted") }
        let plan = try base.transformer.plan(config)
        var store = ParameterStore(tensors: tensors, device: base.device, trainable: trainable)
        let transformer = try FluxTransformer(adapting: base.transformer, plan: plan, store: &store)
        self.init(
            transformer: transformer, conditioning: base.conditioning, schedule: base.schedule, head: head,
            pipeline: base.pipeline, adaptation: Adaptation(base: base, baseName: name, config: config, plan: plan))
    }

    private static func ownHead(_ head: Head, over base: FlowImage, trainable: Bool) throws -> FlowHead {
        if head == .value, case .value = base.head { return base.head.copy(trainable: trainable) }
        return try fresh(head, base.config, device: base.device, trainable: trainable)
    }

    /// Weights that it reads, frozen and shared with other networks.
    public var frozen: [NamedTensor] { adaptation?.base.parameters ?? [] }

    /// The adapter in memory of its own, over the same base.
    func adapter(_ adaptation: Adaptation<FlowImage>, trainable: Bool) -> FlowImage {
        do {
            return try FlowImage(
                adapting: adaptation.base, named: adaptation.baseName, config: adaptation.config,
                head: head.copy(trainable: trainable),
                tensors: Dictionary(uniqueKeysWithValues: transformer.parameters.map { ($0.name, $0.tensor) }),
                trainable: trainable)
        } catch {
            fatalError("an adapter cannot be copied: \(error)")
        }
    }

    /// Reads an adapter's base and adds every s · B A to its weights; the result has no adapter.
    ///
    /// - Parameters:
    ///   - base: the base's folder; nil for the one that the adapter names.
    ///   - prompts, isRun, head: as ``load(from:prompts:isRun:head:device:trainable:)`` says; a value head of the adapter's comes first.
    public static func load(
        merging folder: AdapterFolder, base: URL? = nil, prompts: StoredPrompts? = nil, isRun: Bool = true,
        head: Head = .languageModel, device: Device = .cpu, trainable: Bool = true
    ) throws -> FlowImage {
        try folder.require(.diffusers)
        let network = try load(
            from: folder.base(base), prompts: prompts, isRun: isRun, head: head, device: device, trainable: trainable)
        try folder.merge(into: network.transformer, .languageModel)
        guard head == .value,
            let own = try valueHead(folder.url, network.config, device: device, trainable: trainable)
        else { return network }
        return FlowImage(
            transformer: network.transformer, conditioning: network.conditioning, schedule: network.schedule, head: own,
            pipeline: network.pipeline)
    }
}

extension FlowImage: AdaptableNetwork {
    public var adapterScales: [String: Double] { adaptation?.plan.scales ?? [:] }
}
