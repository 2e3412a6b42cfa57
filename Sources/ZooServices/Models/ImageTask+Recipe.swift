import ZooData
import ZooModels
import ZooRecipe

extension ImageTask {
    /// The task of a recipe; nil if the recipe has no task of images. Throws if its raw data is not there.
    package static func of(_ recipe: Recipe) throws -> ImageTask? { try recipe.makeTask().flatMap(images) }

    /// The task whose prompts a network's conditions are; nil if there is none.
    package static func of(_ kinds: [ConditionTable.Kind]?) throws -> ImageTask? {
        try Tasks.all.first { task in task.layout.map { $0.conditions.map(\.kind) } == kinds }.flatMap { try images($0.make()) }
    }

    private static func images(_ task: any Task) throws -> ImageTask? {
        guard case .images(let load) = task.content else { return nil }
        return try load(TaskFiles.raw(type(of: task)))
    }

    /// The kinds of condition, as a network embeds them.
    var kinds: [ConditionTable.Kind] { conditions.map(\.kind) }
}

extension ImageCondition {
    fileprivate var kind: ConditionTable.Kind { .init(name, labels.count) }
}

extension RecipeImages {
    /// nil if the recipe's policies make no images. Throws if the data is not there.
    package static func of(_ recipe: Recipe) throws -> RecipeImages? {
        if let files = recipe.images { return .stored(try StoredImages(files, recipe: recipe.file)) }
        return try ImageTask.of(recipe).map(task)
    }
}
