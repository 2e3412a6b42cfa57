import ZooData

/// One step of a ladder: what changes from a variant to the next.
public struct Rung: Sendable, Equatable {
    public var from: String
    public var to: String
    public var differences: [RecipeDifference]
}

extension CompareController {
    /// The neighbours among the variants, in order; empty unless the recipe calls them a ladder.
    public func ladder() throws -> [Rung] {
        guard comparison.ladder else { return [] }
        let recipes = try comparison.variants.map { try controller.recipe.applying($0) }
        let ids = Set(recipes.compactMap { $0.stages.last?.algorithm })
        let defaults = try ids.reduce(into: ParameterDefaults()) { defaults, id in
            let parameters = try controller.plugins.plugin(offering: id).algorithm(id)?.parameters ?? []
            for parameter in parameters { defaults[id, default: [:]][parameter.name] = parameter.defaultValue }
        }
        return recipes.indices.dropFirst().map { index in
            Rung(
                from: comparison.variants[index - 1].name, to: comparison.variants[index].name,
                differences: recipes[index - 1].differences(to: recipes[index], defaults: defaults))
        }
    }
}
