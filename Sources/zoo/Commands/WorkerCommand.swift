import ArgumentParser
import Foundation
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// What this executable does as its own worker process.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Work as a separate process for another zoo.", shouldDisplay: false,
        subcommands: [Scan.self, Check.self, Run.self, Probe.self])

    struct Scan: ParsableCommand {
        @Argument var files: [String]

        func run() throws { try WorkerMain.scan(files) }
    }

    struct Check: ParsableCommand {
        @Argument var file: String
        @Argument var name: String

        func run() throws { try WorkerMain.check(file, name) }
    }

    struct Probe: ParsableCommand {
        @Argument var folder: String

        func run() throws {
            throw ExitCode(WorkerMain.probe(ProbeFolder(URL(fileURLWithPath: folder, isDirectory: true))))
        }
    }

    struct Run: ParsableCommand {
        @Argument var folder: String

        func run() throws {
            let folder = RunFolder(URL(fileURLWithPath: folder, isDirectory: true))
            throw ExitCode(WorkerMain.run(folder) { try [TensorBoardSink($0, after: $1)] })
        }
    }
}
