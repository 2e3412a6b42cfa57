import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train every variant of a recipe over its seeds and compare the results.",
        discussion: """
            All runs share the base model, the data order, the prompts and the evaluation. If a run dies, that is reported and the
            others continue. After Ctrl-C the same command continues with what is left.

              zoo compare recipes/sentiment.yaml
              zoo compare recipes/sentiment.yaml --variants ppo,dpo --seeds 0,1,2,3,4
              zoo compare recipes/sentiment.yaml --bases 3
              zoo compare recipes/sentiment.yaml --algorithm grpo --algorithm grpo@deepseekmath
              zoo compare recipes/ladder.yaml --base recipes/tabular.yaml
              zoo compare recipes/arithmetic.yaml --dry-run

            --dry-run trains nothing: it makes each kind of pass of one iteration of each variant once, and says what all runs
            together would take in time, memory and disk.
            """)

    @Argument(help: "The recipe, a YAML file with 'compare'.", completion: .file(extensions: ["yaml"]))
    var recipe: String

    @OptionGroup var chosen: VariantOptions

    @Option(help: ArgumentHelp("Seeds, separated by commas (repeatable). (default: the recipe's)", valueName: "seeds"))
    var seeds: [String] = []

    @Option(
        help: ArgumentHelp(
            "Train the stages before the last this many times; all seeds run over each. (default: the recipe's)", valueName: "n"))
    var bases: Int?

    @Option(help: "Runs at a time. (default: the recipe's)")
    var jobs: Int?

    @OptionGroup var changes: RecipeOptions

    @Option(help: ArgumentHelp("The comparison's folder. (default: runs/RECIPE-compare-N)", valueName: "dir"))
    var runDir: String?

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Start a new comparison even if the same one is unfinished under 'runs'.")
    var new = false

    @Flag(help: "Say what it would cost, and train nothing.")
    var dryRun = false

    @Flag(help: "With --dry-run: every number, as JSON.")
    var json = false

    @Flag(help: "Do not show progress and samples.")
    var quiet = false

    func validate() throws {
        if json, !dryRun { throw ValidationError("--json prints what --dry-run finds; add --dry-run") }
        guard try seeds.isEmpty || !seedList().isEmpty else {
            throw ValidationError("--seeds is empty; leave it out to use the recipe's")
        }
        if let bases { try Bounds.check("--bases", bases, 1...RecipeLimits.jobs) }
        if let jobs { try Bounds.check("--jobs", jobs, 1...RecipeLimits.jobs) }
    }

    private func seedList() throws -> [UInt64] {
        try seeds.flatMap(\.listed).map { text in
            guard let seed = UInt64(text) else {
                throw ValidationError("--seeds has '\(text)'; expected whole numbers, such as 0,1,2")
            }
            return seed
        }
    }

    func run() async throws {
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(recipe, variants: chosen.algorithms, plugins: catalog)
        // The names of the runs are the comparison's to say, and the watcher must know them.
        let plan = try comparison(recipe, catalog, RunWatcher(quiet: true))
        for variant in plan.leftOut where !quiet && !json {
            try StandardOutput.report("\(variant) is left out: it does not apply to task \(recipe.task?.name ?? "")")
        }
        guard !dryRun else {
            return try await DryRun.show(comparison(recipe, catalog, RunWatcher(quiet: quiet)), json: json)
        }
        let watched = try comparison(recipe, catalog, RunWatcher(quiet: quiet, runs: plan.runs))
        let placed: PlacedComparison
        let place = RunPlace(runDir, name: "\(recipe.name)-compare", anew: new)
        do { placed = try await watched.place(place) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; the same command continues from here", status: .interrupted)
        }
        let folder = placed.folder
        if placed.goesOn {
            note("\(folder.shortPath) is the same comparison, unfinished: continuing it; --new starts another")
        }
        let again = self.again(in: folder)
        let runs: [ComparedRun]
        do { runs = try await watched.run(placed) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; continue with: \(again)", status: .interrupted)
        }
        // Tables of nothing would take the place of those of an earlier call.
        guard runs.contains(where: { if case .success = $0.result { true } else { false } }) else {
            return try report(failuresOf: runs, again)
        }
        let ladder = try LadderReport(rungs: watched.ladder())
        let table = ComparisonReport(
            variants: watched.variants, runs: Self.measured(runs, of: recipe),
            presets: watched.presets.map { variant, preset in
                variant == preset.label ? preset.sentence : "\(variant): \(preset.sentence)"
            }, hasBases: recipe.makesBase)
        try show(table, ladder, recipe, folder)
        try report(failuresOf: runs, again)
    }

    /// The runs that did not fail.
    private static func measured(_ runs: [ComparedRun], of recipe: Recipe) -> [MeasuredRun] {
        let hasAllPrompts = recipe.evaluation.map { $0.prompts == recipe.stages.last?.data.prompts } ?? false
        return runs.compactMap { run in
            guard case .success(let found) = run.result else { return nil }
            return MeasuredRun(
                variant: run.variant, base: run.base, seed: run.seed, evaluation: found.evaluation, ledger: found.ledger,
                hasAllPrompts: hasAllPrompts)
        }
    }

    /// The same command, with its folder.
    private func again(in folder: URL) -> String {
        var words = ["zoo", "compare", recipe]
        func add(_ option: String, _ values: [String]) { for value in values { words += [option, value] } }
        add("--variants", chosen.variants)
        add("--algorithm", chosen.algorithms)
        add("--seeds", seeds)
        add("--set", changes.changes)
        add("--base", changes.base.map { [$0] } ?? [])
        add("--bases", bases.map { ["\($0)"] } ?? [])
        add("--jobs", jobs.map { ["\($0)"] } ?? [])
        add("--plugin-path", plugins.pluginPath)
        add("--run-dir", [folder.shortPath])
        return words.map(\.shellWord).joined(separator: " ")
    }

    private func comparison(_ recipe: Recipe, _ catalog: PluginCatalog, _ watcher: RunWatcher) throws -> CompareController {
        let controller = try RunController(recipe, plugins: catalog, observer: watcher)
        return try CompareController(controller, variants: chosen.names, seeds: seedList(), bases: bases, jobs: jobs)
    }

    private func show(_ report: ComparisonReport, _ ladder: LadderReport, _ recipe: Recipe, _ folder: URL) throws {
        let title = recipe.about.isEmpty ? recipe.name : "\(recipe.name): \(recipe.about)"
        try OutputFile.createFolder(folder)
        let markdown = report.markdown(title: title) + ladder.markdown()
        try OutputFile.write(Data(markdown.utf8), to: folder.appending(path: "comparison.md"))
        try OutputFile.write(Data(report.csv().utf8), to: folder.appending(path: "comparison.csv"))
        if !quiet { try StandardOutput.report(report.samples(3)) }
        try StandardOutput.report(report.plain(width: Terminal.standardOutputWidth))
        if !ladder.rungs.isEmpty { try StandardOutput.report(ladder.plain()) }
        try writePage(folder)
        try StandardOutput.report("runs and tables: \(folder.shortPath)   (curves: tensorboard --logdir \(folder.shortPath))")
    }

    /// The page is only a view of the folder: if it cannot be written, a line says so and the comparison still succeeds.
    private func writePage(_ folder: URL) throws {
        let line: String
        do {
            let page = ReportBuilder(try ReportPlace([folder.path])).page()
            let file = Report.file(in: folder)
            try Report.write(try page.html(vega: ChartLibrary.load()), to: file)
            line = "report: \(file.shortPath)"
        } catch {
            line = "report: not written; \(Failure(error).message)"
        }
        try StandardOutput.report(line)
    }

    /// A comparison with missing runs must not look complete.
    private func report(failuresOf runs: [ComparedRun], _ again: String) throws {
        let failures = runs.compactMap { run -> (run: ComparedRun, error: ZooError)? in
            if case .failure(let error) = run.result { (run, error) } else { nil }
        }
        guard !failures.isEmpty else { return }
        if failures.contains(where: { $0.error.code == .cancelled }) {
            throw Failure("stopped; continue with: \(again)", status: .interrupted)
        }
        let reasons = failures.map {
            let base = Set(runs.map(\.base)).count > 1 ? "base \($0.run.base), " : ""
            return "\($0.run.variant), \(base)seed \($0.run.seed): \($0.error.message)"
        }.joined(separator: "; ")
        // What all of them stumbled over has the status that it has in a single run.
        let statuses = Set(failures.map(\.error.status))
        throw Failure(
            "\(failures.count) of \(runs.count) runs failed: \(reasons)",
            status: statuses.count == 1 ? failures[0].error.status : .software)
    }
}
