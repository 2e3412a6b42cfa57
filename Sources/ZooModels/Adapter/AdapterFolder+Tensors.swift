import Foundation
import ZooBase
import ZooTensor

extension AdapterFolder {
    /// The tensors, under their names on disk; a critic's head is not among them.
    public func tensors() throws -> [String: Tensor] { try Safetensors.read(weightsFile(), mustBeFinite: true) }

    /// The file of the weights; throws, naming what is there instead, if it is missing.
    func weightsFile() throws -> URL {
        let file = url.appendingPathComponent(layout.weightsName)
        guard FileManager.default.fileExists(atPath: file.path) else {
            let other = layout == .peft ? WeightFiles.convertible(in: url, adapter: true) : nil
            throw FileError(
                other == nil ? .noInput : .data, url.path,
                "\(layout.weightsName) is missing; " + (other ?? "only safetensors are supported"))
        }
        return file
    }

    /// Throws if it adapts another kind of network.
    func require(_ expected: Layout) throws {
        guard layout == expected else {
            throw ModelError(
                "\(url.path): holds \(layout.weightsName), an adapter for another kind of network; expected \(expected.weightsName)"
            )
        }
    }

    func blaming(_ error: ModelError) -> ModelError {
        ModelError("\(url.appendingPathComponent(layout.weightsName).path): \(error)")
    }

    /// Where the adapter lies in a base.
    func plan(for base: some Adaptable, _ head: Head) throws -> AdapterPlan {
        let file = url.appendingPathComponent(layout.configName).path
        guard !isClassifier || head != .languageModel else {
            throw ModelError(
                "\(file): task_type is SEQ_CLS, an adapter of a reward model; expected \"CAUSAL_LM\" for a language model")
        }
        do {
            let plan = try base.plan(config, head)
            for name in config.patterns?.saved ?? [] {
                // PEFT adds both names to every classifier.
                let isPlaceholder = isClassifier && ["classifier", "score"].contains(name)
                let known = plan.replaced.map(\.name) + base.absent(head)
                guard isPlaceholder || known.contains(where: { $0.hasSuffix(name) }) else {
                    let names = base.replaceable(head).map { LoRAConfig.shortName($0.name) }
                    throw ModelError(
                        "modules_to_save: '\(name)' is not supported; supported are \(names.isEmpty ? "none" : names.joined(separator: ", "))"
                    )
                }
            }
            return plan
        } catch let error as ModelError {
            throw ModelError("\(file): \(error)")
        }
    }

    /// The tensors that a plan asks for, checked against a base: all of them and no other, of the right shapes.
    func tensors(for base: some Adaptable, _ plan: AdapterPlan, _ head: Head) throws -> [String: Tensor] {
        let place = baseName.map { " for the base \($0)" } ?? " for its base"
        var rest = try canonical(tensors())
        var taken: [String: Tensor] = [:]
        func take(_ name: String, _ shape: [Int]) throws {
            guard let tensor = rest.removeValue(forKey: name) else {
                throw blaming(ModelError("tensor \(name) is missing; expected shape \(shape)"))
            }
            guard tensor.shape == shape else {
                throw blaming(ModelError("tensor \(name) has shape \(tensor.shape); expected \(shape)\(place)"))
            }
            guard [.float32, .float16, .bfloat16, .float64].contains(tensor.dtype) else {
                throw blaming(ModelError("tensor \(name) is \(tensor.dtype); expected floating-point numbers"))
            }
            taken[name] = tensor
        }
        for entry in plan.entries {
            let (down, up) = layout.names(entry.part)
            try take(down, [entry.rank, entry.part.inputs])
            try take(up, [entry.part.outputs, entry.rank])
        }
        for part in plan.replaced { try take("\(layout.prefix)\(part.name).weight", part.weight.shape) }
        for name in base.absent(head) {
            for key in rest.keys where key.hasPrefix("\(layout.prefix)\(name).") { rest[key] = nil }
        }
        try dropCopies(of: base.ends(head), from: &rest)
        if let extra = rest.keys.min() {
            throw blaming(ModelError("tensor \(extra) does not belong to an adapter with these targets\(place)"))
        }
        return taken
    }

