import ArgumentParser
import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooReport

extension Plugins {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a plugin, and copy it into your own folder of plugins.",
            discussion: """
                The copy is pinned to its content: if it is changed, it is refused. Every command finds its algorithms without --plugin-path.

                  zoo plugins add .build/release/libMine.so
                """)

        @Argument(help: "The plugin, a shared library.", completion: .file())
        var file: String

        @Flag(inversion: .prefixedNo, help: "Run the conformance checks first, and add it only if all pass.")
        var check = true

        func run() async throws {
            let path = URL(fileURLWithPath: file).standardizedFileURL.path
            guard FileManager.default.fileExists(atPath: path) else { throw Failure("\(path): no such file", status: .noInput) }
            let scan = try await PluginCatalog.scan(file: path)
            if let failure = scan.failures.first { throw Failure("not added: \(failure.reason)", status: .data) }
            if check {
                let report = try await Conformance().check(path)
                guard report.passed else {
                    try StandardOutput.print(report.table())
                    throw Failure(
                        "not added: \(path) did not pass every check; `--no-check` adds it all the same", status: .data)
                }
            }
            let pin = try AddedPlugins.add(path, checked: check ? Date() : nil)
            let ids = scan.plugins.flatMap(\.algorithms).map(\.id).joined(separator: ", ")
            try StandardOutput.report(
                "added \(URL(fileURLWithPath: path).lastPathComponent) (\(ids)), build \(pin.sha256.prefix(12))"
                    + (check ? ", all checks passed" : ", not checked"))
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a plugin that was added.",
            discussion: """
                  zoo plugins remove libMine.so
                """)

        @Argument(help: "The file's name, as `zoo plugins list` shows it.")
        var name: String

        func run() throws {
            try AddedPlugins.remove(name)
            try StandardOutput.report("removed \(name)")
        }
    }
}
