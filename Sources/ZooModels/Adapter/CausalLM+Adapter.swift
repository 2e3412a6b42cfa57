import Foundation
import ZooTensor

extension CausalLM {
    /// What makes a network one over a base that others share.
    struct Adaptation {
        let base: CausalLM
        /// What `adapter_config.json` calls the base.
        let baseName: String
        let config: LoRAConfig
        /// The projections that have an adapter.
        let modules: [String]
    }

    /// A new adapter over `base`, which stays frozen: A is uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B is 0, and a
    /// value head is 0.
    ///
    /// - Parameter name: what `adapter_config.json` is to call the base: its folder.
    /// - Throws: ``ModelError`` where a target fits no projection.
    public convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws {
        let modules = try base.adaptable(config)
        var tensors: [String: Tensor] = [:]
        for module in modules {
            let (down, up) = AdapterFolder.names(module.name)
            let bound = 1 / Double(module.inputs).squareRoot()
            tensors[down] = (Tensor.uniform([config.r, module.inputs], generator: generator) * 2 - 1) * bound
            tensors[up] = .zeros([module.outputs, config.r])
        }
        try self.init(adapting: base, named: name, config: config, head: head, tensors: tensors, trainable: true)
    }

    /// An adapter's folder over its base.
    ///
    /// - Throws: ``ModelError`` or `TensorError` where the files do not fit the base.
    public convenience init(adapting base: CausalLM, with folder: AdapterFolder, head: Head, trainable: Bool) throws {
        let tensors = try folder.tensors(for: base)
        do {
            try self.init(
                adapting: base, named: folder.base().path, config: folder.config, head: head, tensors: tensors,
                trainable: trainable)
        } catch let error as ModelError {
            throw folder.blaming(error)
        }
    }

