import ZooBase
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe

/// What the policies of a recipe draw: images of a task, or latents that other programs computed.
package enum RecipeImages: Sendable {
    case task(ImageTask)
    case stored(StoredImages)

    package var task: ImageTask? { if case .task(let task) = self { task } else { nil } }
    package var stored: StoredImages? { if case .stored(let stored) = self { stored } else { nil } }

    var shape: ImageShape {
        switch self {
        case .task(let task): ImageShape(channels: 1, height: task.height, width: task.width)
        case .stored(let stored): stored.shape
        }
    }

    var referenceShape: ImageShape? {
        switch self {
        case .task(let task): task.referenceSize.map { ImageShape(channels: 1, height: $0.height, width: $0.width) }
        case .stored(let stored): stored.referenceShape
        }
    }

    /// Condition ids of an image, and tokens of its prompt.
    var kinds: Int { task?.conditions.count ?? 1 }
    var promptTokens: Int { stored?.prompts.tokens ?? kinds }

    /// The same, checked against the model that a stage begins with, which may say how many channels there are.
    package func fitting(_ config: FluxConfig, _ recipe: Recipe) throws -> RecipeImages {
        guard case .stored(let stored) = self else { return self }
        return .stored(try stored.fitting(config, recipe.file))
    }
}
