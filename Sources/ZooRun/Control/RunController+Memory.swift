import Foundation
import ZooBase
import ZooRecipe
import ZooServices

extension RunController {
    /// Refuses a recipe whose models cannot fit the memory, before any of them is read: by the headers of their weights, and by what is
    /// trained. What else a run needs, such as activations, comes on top, so not everything that passes will fit.
    func checkMemory(_ recipe: Recipe) throws {
        // What a GPU has free, the worker looks at.
        guard recipe.device == "cpu" else { return }
        let ranks = try Launch()?.size ?? 1
        for stage in recipe.stages {
            // What one process prepares comes before.
            let isLast = stage.name == recipe.stages.last?.name
            let needs = try plugins.offer(stage.algorithm).algorithm.needs
            let check = MemoryCheck(
                recipe, stage, needs, isEvaluated: isLast && recipe.evaluation != nil, ranks: isLast ? ranks : 1)
            try check.require(AvailableMemory.bytes, of: "memory", recipe, stage)
        }
    }
}
