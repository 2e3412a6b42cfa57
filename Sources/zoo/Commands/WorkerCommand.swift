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
        subcommands: [
            Scan.self, Check.self, Digest.self, Rewards.self, Score.self, Run.self, Probe.self, Trace.self, Forecast.self,
        ])

    struct Scan: ParsableCommand {
        @Argument var files: [String]

        func run() throws { try WorkerMain.scan(files) }
    }

    struct Check: ParsableCommand {
        @Argument var file: String
        @Argument var name: String
        @Argument var folder: String

        func run() throws { try WorkerMain.check(file, name, in: folder) }
    }

    struct Digest: ParsableCommand {
        @Argument var file: String
        @Argument var algorithm: String

        func run() throws { try WorkerMain.digest(file, algorithm) }
    }

    struct Rewards: ParsableCommand {
        @Argument var file: String

        func run() throws { try WorkerMain.rewards(file) }
    }

    struct Score: ParsableCommand {
        @Argument var file: String
        @Argument var request: String

        func run() throws { try WorkerMain.score(file, request) }
    }

    struct Probe: ParsableCommand {
        @Argument var folder: String

        func run() throws {
            throw ExitCode(WorkerMain.probe(ProbeFolder(URL(fileURLWithPath: folder, isDirectory: true))))
        }
    }

    struct Forecast: ParsableCommand {
        @Argument var folder: String

        func run() throws {
            throw ExitCode(WorkerMain.forecast(RunFolder(URL(fileURLWithPath: folder, isDirectory: true))))
        }
    }

    struct Trace: ParsableCommand {
        @Argument var folder: String
        @Argument var limit: Int

        func run() throws {
            throw ExitCode(WorkerMain.trace(RunFolder(URL(fileURLWithPath: folder, isDirectory: true)), limit: limit))
        }
    }

    struct Run: ParsableCommand {
        @Argument var folder: String
        @Flag var profile = false

        func run() throws {
            let folder = RunFolder(URL(fileURLWithPath: folder, isDirectory: true))
            throw ExitCode(WorkerMain.run(folder, isProfiled: profile) { try [TensorBoardSink($0, after: $1)] })
        }
    }
}
