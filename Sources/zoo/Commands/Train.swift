import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun
import ZooServices

struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train the last stage of a recipe; earlier stages are trained once and cached.",
        discussion: """
            Ctrl-C stops the run after the current iteration; a second one stops it at once. In both cases --resume continues it, and
            so does the same command if it did not name the run's folder.

              zoo train recipes/sentiment.yaml
              zoo train recipes/sentiment.yaml --algorithm grpo --set parameters.beta=0.1 --seed 1
              zoo train recipes/sentiment.yaml --algorithm grpo@deepseekmath
              zoo train recipes/sentiment.yaml --dry-run
              zoo train --resume runs/sentiment-grpo-1-1
              zoo train --resume runs/sentiment-grpo-1-1 --set budget.updates=400

            A run resumes only with the recipe, files, plugin and program that it started with; what has changed is named. A finished
            run continues if --set gives it a larger budget and 'checkpoints: {after_end: true}' in its stage kept a checkpoint.

            --dry-run trains nothing: it makes each kind of pass of one iteration once, and says what the run would take in seconds,
            memory and disk. Expect seconds within a factor of 1.5, as long as samples stay as long as the first ones.

            --profile prints where the time went, and writes profile.json into the run's folder, which https://ui.perfetto.dev and
            Chrome's chrome://tracing open: host and plugin on one time line.
            """)

    @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml"]))
    var recipe: String?

    @Option(help: ArgumentHelp("Train with this algorithm, such as grpo or grpo@trl, instead of the recipe's.", valueName: "id"))
    var algorithm: String?

    @OptionGroup var changes: RecipeOptions

    @Option(help: "Seed of data order and sampling. (default: the recipe's)")
    var seed: UInt64?

    @Option(help: ArgumentHelp("The run's folder. (default: runs/RECIPE-ALGORITHM-SEED-N)", valueName: "dir"))
    var runDir: String?

    @Option(help: ArgumentHelp("Resume the run in this folder, bit for bit as if it had never stopped.", valueName: "run"))
    var resume: String?

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Start a new run even if the same one is unfinished under 'runs'.")
    var new = false

    @Flag(help: "Say what the run would cost, and write nothing.")
    var dryRun = false

    @Flag(help: "With --dry-run: every number, as JSON.")
    var json = false

    @Flag(help: "Say where the time went: a table, and a trace in the run's folder.")
    var profile = false

    @Flag(help: "Do not show progress and samples.")
    var quiet = false

    func validate() throws {
        if profile, dryRun { throw ValidationError("--dry-run trains nothing that --profile could time; leave out one of them") }
        if json, !dryRun { throw ValidationError("--json prints what --dry-run finds; add --dry-run") }
        if resume == nil {
            guard recipe != nil else {
                throw ValidationError("name a recipe, such as recipes/sentiment.yaml, or a run to --resume")
            }
        } else if recipe != nil || algorithm != nil || changes.base != nil || seed != nil || runDir != nil || new || dryRun {
            throw ValidationError("--resume continues a run as it was started; leave out the recipe and its changes")
        } else if let other = changes.changes.first(where: { !$0.hasPrefix("budget.") }) {
            throw ValidationError(
                "--resume continues a run as it was started, which --set \(other) would change; only a larger budget can be set, such "
                    + "as --set budget.updates=400")
        }
    }

    func run() async throws {
        let launch = try Launch()
        // The others say what rank 0 says.
        let observer = RunWatcher(quiet: quiet || launch.map { $0.rank > 0 } ?? false)
        if let resume {
            let folder = RunFolder(URL(fileURLWithPath: resume, isDirectory: true))
            if let launch {
                let changes = try changes.changes.map { try Override($0) }
                try await RunController.resume(folder, changes: changes, isProfiled: profile, observer: observer, as: launch)
                return try launch.rank == 0 ? show(folder) : ()
            }
            try await RunController.resume(
                folder, changes: changes.changes.map { try Override($0) }, isProfiled: profile, observer: observer)
            return try show(folder)
        }
        guard let path = recipe else { return }
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(path, algorithm: algorithm, plugins: catalog)
        let controller = try RunController(recipe, plugins: catalog, observer: observer)
        let seed = seed ?? recipe.seed
        guard !dryRun else { return try await DryRun(controller).show(seed: seed, json: json) }
        let id = recipe.stages.last?.algorithm ?? ""
        let place = RunPlace(runDir, name: "\(recipe.name)-\(id)-\(seed)", anew: new)
        if let launch {
            let folder = try await controller.train(place, seed: seed, as: launch, isProfiled: profile)
            return try launch.rank == 0 ? show(folder) : ()
        }
        let run: PlacedRun
        do { run = try await controller.place(place, seed: seed) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; the same command continues from here", status: .interrupted)
        }
        if run.goesOn { note("\(run.folder.url.shortPath) is the same run, unfinished: continuing it; --new starts another") }
        do { try await controller.train(run, isProfiled: profile) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; continue with: zoo train --resume \(run.folder.url.shortPath)", status: .interrupted)
        }
        try show(run.folder)
    }

    private func show(_ folder: RunFolder) throws {
        for part in try RunSummary(folder, hasSamples: !quiet).plain(width: Terminal.standardOutputWidth) {
            try StandardOutput.report(part)
        }
        guard profile else { return }
        let found = try ProfileTable(folder.profile)
        try StandardOutput.report(found.table.plain(width: Terminal.standardOutputWidth))
        if let word = found.note { note(word) }
        try StandardOutput.report("profile  \(folder.profile.shortPath)   (open it in https://ui.perfetto.dev)")
    }
}
