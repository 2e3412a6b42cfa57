import Foundation
import ZooBase
import ZooRecipe

extension RunController {
    /// Refuses a recipe whose models cannot fit the memory, before any of them is read: by the headers of their weights, and by what is
    /// trained. What else a run needs, such as activations, comes on top, so not everything that passes will fit.
    func checkMemory(_ recipe: Recipe) throws {
        // What a GPU has free, the worker looks at.
        guard recipe.device == "cpu" else { return }
        for stage in recipe.stages {
            let isEvaluated = stage.name == recipe.stages.last?.name && recipe.evaluation != nil
            let needs = try plugins.offer(stage.algorithm).algorithm.needs
            let check = MemoryCheck(recipe, stage, needs, isEvaluated: isEvaluated)
            try check.require(AvailableMemory.bytes, of: "memory", recipe, stage)
        }
    }
}
