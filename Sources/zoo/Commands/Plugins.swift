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
        abstract: "List the algorithms, show one, or check a plugin.",
        discussion: """
            Plugins are searched next to zoo, in --plugin-path, and in the folders of ZOO_PLUGIN_PATH (separated by colons).

              zoo plugins list
              zoo plugins show ppo
              zoo plugins show grpo@deepseekmath
              zoo plugins diff grpo grpo@deepseekmath
              zoo plugins check .build/release/libMine.so
            """,
        subcommands: [List.self, Show.self, Diff.self, Check.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the algorithms that the plugins offer.")

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let catalog = try await plugins.catalog()
            try StandardOutput.print(catalog.list(width: Terminal.standardOutputWidth), end: "")
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

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the conformance checks on a plugin, each in a separate process.",
            discussion: """
                Checks loading, the ABI, every gradient by finite differences, state, and faults. The exit status is 0 if all pass.

                  zoo plugins check .build/release/libGRPO.so
                  zoo plugins check libMine.so --only numerics --json
                """)

        @Argument(help: "The plugin, a shared library.", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("Only cases whose name starts with this (repeatable).", valueName: "prefix"))
        var only: [String] = []

        @Option(help: ArgumentHelp("Seconds after which a case is killed.", valueName: "seconds"))
        var deadline = 60.0

        @Flag(help: "Print the report as JSON.")
        var json = false

        func validate() throws { try Bounds.check("--deadline", deadline, 0.001...1e6) }

        func run() async throws {
            let report = try await Conformance(deadline: deadline).check(file, only: only)
            try StandardOutput.print(json ? report.json() : report.table())
            if !report.passed { throw ExitCode(CommandStatus.data.rawValue) }
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
