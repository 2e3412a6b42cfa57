import ArgumentParser
import Foundation
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Evaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a recipe's evaluation on a model, next to the model that training started from.",
        discussion: """
            MODEL is the folder of a run, or of a model in Hugging Face's layout.

              zoo evaluate recipes/sentiment.yaml runs/sentiment-grpo-0-1
              zoo evaluate recipes/sentiment.yaml my-model --set evaluation.count=512 --json
            """)

    @Argument(help: "The recipe, a YAML file with 'evaluation'.", completion: .file(extensions: ["yaml"]))
    var recipe: String

    @Argument(help: "The folder of a run or of a model.", completion: .directory)
    var model: String

    @OptionGroup var changes: RecipeOptions

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Print every number as JSON, including samples.")
    var json = false

    @Flag(help: "Do not show progress and samples.")
    var quiet = false

    func run() async throws {
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(recipe, plugins: catalog)
        let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: quiet || json))
        let result = try await controller.evaluate(ModelPlace.folder(model))
        if json { return try StandardOutput.print(result.json()) }
        try StandardOutput.table(RunSummary.table(result))
        try StandardOutput.print("")
        if !quiet { try StandardOutput.print(RunSummary.samples(result.samples.prefix(3), after: "after"), end: "") }
    }
}
