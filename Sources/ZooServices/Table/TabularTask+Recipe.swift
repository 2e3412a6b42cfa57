import ZooData
import ZooModels
import ZooRecipe

extension TabularTask {
    /// The task of a recipe; nil if the recipe has another one.
    public init?(_ recipe: Recipe) throws {
        guard case .table(let task)? = try recipe.makeTask()?.content else { return nil }
        self = task
    }

    /// The shape of its networks.
    public var config: TabularConfig { TabularConfig(vocabularySize: vocabulary, horizon: horizon, prompts: promptCount) }
}
