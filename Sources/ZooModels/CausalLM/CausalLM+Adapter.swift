import Foundation
import ZooTensor

extension CausalLM {
    /// A new adapter over `base`, which stays frozen: A is uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B is 0, and a
    /// value head is 0.
    ///
    /// - Parameter name: the name of the base in `adapter_config.json`: its folder.
    /// - Throws: ``ModelError`` if a target matches no projection.
    public convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws {
        let tensors = config.fresh(try base.adaptable(config), .peft, generator: generator)
        try self.init(adapting: base, named: name, config: config, head: head, tensors: tensors, trainable: true)
    }

    /// An adapter's folder over its base.
    ///
    /// - Parameter place: the base's folder, in place of the one that the adapter names.
    /// - Throws: ``ModelError`` or `TensorError` where the files do not fit the base.
    public convenience init(
        adapting base: CausalLM, from place: URL? = nil, with folder: AdapterFolder, head: Head, trainable: Bool
    ) throws {
        try folder.require(.peft)
        let tensors = try folder.tensors(for: base)
        do {
            try self.init(
                adapting: base, named: folder.base(place).path, config: folder.config, head: head, tensors: tensors,
                trainable: trainable)
        } catch let error as ModelError {
            throw folder.blaming(error)
        }
    }

    /// - Parameter tensors: A and B by PEFT's names, and a value head where it is not to be the base's, or 0.
    convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, tensors: [String: Tensor], trainable: Bool
    ) throws {
        guard base.adaptation == nil else { throw ModelError("an adapter needs a plain base, found one that is adapted") }
        guard head == base.head || head == .value else {
            throw ModelError("an adapter with a \(head.rawValue) head needs a base that has one")
        }
        let modules = try base.adaptable(config).map(\.name)
        var tensors = tensors
        let hidden = base.config.hiddenSize
        let isTrainedHead = head == .value
        let headName = base.config.family.traits.tensors.valueHead
        if isTrainedHead, tensors["\(headName).weight"] == nil {
            tensors["\(headName).weight"] = base.head == .value ? base.headWeight : .zeros([1, hidden])
            tensors["\(headName).bias"] = base.head == .value ? base.headBias : .zeros([1])
        }
        var store = ParameterStore(tensors: tensors, device: base.device, trainable: trainable)
        let blocks = try base.blocks.map { block in
            try block.mapProjections { projection in
                try store.adapted(projection, modules: Set(modules), config: config, layout: .peft)
            }
        }
        let headWeight = isTrainedHead ? try store.take("\(headName).weight", [1, hidden]) : base.headWeight
        let headBias = isTrainedHead ? try store.take("\(headName).bias", [1]) : base.headBias
        try store.finish()
        self.init(
            Adaptation(base: base, baseName: name, config: config, modules: modules), blocks: blocks, head: head,
            headWeight: headWeight, headBias: headBias, parameters: store.parameters, trainable: trainable)
    }

    /// Reads an adapter's base and adds every s · B A to its weights; the result has no adapter.
    ///
    /// - Parameters:
    ///   - base: the base's folder; nil for the one that the adapter names.
    ///   - generator: draws a new score head, as ``load(from:head:device:trainable:generator:)`` says.
    public static func load(
        merging folder: AdapterFolder, base: URL? = nil, head: Head, device: Device, trainable: Bool, generator: Generator? = nil
    ) throws -> CausalLM {
        try folder.require(.peft)
        let network = try load(
            from: folder.base(base), head: head, device: device, trainable: trainable, generator: generator)
        try folder.merge(into: network)
        return network
    }

}

extension CausalLM: Adaptable {
    var projections: [Projection] { blocks.flatMap(\.projections) }

    /// PEFT's own: queries and values, or what holds them.
    var standardTargets: [String] {
        let names = config.family.traits.tensors.qkv.map { String($0.split(separator: ".").last ?? "") }
        return names.count == 1 ? names : [names[0], names[2]]
    }
}

extension CausalLM.Block {
    var projections: [Projection] { [qkv, output, up, down] }

    func mapProjections(_ change: (Projection) throws -> Projection) rethrows -> Self {
        var block = self
        for path in [\Self.qkv, \.output, \.up, \.down] { block[keyPath: path] = try change(block[keyPath: path]) }
        return block
    }
}

extension CausalLM: AdaptableNetwork {
    public var adapterScale: Double? { adaptation?.config.scale }
}
