import ArgumentParser
import Foundation
import ZooBase
import ZooRecords
import ZooReport

/// What the folders of runs say; nothing is started.
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List runs, show one, and compare two.",
        discussion: """
            Reads the folders that zoo train and zoo compare leave: what ran, with what, how it ended, when, how long, and what came out.

              zoo runs list
              zoo runs show runs/sentiment-grpo-0-1
              zoo runs diff runs/sentiment-grpo-0-1 runs/sentiment-ppo-0-1
            """,
        subcommands: [List.self, Show.self, Diff.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the runs of a folder, the oldest first, those of comparisons among them.",
            discussion: """
                A folder that is no run, or whose files cannot be read, is named in a line below.

                  zoo runs list
                  zoo runs list runs --json
                """)

        @Argument(help: "The folder of runs, or of a comparison.", completion: .directory)
        var folder = "runs"

        @Flag(help: "As JSON: the runs, and the sentences about other folders.")
        var json = false

        func run() throws {
            let list = try RunList(folder)
            guard !json else { return try StandardOutput.print(try list.json.text()) }
            if list.runs.isEmpty {
                try StandardOutput.print("no runs in \(folder)")
            } else {
                try StandardOutput.table(list.table)
            }
            let lines = list.failures + list.remarks
            if !lines.isEmpty { try StandardOutput.print("\n" + lines.joined(separator: "\n")) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one run: what it was made from, how it ended, its metrics and its costs.",
            discussion: "  zoo runs show runs/sentiment-grpo-0-1")

        @Argument(help: "The run's folder.", completion: .directory)
        var folder: String

        @Flag(help: "As JSON.")
        var json = false

        func run() throws {
            let record = try Runs.record(folder)
            guard !json else { return try StandardOutput.print(try record.json.text()) }
            try StandardOutput.print(RunCard(record).plain(width: Terminal.standardOutputWidth), end: "")
        }
    }

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what differs between two runs: settings, data, plugin, versions, and the final metrics side by side.",
            discussion: "  zoo runs diff runs/sentiment-grpo-0-1 runs/sentiment-ppo-0-1")

        @Argument(help: "A run's folder.", completion: .directory)
        var first: String

        @Argument(help: "Another run's folder.", completion: .directory)
        var second: String

        @Flag(help: "As JSON.")
        var json = false

        func run() throws {
            let difference = try RunDifference(Runs.record(first), Runs.record(second))
            guard !json else { return try StandardOutput.print(try difference.json.text()) }
            try StandardOutput.print(difference.plain(width: Terminal.standardOutputWidth), end: "")
        }
    }

    private static func record(_ path: String) throws -> RunRecord {
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        return try RunRecord(RunFolder(folder), name: folder.shortPath)
    }
}
