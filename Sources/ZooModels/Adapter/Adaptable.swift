import ZooTensor

/// A network whose linear layers can have low-rank adapters.
protocol Adaptable {
    /// In the order of their parameters.
    var projections: [Projection] { get }
    /// What `LoRAConfig.Targets.standard` stands for.
    var standardTargets: [String] { get }
}

extension Adaptable {
    /// The weights that get an adapter; throws if a target matches none.
    func adaptable(_ config: LoRAConfig) throws -> [Projection.Part] {
        let parts = projections.flatMap(\.parts)
        let chosen = Set(try config.modules(among: parts.map(\.name), standard: standardTargets))
        return parts.filter { chosen.contains($0.name) }
    }

    /// Whether weights are kept as `[in, out]`.
    var storesTransposed: Bool { projections.contains(where: \.isTransposed) }
}

/// What makes a network one over a base that others share.
struct Adaptation<Base> {
    let base: Base
    /// What the adapter's file calls the base.
    let baseName: String
    let config: LoRAConfig
    /// The linear layers that have an adapter.
    let modules: [String]
}

extension Projection {
    /// One weight of a projection, as an adapter sees it.
    struct Part {
        /// As Hugging Face names the layer: `model.layers.0.self_attn.q_proj`.
        let name: String
        let weight: Tensor
        let isTransposed: Bool
        var inputs: Int { weight.size(isTransposed ? 0 : 1) }
        var outputs: Int { weight.size(isTransposed ? 1 : 0) }
    }

    var parts: [Part] { zip(modules, weight.parts).map { Part(name: $0, weight: $1, isTransposed: isTransposed) } }
}

extension LoRAConfig {
    /// The matrices of a new adapter by their names on disk: A is uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B is 0.
    func fresh(_ parts: [Projection.Part], _ layout: AdapterFolder.Layout, generator: Generator) -> [String: Tensor] {
        parts.reduce(into: [:]) { tensors, part in
            let (down, up) = layout.names(part.name)
            let bound = 1 / Double(part.inputs).squareRoot()
            tensors[down] = (Tensor.uniform([r, part.inputs], generator: generator) * 2 - 1) * bound
            tensors[up] = .zeros([part.outputs, r])
        }
    }
}

extension ParameterStore {
    /// A projection with the adapters of those of its parts that are among `modules`.
    mutating func adapted(
        _ projection: Projection, modules: Set<String>, config: LoRAConfig, layout: AdapterFolder.Layout
    ) throws -> Projection {
        var (column, columns, chosen) = (0, [Int](), [Projection.Part]())
        for part in projection.parts {
            if modules.contains(part.name) {
                chosen.append(part)
                columns.append(column)
            }
            column += part.outputs
        }
        guard !chosen.isEmpty else { return projection }
        let down = try takeFused(chosen.map { (layout.names($0.name).down, [config.r, $0.inputs]) }, fill: .zeros)
        let ups = try chosen.map { try take(layout.names($0.name).up, [$0.outputs, config.r]) }
        var projection = projection
        projection.adapter = LowRank(down: down.whole, downs: down.parts, ups: ups, columns: columns, scale: config.scale)
        return projection
    }
}

extension [NamedTensor] {
    /// Whether others have the same names and shapes.
    func hasLayout(of other: [NamedTensor]) -> Bool {
        map(\.name) == other.map(\.name) && map(\.tensor.shape) == other.map(\.tensor.shape)
    }
}
