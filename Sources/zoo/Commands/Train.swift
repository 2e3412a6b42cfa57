import ArgumentParser
import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train the last stage of a recipe; stages before it are made once and kept.",
        discussion: """
            Ctrl-C ends the run after the step in progress; a second one ends it at once. Either way --resume goes on with it, and so
            does the same command where the run's folder was not named.

              zoo train recipes/sentiment.yaml
              zoo train recipes/sentiment.yaml --algorithm grpo --set parameters.beta=0.1 --seed 1
              zoo train recipes/sentiment.yaml --algorithm grpo@deepseekmath
              zoo train --resume runs/sentiment-grpo-1-1
              zoo train --resume runs/sentiment-grpo-1-1 --set budget.updates=400

            A run goes on with the recipe, the files, the plugin and the program that it was begun with, or is refused by name. One that
            is whole goes on where --set gives it a larger budget, from the checkpoint that 'keep_checkpoint: true' in its stage kept.
            """)

    @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
    var recipe: String?

    @Option(help: ArgumentHelp("Train with this algorithm, such as grpo or grpo@trl, in place of the recipe's.", valueName: "id"))
    var algorithm: String?

    @OptionGroup var changes: RecipeOptions

    @Option(help: "Seed of data order and sampling; the recipe's unless given.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("The run's folder; runs/RECIPE-ALGORITHM-SEED-N unless given.", valueName: "dir"))
    var runDir: String?

    @Option(help: ArgumentHelp("Go on with the run in this folder, bit for bit as if it had never stopped.", valueName: "run"))
    var resume: String?

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Begin another run, where the same one was left unfinished under 'runs'.")
    var new = false

    @Flag(help: "Show no progress and no samples.")
    var quiet = false

    func validate() throws {
        if resume == nil {
            guard recipe != nil else {
                throw ValidationError("name a recipe, such as recipes/sentiment.yaml, or a run to --resume")
            }
        } else if recipe != nil || algorithm != nil || changes.base != nil || seed != nil || runDir != nil || new {
            throw ValidationError("--resume goes on with a run as it was begun; leave the recipe and its changes out")
        } else if let other = changes.changes.first(where: { !$0.hasPrefix("budget.") }) {
            throw ValidationError(
                "--resume goes on with a run as it was begun, which --set \(other) would change; only a larger budget can be set, such "
                    + "as --set budget.updates=400")
        }
    }

    func run() async throws {
        if let resume {
            let folder = RunFolder(URL(fileURLWithPath: resume, isDirectory: true))
            try await RunController.resume(
                folder, changes: changes.changes.map { try Override($0) }, observer: RunWatcher(quiet: quiet))
            return try RunSummary(folder: folder, quiet: quiet).show()
        }
        guard let path = recipe else { return }
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(path, algorithm: algorithm, plugins: catalog)
        let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: quiet))
        let seed = seed ?? recipe.seed
        let id = recipe.stages.last?.algorithm ?? ""
        let place = RunPlace(runDir, name: "\(recipe.name)-\(id)-\(seed)", anew: new)
        let run: PlacedRun
        do { run = try await controller.place(place, seed: seed) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; the same command goes on from here", status: Failure.interrupted)
        }
        if run.goesOn { note("\(run.folder.url.shortPath) is this run, left unfinished: going on with it; --new begins another") }
        do { try await controller.train(run) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; go on with: zoo train --resume \(run.folder.url.shortPath)", status: Failure.interrupted)
        }
        try RunSummary(folder: run.folder, quiet: quiet).show()
    }
}
