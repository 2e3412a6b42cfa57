import ZooData
import ZooPlugins
import ZooRecipe
import ZooRecords

extension CompareController {
    /// The neighbours among the variants, in order; empty unless the recipe calls them a ladder.
    public func ladder() throws -> [Rung] {
        guard comparison.ladder else { return [] }
        let recipes = try comparison.variants.map { variant in
            var recipe = try controller.recipe.applying(variant)
            if let last = recipe.stages.indices.last { recipe.stages[last] = try controller.resolved(recipe.stages[last]).stage }
            return recipe
        }
        let ids = Set(recipes.compactMap { $0.stages.last?.algorithmID })
        let defaults = try ids.reduce(into: ParameterDefaults()) { $0[$1] = try controller.plugins.offer($1).defaults }
        return recipes.indices.dropFirst().map { index in
            Rung(
                from: variants[index - 1], to: variants[index],
                differences: recipes[index - 1].differences(to: recipes[index], defaults: defaults))
        }
    }
}
