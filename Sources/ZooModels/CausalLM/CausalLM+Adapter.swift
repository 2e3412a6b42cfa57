import Foundation
import ZooTensor

extension CausalLM {
    /// A new adapter over `base`, which stays frozen: A is uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B is 0, and a
    /// value head is 0.
    ///
    /// - Parameter name: the name of the base in `adapter_config.json`: its folder.
    /// - Throws: ``ModelError`` if a target matches no layer.
    public convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws {
        let tensors = try base.plan(config, head, isStrict: true).fresh(.peft, generator: generator)
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
        let plan = try folder.plan(for: base, head)
        let tensors = try folder.tensors(for: base, plan, head)
        do {
            try self.init(
                adapting: base, named: folder.base(place).path, config: folder.config, head: head, tensors: tensors,
                trainable: trainable)
        } catch let error as ModelError {
            throw folder.blaming(error)
        }
    }

    /// - Parameter tensors: A and B by PEFT's names, layers that are replaced, and a value head where it is not to be the base's, or 0.
    convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, tensors: [String: Tensor], trainable: Bool
    ) throws {
        guard base.adaptation == nil else { throw ModelError("an adapter needs a plain base, found one that is adapted") }
        guard head == base.head || head == .value else {
            throw ModelError("an adapter with a \(head.rawValue) head needs a base that has one")
        }
        let plan = try base.plan(config, head)
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
                try store.adapted(projection, plan: plan, layout: .peft)
            }
        }
        func whole(_ part: Projection.Part?, else weight: Tensor) throws -> Tensor {
            guard let part, plan.replaces(part.name) else { return weight }
            return try store.take("\(AdapterFolder.Layout.peft.prefix)\(part.name).weight", part.weight.shape)
        }
        let (table, output) = (base.embeddingPart, base.outputPart(head))
        let embedding = try whole(table, else: base.embedding)
        let tableAdapter = try plan[table.name].map { entry in
            let (down, up) = AdapterFolder.Layout.peft.names(entry.part)
            return LowRankTable(
                down: try store.take(down, [entry.rank, table.inputs]), up: try store.take(up, [table.outputs, entry.rank]),
                scale: entry.scale)
        }
        let outputAdapter = try output.flatMap { try store.lowRank([$0], plan: plan, layout: .peft) }
        let replaced = output ?? (head == .score ? base.replaceable(head).last : nil)
        let headWeight =
            isTrainedHead ? try store.take("\(headName).weight", [1, hidden]) : try whole(replaced, else: base.headWeight)
        let headBias = isTrainedHead ? try store.take("\(headName).bias", [1]) : base.headBias
        try store.finish()
        self.init(
            Adaptation(base: base, baseName: name, config: config, plan: plan), blocks: blocks,
            ends: Ends(
                embedding: embedding, headWeight: headWeight, headBias: headBias, tableAdapter: tableAdapter,
                outputAdapter: outputAdapter),
            head: head, parameters: store.parameters, trainable: trainable)
    }

    /// Reads an adapter's base and adds every s · B A to its weights, in float32; the result has no adapter.
    ///
    /// - Parameters:
    ///   - base: the base's folder; nil for the one that the adapter names.
    ///   - generator: draws a new score head, as ``load(from:head:device:trainable:generator:)`` says.
    public static func load(
        merging folder: AdapterFolder, base: URL? = nil, head: Head, device: Device, trainable: Bool, generator: Generator? = nil
    ) throws -> CausalLM {
        try folder.require(.peft)
        var network = try load(
            from: folder.base(base), head: head, device: device, trainable: trainable, generator: generator,
            canBeginHead: head != .score || trainable || folder.isClassifier)
        let plan = try folder.plan(for: network, head)
        let ends = [network.embeddingPart.name, network.outputPart(head)?.name].compactMap { $0 }
        if ends.contains(where: { plan[$0] != nil || plan.replaces($0) }) { network = try network.untied() }
        try folder.merge(into: network, head)
        return network
    }

    /// The same weights, with an output projection of its own.
    private func untied() throws -> CausalLM {
        guard head == .languageModel, config.tieEmbeddings else { return self }
        var (config, tensors) = (config, tensors)
        config.tieEmbeddings = false
        tensors["lm_head.weight"] = headWeight
        let network = try CausalLM(config: config, head: head, tensors: tensors, device: device, trainable: trainable)
        network.generation = generation
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

    var embeddingPart: Projection.Part {
        let names = config.family.traits.tensors
        return .init(name: names.prefix + names.embedding, weight: embedding, isTransposed: true, isEmbedding: true)
    }

    /// The output projection; nil where a network over this one with another head has none.
    func outputPart(_ head: Head) -> Projection.Part? {
        head == .languageModel && self.head == head ? .init(name: "lm_head", weight: headWeight, isTransposed: false) : nil
    }

    func ends(_ head: Head) -> [Projection.Part] { [embeddingPart] + (outputPart(head).map { [$0] } ?? []) }

    func replaceable(_ head: Head) -> [Projection.Part] {
        ends(head) + (head == .score ? [.init(name: config.scoreHead, weight: headWeight, isTransposed: false)] : [])
    }

    func absent(_ head: Head) -> [String] {
        switch head {
        case .languageModel: []
        case .score: ["lm_head"]
        case .value: ["lm_head", "score"]
        }
    }
}

extension CausalLM {
    /// What lies before and after the blocks.
    struct Ends {
        let embedding: Tensor
        /// `[vocabulary, hidden]` for a language model, `[1, hidden]` otherwise.
        let headWeight: Tensor
        let headBias: Tensor?
        var tableAdapter: LowRankTable?
        var outputAdapter: LowRank?
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
    public var adapterScales: [String: Double] { adaptation?.plan.scales ?? [:] }
}
