import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRun

extension Plugins {
    struct Trace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run one iteration and print what the plugin saw: batches, outputs, gradients, metrics, as lines of JSON.",
            discussion: """
                Nothing of the run is kept. The stages before it are trained or taken from the cache, as for zoo train.

                  zoo plugins trace my-method --plugin-path build
                  zoo plugins trace grpo --recipe recipes/sentiment.yaml --limit 1000
                """)

        @Argument(help: "The algorithm or preset.")
        var id: String

        @Option(
            help: ArgumentHelp("The recipe. (default: the tabular task)", valueName: "recipe"),
            completion: .file(extensions: ["yaml"]))
        var recipe: String?

        @Option(help: "Numbers of an array that are printed.")
        var limit = 16

        @OptionGroup var changes: RecipeOptions
        @OptionGroup var plugins: PluginOptions

        func validate() throws { try Bounds.check("--limit", limit, 1...1_000_000_000) }

        func run() async throws {
            let catalog = try await plugins.catalog()
            let path = try recipe ?? PluginKit.find().templates + "/recipes/trace.yaml"
            let recipe = try changes.recipe(path, algorithm: id, plugins: catalog)
            let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-trace-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: true))
            let run = try await controller.place(.folder(folder), seed: recipe.seed)
            try StandardOutput.print(try await controller.trace(run, limit: limit), end: "")
        }
    }
}
