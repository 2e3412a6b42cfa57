import ArgumentParser
import Foundation
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

struct Evaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a model as a recipe's evaluation says, beside the model that training began from.",
        discussion: """
            MODEL is a run's folder or a model's, in Hugging Face's layout.

              zoo evaluate recipes/sentiment.yaml runs/sentiment-grpo-0-1
              zoo evaluate recipes/sentiment.yaml my-model --set evaluation.count=512 --json
            """)

    @Argument(help: "The recipe, a YAML file with 'evaluation'.", completion: .file(extensions: ["yaml"]))
    var recipe: String

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @OptionGroup var changes: RecipeOptions

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Print every number as JSON, samples included.")
    var json = false

    @Flag(help: "Show no progress and no samples.")
    var quiet = false

    func run() async throws {
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(recipe, plugins: catalog)
        let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: quiet || json))
        let result = try await controller.evaluate(ModelPlace.folder(model))
        if json { return try Output.print(result.json()) }
        try Output.print(RunSummary.table(result).plain())
        if !quiet { try Output.print(RunSummary.samples(result.samples.prefix(3), after: "after"), end: "") }
    }
}
