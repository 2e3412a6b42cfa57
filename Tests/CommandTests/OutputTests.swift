import Foundation
import Testing

/// What every command prints must arrive whole, or be missed loudly.
@Suite("standard output that cannot be written", .serialized)
struct OutputTests {
    private static let texts: [[String]] = [
        ["--help"], ["train", "--help"], ["--version"], ["plugins", "list"], ["plugins", "show", "ppo"],
        ["plugins", "diff", "ppo", "grpo"], ["data", "list"], ["doctor"], ["data", "inspect", "recipe.yaml"],
        ["report", "run", "--markdown"], ["report", "run", "--format", "csv"], ["report", "run", "--format", "json"],
    ]

    /// A folder with a run and a recipe that has data.
    private func withRun(_ body: (Command) throws -> Void) throws {
        try Command.inFolder { zoo in
            try Data(#"{"text": "A film."}"#.utf8).write(to: zoo.path("texts.jsonl"))
            try Data(Self.recipe.utf8).write(to: zoo.path("recipe.yaml"))
            let made = try zoo(
                "train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "run", "--quiet")
            #expect(made.status == 0, "\(made.errors)")
            try body(zoo)
        }
    }

    private static let recipe = """
        name: small
        stages:
          - name: base
            algorithm: sft
            policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, \
        num_attention_heads: 1}}
            data: {examples: texts.jsonl}
            budget: {iterations: 1}
        """

    /// Runs `zoo` by a shell that puts its streams where `redirection` says.
    private func run(_ zoo: Command, _ words: [String], _ redirection: String) throws -> (status: Int32, errors: String) {
        let errors = zoo.path(".errors-\(UUID().uuidString)")
        try Data().write(to: errors)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", "\"$0\" \"$@\" \(redirection)", Command.executable.path] + words
        process.currentDirectoryURL = zoo.folder
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["POLICYZOO_CACHE": zoo.folder.appending(path: "cache").path]
        ) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
    }

    @Test("ends every command with one sentence and status 74 where the disk is full or the stream closed")
    func full() throws {
        try withRun { zoo in
            for words in Self.texts {
                let full = try run(zoo, words, "> /dev/full")
                #expect(full.status == 74, "\(words)")
                #expect(full.errors == "zoo: error: standard output: cannot be written: the disk is full\n", "\(words)")
                let closed = try run(zoo, words, ">&-")
                #expect(closed.status == 74, "\(words)")
                #expect(closed.errors == "zoo: error: standard output: cannot be written: it is closed\n", "\(words)")
            }
        }
    }

    @Test("is no error of texts whose reader has gone: they end quietly, as the tools of the shell do")
    func reader() throws {
        try withRun { zoo in
            for words in Self.texts {
                // The reader is gone before the command writes.
                let pipe = Pipe()
                try pipe.fileHandleForReading.close()
                let errors = zoo.path(".errors")
                try Data().write(to: errors)
                let process = try zoo.start(
                    words, output: pipe.fileHandleForWriting, errors: try FileHandle(forWritingTo: errors))
                process.waitUntilExit()
                #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGPIPE, "\(words)")
                #expect(try Data(contentsOf: errors).isEmpty, "\(words)")
            }
        }
    }

    @Test("does not end training, nor is training's success taken back")
    func training() throws {
        try Command.inFolder { zoo in
            let words = ["train", Command.tabular, "--set", "budget.updates=20", "--run-dir", "run"]
            let ended = try run(zoo, words, "2>&1 | head -c 1; exit ${PIPESTATUS[0]}")
            #expect(ended.status == 0)
            #expect(FileManager.default.fileExists(atPath: zoo.path("run/done").path))
            let full = try run(
                zoo, ["train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "full", "--quiet"], "> /dev/full")
            #expect(full.status == 74 && full.errors.contains("the disk is full"))
            #expect(FileManager.default.fileExists(atPath: zoo.path("full/done").path))
        }
    }

    @Test("an error ends with its own status where standard error is full or closed", arguments: ["2> /dev/full", "2>&-"])
    func errors(redirection: String) throws {
        try Command.inFolder { zoo in
            let missing = try run(zoo, ["report", "nowhere"], redirection)
            #expect(missing.status == 66)
            let slip = try run(zoo, ["train", Command.tabular, "--set", "budget.update=1"], redirection)
            #expect(slip.status == 65)
            // Progress, too, has nowhere to go.
            let trained = try run(
                zoo, ["train", Command.tabular, "--set", "budget.updates=2", "--run-dir", "run"], redirection)
            #expect(trained.status == 0)
        }
    }
}

@Suite("tables that commands print")
struct TableTests {
    @Test(
        "fit 100 columns where the output is not a terminal",
        arguments: [
            ["plugins", "list"], ["plugins", "show", "grpo"], ["plugins", "show", "dpo@paper"], ["plugins", "show", "ppo"],
            ["plugins", "diff", "ppo", "grpo"], ["data", "list"], ["data", "check", Command.tabular], ["doctor"],
            ["cache", "list"], ["metrics"], ["recipe", "keys"],
        ])
    func width(words: [String]) throws {
        try Command.inFolder { zoo in
            let result = try zoo.run(words)
            #expect(!result.output.isEmpty)
            for line in result.output.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
        }
    }

    @Test("are as wide there as COLUMNS says; what is no width is as if it were not set")
    func columns() throws {
        try Command.inFolder { zoo in
            func widest(_ columns: String) throws -> Int {
                var zoo = zoo
                zoo.environment["COLUMNS"] = columns
                return try zoo("plugins", "show", "ppo").output.split(separator: "\n").map(\.count).max() ?? 0
            }
            let usual = try widest("")
            #expect(try widest("80") <= 80 && usual > 80)
            #expect(try widest("400") > 100)
            for wrong in ["0", "-5", "wide"] { #expect(try widest(wrong) == usual, "\(wrong)") }
        }
    }
}
