import ArgumentParser
import Foundation
import ZooHost
import ZooReport

struct Plugins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the algorithms, show one, or check a plugin.",
        discussion: """
            Plugins are looked for beside zoo, in --plugin-path, and in the folders of ZOO_PLUGIN_PATH (separated by colons).

              zoo plugins list
              zoo plugins show ppo
              zoo plugins check .build/release/libMine.so
            """,
        subcommands: [List.self, Show.self, Check.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the algorithms that the plugins offer.")

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let catalog = try await plugins.catalog()
            var table = TextTable([.text("id"), .text("algorithm"), .text("plugin")])
            for plugin in catalog.plugins {
                for algorithm in plugin.algorithms {
                    table.append([algorithm.id, algorithm.title, URL(fileURLWithPath: plugin.path).shortPath])
                }
            }
            print(table.plain(), terminator: "")
            guard !catalog.failures.isEmpty else { return }
            throw Failure("not usable: " + catalog.failures.map(\.reason).joined(separator: "; "), status: Failure.data)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what an algorithm does, its paper and its parameters.", discussion: "  zoo plugins show grpo")

        @Argument(help: "The algorithm's id, such as ppo.")
        var id: String

        @OptionGroup var plugins: PluginOptions

        func run() async throws {
            let plugin = try await plugins.catalog().plugin(offering: id)
            guard let algorithm = plugin.algorithm(id) else { return }
            print("\(algorithm.id): \(algorithm.title)\n\n\(algorithm.summary)\n\(algorithm.paper)\n")
            print("plugin  \(plugin.path) (\(plugin.toolchain), contract 1.\(plugin.abiMinor))")
            print(
                "needs   \(algorithm.needs.data.map(\.rawValue).joined(separator: " or ")); roles \(algorithm.needs.roles.joined(separator: ", "))\n"
            )
            var table = TextTable([.text("parameter"), .text("default"), .text("takes"), .text("meaning")])
            for parameter in algorithm.parameters {
                table.append([parameter.name, try parameter.defaultText, try parameter.takes, parameter.doc])
            }
            print(table.plain(), terminator: "")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the conformance bench on a plugin, each case in a process of its own.",
            discussion: """
                Tries loading, the contract, every gradient by finite differences, state, and faults. The exit status is 0 where all pass.

                  zoo plugins check .build/release/libGRPO.so
                  zoo plugins check libMine.so --only numerics --json
                """)

        @Argument(help: "The plugin, a shared library.", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("Only cases whose name begins so (repeatable).", valueName: "prefix"))
        var only: [String] = []

        @Option(help: ArgumentHelp("Seconds until a case is killed.", valueName: "seconds"))
        var deadline = 60.0

        @Flag(help: "Print the report as JSON.")
        var json = false

        func run() async throws {
            let report = try await Conformance(deadline: deadline).check(file, only: only)
            print(json ? try report.json() : report.table())
            if !report.passed { throw ExitCode(Failure.data) }
        }
    }
}

extension ParameterDescription {
    var defaultText: String { get throws { try defaultValue?.text() ?? (isNullable ? "null" : "required") } }

    /// `1` and `1000000` rather than 1.0 and 1e+06.
    private static func plain(_ bound: Double) -> String { Int(exactly: bound).map(String.init) ?? "\(bound)" }

    /// The values that the parameter takes, in words.
    var takes: String {
        get throws {
            if !choices.isEmpty { return try choices.map { try $0.string ?? $0.text() }.joined(separator: " | ") }
            let lower = minimum.map { "\(minimumIsExcluded ? ">" : "≥") \(Self.plain($0))" }
            let upper = maximum.map { "\(maximumIsExcluded ? "<" : "≤") \(Self.plain($0))" }
            let range = [lower, upper].compactMap { $0 }.joined(separator: ", ")
            return [kind.rawValue, range].filter { !$0.isEmpty }.joined(separator: " ") + (isNullable ? " or null" : "")
        }
    }
}
