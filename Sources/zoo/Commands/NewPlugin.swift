import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooReport

extension Plugins {
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new",
            abstract: "Write the folder of a new plugin: source, build file, recipe, test and page.",
            discussion: """
                It passes `zoo plugins check` as it is; the line that this prints builds and checks it.

                  zoo plugins new my-method --language c
                  zoo plugins new my-method --language swift --like dpo
                """)

        @Argument(help: "The algorithm's id: lower-case letters, digits and hyphens.")
        var name: String

        @Option(help: "The language: \(PluginTemplate.Language.allCases.map(\.rawValue).joined(separator: ", ")).")
        var language: PluginTemplate.Language

        @Option(help: ArgumentHelp("The algorithm to begin from: reinforce, grpo or dpo.", valueName: "id"))
        var like: String = "reinforce"

        @Option(help: ArgumentHelp("The folder to write. (default: the name)", valueName: "dir"))
        var output: String?

        func run() async throws {
            let template = try PluginTemplate(kit: .find(), language: language, like: like)
            let names = try PluginTemplate.Names(name)
            if let known = try? await PluginCatalog.scan(PluginSearchPath(environment: [:])).plugin(offering: name) {
                throw ZooError(.alreadyExists, "'\(name)' is an algorithm of \(known.path); choose another name")
            }
            let folder = URL(fileURLWithPath: output ?? name, isDirectory: true)
            try template.write(names, to: folder)
            if !language.isInstalled { note("\(language.compiler) is not installed; \(language.howToInstall)") }
            try StandardOutput.print("make -C \(folder.shortPath.shellWord) check")
        }
    }
}

extension PluginTemplate.Language: ExpressibleByArgument {
    /// Whether its compiler is on the search path of programs.
    fileprivate var isInstalled: Bool {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(compiler)") }
    }
}
