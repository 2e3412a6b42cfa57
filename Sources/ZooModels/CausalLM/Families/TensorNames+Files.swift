extension TensorNames {
    /// What PyTorch's wrappers put into names: data parallelism, `torch.compile`, sharding, activations made again.
    private static let wrappers: Set<Substring> = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"]

    /// A file's tensors by the network's names: without what wrappers add, and with the trunk's prefix, whether the file has it or not.
    /// Throws where two names become one.
    func plain<Value>(_ tensors: [String: Value]) throws -> [String: Value] {
        let names = plainNames(tensors.keys)
        var plain: [String: Value] = [:]
        for (name, value) in tensors.sorted(by: { $0.key < $1.key }) {
            guard let own = names[name], plain.updateValue(value, forKey: own) == nil else {
                throw ModelError("tensor \(names[name] ?? name) is there twice; the second is called \(name)")
            }
        }
        return plain
    }

    /// The network's name for each of a file's names.
    func plainNames(_ names: some Collection<String>) -> [String: String] {
        var plain = Dictionary(uniqueKeysWithValues: names.map { ($0, Self.unwrapped($0)) })
        // A model inside of another: `model.model.layers`.
        if let outer = [prefix, "model."].first(where: { outer in plain.values.contains { $0.hasPrefix(outer + prefix) } }) {
            plain = plain.mapValues { $0.hasPrefix(outer) ? String($0.dropFirst(outer.count)) : $0 }
        }
        if plain.values.contains(where: { $0.hasPrefix(prefix) }) { return plain }
        let heads = ["lm_head.", "score.", valueHead + "."]
        return plain.mapValues { name in heads.contains(where: name.hasPrefix) ? name : prefix + name }
    }

    private static func unwrapped(_ name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).filter { !wrappers.contains($0) }
        return parts.drop { $0 == "module" }.joined(separator: ".")
    }
}
