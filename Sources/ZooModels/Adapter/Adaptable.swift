import ZooTensor

/// A network whose linear layers can have low-rank adapters.
protocol Adaptable {
    /// In the order of their parameters.
    var projections: [Projection] { get }
    /// What `LoRAConfig.Targets.standard` stands for.
    var standardTargets: [String] { get }
    /// Layers before and after the blocks that a target may name, for a network with this head.
    func ends(_ head: Head) -> [Projection.Part]
    /// Layers that `modules_to_save` may name, for a network with this head.
    func replaceable(_ head: Head) -> [Projection.Part]
    /// Layers that a network with this head does not have, whose weights in an adapter are left out.
    func absent(_ head: Head) -> [String]
}

extension Adaptable {
    func ends(_ head: Head) -> [Projection.Part] { [] }
    func replaceable(_ head: Head) -> [Projection.Part] { [] }
    func absent(_ head: Head) -> [String] { [] }

    /// The layers that get an adapter; throws if a target matches none.
    func plan(_ config: LoRAConfig, _ head: Head = .languageModel, isStrict: Bool = false) throws -> AdapterPlan {
        try AdapterPlan(
            config, projections: projections.flatMap(\.parts), ends: ends(head), replaceable: replaceable(head),
            absent: absent(head), standard: standardTargets, isStrict: isStrict)
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
    let plan: AdapterPlan
}

extension Projection {
    /// One weight of a projection, as an adapter sees it.
    struct Part {
        /// As Hugging Face names the layer: `model.layers.0.self_attn.q_proj`.
        let name: String
        let weight: Tensor
        /// Whether the weight is `[in, out]`.
        let isTransposed: Bool
        /// Whether it is a table of which rows are looked up; its inputs are the rows.
        var isEmbedding = false
        var inputs: Int { weight.size(isTransposed ? 0 : 1) }
        var outputs: Int { weight.size(isTransposed ? 1 : 0) }
    }

    var parts: [Part] { zip(modules, weight.parts).map { Part(name: $0, weight: $1, isTransposed: isTransposed) } }
}

extension AdapterPlan {
    /// The matrices of a new adapter by their names on disk: A is uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B is 0; of an
    /// embedding A is 0 and B normal.
    func fresh(_ layout: AdapterFolder.Layout, generator: Generator) -> [String: Tensor] {
        entries.reduce(into: [:]) { tensors, entry in
            let (part, r) = (entry.part, entry.rank)
            let (down, up) = layout.names(part)
            if part.isEmbedding {
                tensors[down] = .zeros([r, part.inputs])
                tensors[up] = .normal([part.outputs, r], generator: generator)
                return
            }
            let bound = 1 / Double(part.inputs).squareRoot()
            tensors[down] = (Tensor.uniform([r, part.inputs], generator: generator) * 2 - 1) * bound
            tensors[up] = .zeros([part.outputs, r])
        }
    }
}

extension ParameterStore {
    /// A projection with the adapters that the plan has for its parts.
    mutating func adapted(
        _ projection: Projection, plan: AdapterPlan, layout: AdapterFolder.Layout
    ) throws -> Projection {
        var projection = projection
        projection.adapter = try lowRank(projection.parts, plan: plan, layout: layout)
        return projection
    }

    /// The adapters of layers whose outputs lie one after the other; nil if they have none.
    mutating func lowRank(
        _ parts: [Projection.Part], plan: AdapterPlan, layout: AdapterFolder.Layout
    ) throws -> LowRank? {
        var (column, columns, chosen) = (0, [Int](), [AdapterPlan.Entry]())
        for part in parts {
            if let entry = plan[part.name] {
                chosen.append(entry)
                columns.append(column)
            }
            column += part.outputs
        }
        guard !chosen.isEmpty else { return nil }
        let down = try takeFused(chosen.map { (layout.names($0.part).down, [$0.rank, $0.part.inputs]) }, fill: .zeros)
        let ups = try chosen.map { try take(layout.names($0.part).up, [$0.part.outputs, $0.rank]) }
        return LowRank(down: down.whole, downs: down.parts, ups: ups, columns: columns, scales: chosen.map(\.scale))
    }
}

extension [NamedTensor] {
    /// Whether others have the same names and shapes.
    func hasLayout(of other: [NamedTensor]) -> Bool {
        map(\.name) == other.map(\.name) && map(\.tensor.shape) == other.map(\.tensor.shape)
    }
}