    /// Removes the copies of the base's own embedding and head that PEFT saves beside an adapter of theirs; throws where one differs.
    private func dropCopies(of parts: [Projection.Part], from tensors: inout [String: Tensor]) throws {
        for part in parts {
            for name in [".weight", ".base_layer.weight", ".original_module.weight"].map({ layout.prefix + part.name + $0 }) {
                guard let copy = tensors.removeValue(forKey: name) else { continue }
                guard copy.shape == part.weight.shape else {
                    throw blaming(
                        ModelError(
                            "tensor \(name) has shape \(copy.shape), the base's \(part.weight.shape): the adapter was trained on a base whose "
                                + "vocabulary had been resized; resize the base's embeddings to it first, and save that as its base"
                        ))
                }
                // The base may be held in 16 bits.
                let difference = withoutGrad {
                    let rounded = copy.to(part.weight.dtype).to(.float32).to(part.weight.device)
                    return (rounded - part.weight.to(.float32)).square().sum().item
                }
                guard difference == 0 else {
                    throw blaming(
                        ModelError(
                            "tensor \(name) differs from the base's own, and modules_to_save does not name it: it has another base"
                        ))
                }
            }
        }
    }

    /// The tensors under the names that PEFT writes, whatever wrapped the model or the adapter is called: `base_model.model.` once, no
    /// adapter's name inside.
    private func canonical(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        guard layout == .peft else { return tensors }
        var renamed: [String: Tensor] = [:]
        for (name, tensor) in tensors {
            let plain = Self.canonical(name, prefix: layout.prefix)
            guard renamed.updateValue(tensor, forKey: plain) == nil else {
                throw blaming(
                    ModelError("two tensors mean \(plain): the file holds more than one adapter; save one of them alone"))
            }
        }
        return renamed
    }

    static func canonical(_ name: String, prefix: String) -> String {
        var name = name[...]
        while let wrapper = [prefix, "module.", "_orig_mod.", "_fsdp_wrapped_module."].first(where: name.hasPrefix) {
            name = name.dropFirst(wrapper.count)
        }
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).filter {
            $0 != "_orig_mod" && $0 != "_fsdp_wrapped_module"
        }
        if let place = parts.firstIndex(where: { ["lora_A", "lora_B"].contains($0) }), parts.count == place + 3 {
            parts.remove(at: place + 1)
        } else if let place = parts.firstIndex(where: { ["lora_embedding_A", "lora_embedding_B"].contains($0) }) {
            parts.removeSubrange((place + 1)...)
        } else if let place = parts.firstIndex(of: "modules_to_save") {
            parts.removeSubrange(place..<max(place + 1, parts.count - 1))
        }
        return prefix + parts.joined(separator: ".")
    }

    /// Adds every s · B A to the weights of a base, and puts the weights that it replaces in their place.
    func merge(into base: some Adaptable, _ head: Head) throws {
        let plan = try plan(for: base, head)
        let tensors = try tensors(for: base, plan, head)
        withoutGrad {
            for entry in plan.entries {
                let (part, names) = (entry.part, layout.names(entry.part))
                guard let a = tensors[names.down], let b = tensors[names.up] else { continue }
                let device = part.weight.device
                let update = b.to(.float32).to(device).matmul(a.to(.float32).to(device)) * entry.scale
                part.weight.copy(from: part.weight + (part.isTransposed ? update.transpose(0, 1) : update))
            }
            for part in plan.replaced {
                guard let own = tensors["\(layout.prefix)\(part.name).weight"] else { continue }
                part.weight.copy(from: own.to(.float32).to(part.weight.device))
            }
        }
    }
}