    /// - Parameter tensors: A and B by PEFT's names, and a value head where it is not to be the base's, or 0.
    convenience init(
        adapting base: CausalLM, named name: String, config: LoRAConfig, head: Head, tensors: [String: Tensor], trainable: Bool
    ) throws {
        guard base.adaptation == nil else { throw ModelError("an adapter needs a base of its own, found one that is adapted") }
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
                var projection = projection
                projection.adapter = try store.takeAdapter(of: projection, modules: Set(modules), config: config)
                return projection
            }
        }
        let headWeight = isTrainedHead ? try store.take("\(headName).weight", [1, hidden]) : base.headWeight
        let headBias = isTrainedHead ? try store.take("\(headName).bias", [1]) : base.headBias
        try store.finish()
        self.init(
            Adaptation(base: base, baseName: name, config: config, modules: modules), blocks: blocks, head: head,
            headWeight: headWeight, headBias: headBias, parameters: store.parameters, trainable: trainable)
    }

    /// Reads an adapter's base and adds every s · B A to its weights; what comes out has no adapter any more.
    ///
    /// - Parameters:
    ///   - base: the base's folder; the one that the adapter names where nil.
    ///   - generator: draws a new score head, as ``load(from:head:device:trainable:generator:)`` says.
    public static func load(
        merging folder: AdapterFolder, base: URL? = nil, head: Head, device: Device, trainable: Bool, generator: Generator? = nil
    ) throws -> CausalLM {
        let network = try load(
            from: folder.base(base), head: head, device: device, trainable: trainable, generator: generator)
        let tensors = try folder.tensors(for: network)
        withoutGrad {
            for module in network.modules {
                let (down, up) = AdapterFolder.names(module.name)
                guard let a = tensors[down], let b = tensors[up] else { continue }
                let update = b.to(.float32).to(device).matmul(a.to(.float32).to(device)) * folder.config.scale
                module.weight.copy(from: module.weight + (module.isTransposed ? update.transpose(0, 1) : update))
            }
        }
        return network
    }

    /// Whether an adapter has the same projections, rank and scale as another.
    public func hasLayout(of other: CausalLM) -> Bool {
        parameters.map(\.name) == other.parameters.map(\.name)
            && parameters.map(\.tensor.shape) == other.parameters.map(\.tensor.shape)
            && adaptation?.config.scale == other.adaptation?.config.scale
    }

    // MARK: - Projections by name

    /// One weight of a block's projections.
    struct Module {
        /// As Hugging Face names the layer: `model.layers.0.self_attn.q_proj`.
        let name: String
        let weight: Tensor
        let isTransposed: Bool
        var inputs: Int { weight.size(isTransposed ? 0 : 1) }
        var outputs: Int { weight.size(isTransposed ? 1 : 0) }
    }

    var storesTransposed: Bool { config.family.traits.tensors.areTransposed }

    var modules: [Module] {
        blocks.flatMap { block in
            block.projections.flatMap { projection in
                zip(projection.modules, projection.weight.parts).map {
                    Module(name: $0, weight: $1, isTransposed: projection.isTransposed)
                }
            }
        }
    }

    /// The modules that get an adapter. `standard` targets are those that PEFT has for the family.
    func adaptable(_ config: LoRAConfig) throws -> [Module] {
        let modules = modules
        // PEFT's own: queries and values, or what holds them.
        let standard = self.config.family.traits.tensors.qkv.count == 1 ? ["c_attn"] : ["q_proj", "v_proj"]
        let chosen = Set(try config.modules(among: modules.map(\.name), standard: standard))
        return modules.filter { chosen.contains($0.name) }
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

extension AdapterFolder {
    /// PEFT's names of A and B.
    static func names(_ module: String) -> (down: String, up: String) {
        ("\(prefix)\(module).lora_A.weight", "\(prefix)\(module).lora_B.weight")
    }

    func blaming(_ error: ModelError) -> ModelError {
        ModelError("\(url.appendingPathComponent(Self.weightsName).path): \(error)")
    }

    /// The tensors, checked against a base: all that the config asks for and no other, of the right shapes.
    func tensors(for base: CausalLM) throws -> [String: Tensor] {
        let modules: [CausalLM.Module]
        do { modules = try base.adaptable(config) } catch {
            throw ModelError("\(url.appendingPathComponent(Self.configName).path): \(error)")
        }
        guard fanInFanOut == base.storesTransposed else {
            throw ModelError(
                "\(url.appendingPathComponent(Self.configName).path): fan_in_fan_out is \(fanInFanOut); expected \(!fanInFanOut) for "
                    + "the base \(baseName)")
        }
        var rest = try tensors()
        let found = rest
        for module in modules {
            let (down, up) = Self.names(module.name)
            for (name, shape) in [(down, [config.r, module.inputs]), (up, [module.outputs, config.r])] {
                guard let tensor = rest.removeValue(forKey: name) else {
                    throw blaming(ModelError("tensor \(name) is missing; expected shape \(shape)"))
                }
                guard tensor.shape == shape else {
                    throw blaming(
                        ModelError("tensor \(name) has shape \(tensor.shape); expected \(shape) for the base \(baseName)"))
                }
                guard [.float32, .float16, .bfloat16, .float64].contains(tensor.dtype) else {
                    throw blaming(ModelError("tensor \(name) is \(tensor.dtype); expected floating-point numbers"))
                }
                guard tensor.floats.allSatisfy(\.isFinite) else { throw blaming(ModelError("tensor \(name) is not finite")) }
            }
        }
        if let extra = rest.keys.min() {
            throw blaming(ModelError("tensor \(extra) has no place in an adapter of these targets over the base \(baseName)"))
        }
        return found
    }
}

extension ParameterStore {
    /// The adapters of a projection's parts; nil where none of them has one.
    mutating func takeAdapter(of projection: Projection, modules: Set<String>, config: LoRAConfig) throws -> LowRank? {
        var (column, columns) = (0, [Int]())
        var parts: [(module: String, outputs: Int)] = []
        var inputs = 0
        for (module, weight) in zip(projection.modules, projection.weight.parts) {
            let outputs = weight.size(projection.isTransposed ? 1 : 0)
            inputs = weight.size(projection.isTransposed ? 0 : 1)
            if modules.contains(module) {
                parts.append((module, outputs))
                columns.append(column)
            }
            column += outputs
        }
        guard !parts.isEmpty else { return nil }
        let down = try takeFused(parts.map { (AdapterFolder.names($0.module).down, [config.r, inputs]) }, fill: .zeros)
        let ups = try parts.map { try take(AdapterFolder.names($0.module).up, [$0.outputs, config.r]) }
        return LowRank(down: down.whole, downs: down.parts, ups: ups, columns: columns, scale: config.scale)
    }
}
