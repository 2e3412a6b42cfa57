import ArgumentParser
import Foundation
import ZooHost
import ZooKit
import ZooReport

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train every variant of a recipe over its seeds and put the results side by side.",
        discussion: """
            All runs share the base model, the data order, the prompts and the evaluation. A run that dies is reported and the others
            go on. After Ctrl-C, --run-dir with the same folder goes on with what is left.

              zoo compare recipes/sentiment.yaml
              zoo compare recipes/sentiment.yaml --variants ppo,dpo --seeds 0,1,2,3,4
              zoo compare recipes/sentiment.yaml --bases 3
              zoo compare recipes/sentiment.yaml --algorithm grpo --algorithm grpo@deepseekmath
              zoo compare recipes/ladder.yaml --base recipes/tabular.yaml
            """)

    @Argument(help: "The recipe, a YAML file with 'compare'.", completion: .file(extensions: ["yaml"]))
    var recipe: String

    @OptionGroup var chosen: VariantOptions

    @Option(help: ArgumentHelp("These seeds in place of the recipe's, separated by commas.", valueName: "seeds"))
    var seeds: String?

    @Option(
        help: ArgumentHelp(
            "Make the stages before the last anew so often; all seeds run over each. The recipe's unless given.", valueName: "n"))
    var bases: Int?

    @Option(help: "Runs at a time; the recipe's unless given.")
    var jobs: Int?

    @OptionGroup var changes: RecipeOptions

    @Option(help: ArgumentHelp("The comparison's folder; runs/RECIPE-compare-N unless given.", valueName: "dir"))
    var runDir: String?

    @OptionGroup var plugins: PluginOptions

    @Flag(help: "Show no progress and no samples.")
    var quiet = false

    func validate() throws {
        _ = try seedList()
        if let bases, bases < 1 { throw ValidationError("--bases is \(bases); expected a whole number from 1") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); expected a whole number from 1") }
    }

    private func list(_ text: String?) -> [String] {
        text?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
    }

    private func seedList() throws -> [UInt64] {
        try list(seeds).map { text in
            guard let seed = UInt64(text) else {
                throw ValidationError("--seeds has '\(text)'; expected whole numbers, such as 0,1,2")
            }
            return seed
        }
    }

    func run() async throws {
        let catalog = try await plugins.catalog()
        let recipe = try changes.recipe(recipe, variants: chosen.algorithms, plugins: catalog)
        let folder =
            try runDir.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? RunPlace.new(nil, name: "\(recipe.name)-compare")
        // The names of the runs are the comparison's to say, and the watcher must know them.
        let plan = try comparison(recipe, catalog, RunWatcher(quiet: true))
        for variant in plan.leftOut where !quiet {
            print("\(variant) is left out: it is not for task \(recipe.task?.name ?? "")")
        }
        let comparison = try comparison(recipe, catalog, RunWatcher(quiet: quiet, runs: plan.runs))
        let base = changes.base.map { " --base \($0)" } ?? ""
        let algorithms = chosen.algorithms.map { " --algorithm \($0)" }.joined()
        let again = "zoo compare \(self.recipe)\(base)\(algorithms) --run-dir \(folder.shortPath)"
        let runs: [ComparedRun]
        do { runs = try await comparison.run(into: folder) } catch let error as ZooError where error.code == .cancelled {
            throw Failure("stopped; go on with: \(again)", status: Failure.interrupted)
        }
        let ladder = try LadderReport(rungs: comparison.ladder())
        var table = ComparisonReport(variants: comparison.variants, runs: runs, recipe: recipe)
        table.presets = comparison.presets.map { variant, preset in
            variant == preset.label ? preset.sentence : "\(variant): \(preset.sentence)"
        }
        try show(table, ladder, recipe, folder)
        try report(failuresOf: runs, again)
    }

    private func comparison(_ recipe: Recipe, _ catalog: PluginCatalog, _ watcher: RunWatcher) throws -> CompareController {
        let controller = try RunController(recipe, plugins: catalog, observer: watcher)
        return try CompareController(controller, variants: chosen.names, seeds: seedList(), bases: bases, jobs: jobs)
    }

    private func show(_ report: ComparisonReport, _ ladder: LadderReport, _ recipe: Recipe, _ folder: URL) throws {
        let title = recipe.about.isEmpty ? recipe.name : "\(recipe.name): \(recipe.about)"
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let markdown = report.markdown(title: title) + ladder.markdown()
        try Data(markdown.utf8).write(to: folder.appending(path: "comparison.md"), options: .atomic)
        try Data(report.csv().utf8).write(to: folder.appending(path: "comparison.csv"), options: .atomic)
        if !quiet { print(report.samples(3)) }
        print(report.plain(width: Terminal.standardOutputWidth))
        if !ladder.rungs.isEmpty { print(ladder.plain()) }
        writePage(folder)
        print("runs and tables: \(folder.shortPath)   (curves: tensorboard --logdir \(folder.shortPath))")
    }

    /// The page is one view of what lies there anyway: where it cannot be made, that is said, and the comparison stands.
    private func writePage(_ folder: URL) {
        do {
            let page = ReportBuilder(try ReportPlace([folder.path])).page()
            let file = Report.file(in: folder)
            try Report.write(try page.html(vega: ChartLibrary.load()), to: file)
            print("report: \(file.shortPath)")
        } catch {
            print("report: not written; \(Failure(error).message)")
        }
    }

    /// A comparison with a hole in it must not look whole.
    private func report(failuresOf runs: [ComparedRun], _ again: String) throws {
        let failures = runs.compactMap { run -> (run: ComparedRun, error: ZooError)? in
            if case .failure(let error) = run.result { (run, error) } else { nil }
        }
        guard !failures.isEmpty else { return }
        if failures.contains(where: { $0.error.code == .cancelled }) {
            throw Failure("stopped; go on with: \(again)", status: Failure.interrupted)
        }
        let reasons = failures.map {
            let base = Set(runs.map(\.base)).count > 1 ? "base \($0.run.base), " : ""
            return "\($0.run.variant), \(base)seed \($0.run.seed): \($0.error.message)"
        }.joined(separator: "; ")
        throw Failure("\(failures.count) of \(runs.count) runs failed: \(reasons)", status: Failure.software)
    }
}
