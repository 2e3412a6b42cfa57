import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Give the same frozen samples to every variant and compare the gradients that they would apply.",
        discussion: """
            The recipe's 'probe' names the driver, a variant that is trained and frozen at some iterations; nothing else is updated.
            Every variant gets the same batches of prompts, samples and rewards. The report has the norm of its gradient, the
            signal-to-noise ratio, the bias against a reference gradient, and how well the critic, or the baseline that replaces
            it, predicts the return.

              zoo probe recipes/tabular.yaml
              zoo probe recipes/sentiment.yaml --variants ppo,grpo --set probe.batches=64
            """)

    @Argument(help: "The recipe, a YAML file with 'compare' and 'probe'.", completion: .file(extensions: ["yaml"]))
    var recipe: String

    @OptionGroup var chosen: VariantOptions

    @OptionGroup var changes: RecipeOptions

    @Option(help: "Seed of the driver and of the samples. (default: the recipe's)")
    var seed: UInt64?

    @Option(help: ArgumentHelp("The probe's folder. (default: runs/RECIPE-probe-N)", valueName: "dir"))
    var runDir: String?

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Do not show progress.")
    var quiet = false

    func run() async throws {
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(recipe, variants: chosen.algorithms, plugins: catalog)
        let place = RunPlace(runDir, name: "\(recipe.name)-probe")
        let controller = try RunController(recipe, plugins: catalog, observer: RunWatcher(quiet: quiet))
        let probe = try ProbeController(controller, variants: chosen.names)
        for variant in probe.leftOut { StandardStream.complain("zoo: left out: \(variant.reason)") }
        let (folder, result) = try await probe.run(into: place, seed: seed ?? recipe.seed)
        let report = ProbeReport(result)
        try OutputFile.write(Data(report.markdown.utf8), to: folder.url.appending(path: "probe.md"))
        try StandardOutput.report(report.plain(width: Terminal.standardOutputWidth))
        try StandardOutput.report("probe and tables: \(folder.url.shortPath)")
    }
}
