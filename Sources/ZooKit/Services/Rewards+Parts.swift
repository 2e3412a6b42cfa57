extension Rewards {
    /// Those of the given sequences of the rollout that was scored, in that order.
    public func selecting(_ chosen: [Int], of rollout: Batch) -> Rewards {
        Rewards(
            total: chosen.map { total[$0] },
            components: components.map { component in
                Component(name: component.name, values: chosen.map { component.values[$0] }, weight: component.weight)
            },
            steps: steps.map { steps in chosen.flatMap { steps[rollout.steps(of: $0)] } })
    }

    /// Those of several rollouts of one recipe, in order.
    public static func concatenated(_ parts: [Rewards]) -> Rewards {
        let first = parts.first?.components ?? []
        let hasSteps = !parts.isEmpty && parts.allSatisfy { $0.steps != nil }
        return Rewards(
            total: parts.flatMap(\.total),
            components: first.indices.map { index in
                Component(
                    name: first[index].name, values: parts.flatMap { $0.components[index].values }, weight: first[index].weight)
            },
            steps: hasSteps ? parts.flatMap { $0.steps ?? [] } : nil)
    }

    /// With one more component, of weight 1, that comes at the end; what could not be scored still cannot.
    public func adding(_ name: String, _ values: [Double]) -> Rewards {
        Rewards(
            total: zip(total, values).map { $0 + $1 },
            components: components + [Component(name: name, values: values, weight: 1)],
            steps: steps)
    }
}
