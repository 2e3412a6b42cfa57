import Foundation
import Testing
import ZooData

@Suite("zoo data list and fetch")
struct DataTests {
    /// Writes the files that say that the digits are there.
    private func digits(_ zoo: Command) throws -> URL {
        let raw = zoo.path("cache/data/digits/raw")
        try FileManager.default.createDirectory(at: raw, withIntermediateDirectories: true)
        for name in ["digits.csv", "digits.rst", "SOURCE.txt"] { try Data("x".utf8).write(to: raw.appending(path: name)) }
        return raw
    }

    @Test("list shows every task, what it is, and whether its data is there")
    func list() throws {
        try Command.inFolder { zoo in
            let raw = try digits(zoo)
            let rows = try Self.rows(zoo("data", "list").output)
            #expect(rows.map { $0.name } == Tasks.names + FetchedModel.names)
            func says(_ task: String, _ text: String) -> Bool {
                guard let row = rows.first(where: { $0.name == task }) else { return false }
                return Set(text.split(separator: " ")).isSubset(of: row.words)
            }
            for task in Tasks.all { #expect(says(task.name, task.summary), "\(task.name)") }
            #expect(says("subject", "present") && says("digits", "present"))
            #expect(says("sentiment", "missing: zoo data fetch sentiment"))
            #expect(says("fashion", "missing: needs Debian's package dataset-fashion-mnist"))
            #expect(says("countdown", "generated on first use") && says("tabular", "needs none"))
            #expect(try zoo("data", "list").output.contains(raw.lastPathComponent))
        }
    }

    /// The rows of a table whose cells are wrapped: the first cell, and the words of all cells.
    private static func rows(_ table: String) -> [(name: String, words: Set<Substring>)] {
        table.split(separator: "\n").dropFirst(2).reduce(into: []) { rows, line in
            let words = line.split(separator: " ")
            if line.hasPrefix(" ") {
                rows[rows.count - 1].words.formUnion(words)
            } else {
                rows.append((String(words[0]), Set(words)))
            }
        }
    }

    @Test("a fetch leaves what is there, runs the script that is compiled in, and says what needs no data")
    func fetch() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            zoo.environment["PYTHON"] = "/bin/false"  // Nothing is downloaded here.
            let raw = try digits(zoo)
            let found = try zoo("data", "fetch", "subject", "countdown", "tabular", "digits")
            #expect(found.status == 0 && found.errors == "")
            let says = "\(raw.path)\ntask countdown needs no data\ntask tabular needs no data\n\(raw.path)\n"
            #expect(found.output == says)
            let failed = try zoo("data", "fetch", "sentiment")
            #expect(failed.status == 70)
            #expect(failed.errors.contains("fetch-sentiment: pip could not download"))
            let parent = zoo.path("cache/data/sentiment")
            #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path) == [])
        }
    }

    @Test("an unknown task is refused with the nearest", arguments: [("digit", "digits"), ("al", "all"), ("fashon", "fashion")])
    func unknown(name: String, meant: String) throws {
        try Command.inFolder { zoo in
            let refused = try zoo("data", "fetch", "countdown", name)
            #expect(refused.status == 64 && refused.output == "")
            #expect(
                refused.errors.contains("there is no task or model '\(name)'")
                    && refused.errors.contains("did you mean '\(meant)'?"))
        }
    }

    @Test("data of a package that is not installed is left out of all, and refused by name")
    func notInstalled() throws {
        guard !FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist") else { return }
        try Command.inFolder { zoo in
            let refused = try zoo("data", "fetch", "fashion")
            #expect(refused.status == 66)
            #expect(refused.errors.contains("install Debian's package dataset-fashion-mnist"))
        }
    }

    @Test("without the library a Parquet file is refused with the command that gets it, and with one that converts the file")
    func parquet() throws {
        try Command.inFolder { zoo in
            var zoo = zoo
            let text = """
                name: small
                stages:
                  - name: base
                    algorithm: sft
                    policy: {new: {family: llama, vocabulary_size: 260, hidden_size: 32, num_hidden_layers: 1}}
                    data: {examples: many.parquet}
                    budget: {iterations: 1}
                """
            try Data(text.utf8).write(to: zoo.path("recipe.yaml"))
            let fixture = Command.root.appending(path: "Tests/ZooDataTests/Fixtures/parquet/many.parquet")
            try FileManager.default.copyItem(at: fixture, to: zoo.path("many.parquet"))
            let inspect = ["data", "inspect", "recipe.yaml", "--count", "1"]
            let found = try zoo.run(inspect)
            #expect(found.status == 0 && found.output.contains("stage base, examples: 2500 rows of text"), "\(found)")
            #expect(try zoo("doctor").output.contains("Apache Arrow of pyarrow"))
            zoo.environment["XDG_CACHE_HOME"] = zoo.path("none").path
            let missing = try zoo.run(inspect)
            #expect(missing.status == 65)
            for words in [
                "many.parquet: ", "none/policyzoo/arrow-", "get it with `make parquet`", "python3 -c", "p.read_table('",
            ] {
                #expect(missing.errors.contains(words), "\(missing.errors)")
            }
            #expect(try zoo("doctor").output.contains("–        Parquet"))
        }
    }
}
