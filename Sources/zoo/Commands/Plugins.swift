import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct Plugins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the algorithms, show one, begin a new one, or check, add or remove a plugin.",
        discussion: """
            Plugins are searched next to zoo, among those of `zoo plugins add`, in --plugin-path, and in the folders of ZOO_PLUGIN_PATH
            (separated by colons).

              zoo plugins list
              zoo plugins show ppo
              zoo plugins show grpo@deepseekmath
              zoo plugins diff grpo grpo@deepseekmath
              zoo plugins check .build/release/libMine.so
              zoo plugins add .build/release/libMine.so
              zoo plugins new my-method --language c
            """,
        subcommands: [
            List.self, Show.self, Diff.self, New.self, Check.self, Trace.self, Add.self, Remove.self, SDK.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the algorithms that the plugins offer.")

        @OptionGroup var plugins: PluginOptions

        @Flag(help: "Scan every file again, also those that crashed or hung before.")
        var rescan = false

        func run() async throws {
            let catalog = try await plugins.catalog(anew: rescan)
            try StandardOutput.print(catalog.list(width: Terminal.standardOutputWidth, pins: AddedPlugins.pins()), end: "")
            guard !catalog.failures.isEmpty else { return }
            throw Failure("not usable: " + catalog.failures.map(\.reason).joined(separator: "; "), status: .data)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what an algorithm does, its paper, its parameters and its presets; or one preset in full.",
            discussion: """
                  zoo plugins show grpo
                  zoo plugins show grpo@deepseekmath
                """)

        @Argument(help: "The algorithm's id, such as ppo, or a preset, such as grpo@deepseekmath.")
        var id: String

        @Flag(help: "Print the parameters alone, as a table of Markdown.")
        var markdown = false

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let offer = try await plugins.catalog().asked(id)
            guard !markdown else { return try StandardOutput.print(offer.parameterTable(), end: "") }
            try StandardOutput.print(offer.page(width: Terminal.standardOutputWidth), end: "")
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how two algorithms or presets differ: parameters, their meaning, and sources.",
            discussion: """
                  zoo plugins diff grpo grpo@deepseekmath
                  zoo plugins diff ppo rloo
                """)

        @Argument(help: "An algorithm or a preset, such as grpo or grpo@deepseekmath.")
        var first: String

        @Argument(help: "Another one.")
        var second: String

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let catalog = try await plugins.catalog()
            let difference = try OfferDifference(catalog.asked(first), catalog.asked(second))
            try StandardOutput.print(difference.text(width: Terminal.standardOutputWidth), end: "")
        }
    }
}

extension PluginCatalog {
    /// The offer by that name; throws with the nearest name if there is none.
    fileprivate func asked(_ name: String) throws -> Offer {
        do { return try offer(name) } catch let error as ZooError {
            guard plugins.allSatisfy({ $0.algorithm(AlgorithmName(name).id) == nil }),
                let meant = nearest(name, among: algorithmNames)
            else { throw error }
            throw ZooError(
                .invalidArgument, "no plugin offers the algorithm '\(AlgorithmName(name).id)'; did you mean '\(meant)'?")
        }
    }
}
