import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe

/// Everything that a worker needs to know about its run; `run.json` in the run's folder.
public struct RunSpec: Codable, Sendable {
    public var recipe: Recipe
    /// Name of the stage that runs.
    public var stage: String
    public var seed: UInt64
    /// The plugin's file.
    public var plugin: String
    /// The stage's preset; nil if it names none.
    public var preset: PresetUse?
    /// Model folders of the earlier stages, by stage.
    public var models: [String: String]
    /// Whether the model is evaluated at the end, on the recipe's held-out prompts.
    public var evaluates: Bool
    /// Threads of the worker.
    public var threads: Int { recipe.stages.first { $0.name == stage }?.threads ?? recipe.threads }
    /// The command that made the run, for `environment.json`.
    public var command: [String]
    /// What the run was started with: it continues only with the same. nil in runs of earlier versions.
    public var madeFrom: MadeFrom?
    /// Of `recipe.yaml`, which is for people: an edit of it would have no effect.
    package var recipeSHA256: String?
    /// Of the spec itself, without this field: tells whether it was edited.
    var seal: String?
    /// The budgets that the run had before it was given a larger one.
    package var earlierBudgets: [EarlierBudget]?

    package init(
        recipe: Recipe, stage: String, seed: UInt64, plugin: String, preset: PresetUse? = nil, models: [String: String],
        evaluates: Bool, command: [String], madeFrom: MadeFrom? = nil, recipeSHA256: String? = nil, seal: String? = nil,
        earlierBudgets: [EarlierBudget]? = nil
    ) {
        self.recipe = recipe
        self.stage = stage
        self.seed = seed
        self.plugin = plugin
        self.preset = preset
        self.models = models
        self.evaluates = evaluates
        self.command = command
        self.madeFrom = madeFrom
        self.recipeSHA256 = recipeSHA256
        self.seal = seal
        self.earlierBudgets = earlierBudgets
    }

    package struct EarlierBudget: Codable, Sendable, Equatable {
        package var budget: Budget
        /// Of the `recipe.yaml` with that budget.
        package var recipeSHA256: String?

        package init(budget: Budget, recipeSHA256: String?) {
            (self.budget, self.recipeSHA256) = (budget, recipeSHA256)
        }
    }

    /// The spec with the hashes of its files.
    package func sealed() throws -> RunSpec {
        var spec = self
        spec.recipeSHA256 = sha256(Data(recipeText.utf8))
        spec.seal = nil
        spec.seal = sha256(try JSON.encode(spec))
        return spec
    }

    /// Whether the spec is unchanged.
    package var isSealed: Bool {
        get throws {
            var spec = self
            spec.seal = nil
            return try sha256(JSON.encode(spec)) == seal
        }
    }

    /// The SHA-256 of the plugin's file as the run was planned; nil in runs of earlier versions.
    package var pluginSHA256: String? { madeFrom?.inputs.first { $0.name == "plugin" }?.sha256 }

    /// What `recipe.yaml` says.
    var recipeText: String { (preset.map { "# \($0.sentence)\n" } ?? "") + recipe.resolvedYAML() }
}
