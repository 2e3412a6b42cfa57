import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

struct Zoo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoo",
        abstract: "Train a model with PPO, GRPO, DPO or your own algorithm, and compare them.",
        discussion: """
            An algorithm is a plugin, an experiment is a recipe.

              zoo init                                              a recipe for your own model and data
              zoo compare recipes/sentiment.yaml                    all variants and seeds, one table
              zoo report runs/sentiment-compare-1                   curves, costs and statistics on one page
              zoo train recipes/sentiment.yaml --algorithm grpo     one run
              zoo plugins show grpo                                 what it does, and its parameters

            \(Failure.statuses)
            """,
        version: "0.1.0",
        subcommands: [
            Init.self, Train.self, Compare.self, ProbeCommand.self, Runs.self, Report.self, Sample.self, Evaluate.self,
            Merge.self, Export.self, Plugins.self, Metrics.self, RewardCommand.self, TaskData.self, ModelCommand.self,
            RecipeCommand.self, RolloutServerCommand.self, Cache.self, Doctor.self, WorkerCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        StandardStream.prepare()
        do {
            try RepeatedOptions.refuse(in: Array(CommandLine.arguments.dropFirst()))
            var command = try Zoo.parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            LogPrograms.shared.wait()
        } catch {
            LogPrograms.shared.wait()
            Failure.exit(error)
        }
    }
}
