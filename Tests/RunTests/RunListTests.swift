import Foundation
import Testing
import ZooBase
import ZooData

@Suite("zoo runs", .serialized)
struct RunListTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let tabular = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
    private static let short = ["--quiet", "--set", "budget.updates=4", "--set", "evaluation.samples_per_prompt=1"]

    private func json(_ words: String...) async throws -> JSONValue {
        try JSONValue(parsing: try await zoo.succeed(["runs"] + words + ["--json"]).output, place: "zoo runs")
    }

    @Test("a list says of each run what it was and how it ended; what is no run is named and stops nothing")
    func list() async throws {
        let files = FileManager.default
        try await zoo.succeed(["train", Self.tabular, "--algorithm", "grpo"] + Self.short)
        try await zoo.succeed(["compare", Self.tabular, "--variants", "ppo", "--seeds", "3"] + Self.short)
        // A run that fails on its own, and one that was killed half-way.
        let plugins = try BrokenPlugin.folder("IDLE", in: folder.url)
        _ = try TinyTask(in: folder.url, stage: "budget: {updates: 3}")
        let failed = try await zoo.start(["train", "tiny.yaml", "--plugin-path", plugins, "--algorithm", "broken"]).end()
        #expect(failed.status == 65)
        try files.copyItem(at: place("runs/tabular-grpo-0-1"), to: place("runs/killed"))
        for name in ["done", "evaluation.json", "ledger.json"] { try files.removeItem(at: place("runs/killed/\(name)")) }
        try files.createDirectory(at: place("runs/notes"), withIntermediateDirectories: true)
        try Data("x".utf8).write(to: place("runs/notes/a.txt"))
        try files.createDirectory(at: place("runs/half"), withIntermediateDirectories: true)
        try Data(#"{"recipe": {"na"#.utf8).write(to: place("runs/half/run.json"))

        let found = try await json("list")
        let runs = try #require(found["runs"]?.array)
        func run(_ name: String) throws -> JSONValue { try #require(runs.first { $0["run"]?.string == name }, "\(name)") }
        #expect(runs.count == 4)
        let grpo = try run("tabular-grpo-0-1")
        #expect(grpo["status"]?.string == "finished" && grpo["algorithm"]?.string == "grpo" && grpo["seed"]?.integer == 0)
        #expect(grpo["iterations"]?.integer == 4 && grpo["budget"]?.string == "4 updates" && grpo["seconds"]?.number ?? 0 > 0)
        #expect(grpo["metrics"]?["gold"]?.number != nil && grpo["model"]?.string == "new tabular")
        #expect(try run("tabular-compare-1/ppo-seed3")["seed"]?.integer == 3)
        let broken = try run("tiny-broken-0-1")
        #expect(broken["status"]?.string == "failed")
        #expect(broken["reason"]?.string?.contains("'broken' spent nothing of its budget") == true)
        #expect(try run("killed")["status"]?.string == "stopped")
        let others = try #require(found["others"]?.array).compactMap(\.string)
        #expect(others.count == 2)
        #expect(others.contains { $0 == "notes: no run: it has no run.json" })
        #expect(others.contains { $0.hasPrefix("runs/half/run.json cannot be read: ") })

        let text = try await zoo.succeed(["runs", "list"]).output
        #expect(text.contains("tiny-broken-0-1 failed: ") && text.contains("finished") && text.contains("notes: no run"))
        #expect(!text.contains("\u{1B}"))
        let none = try await zoo.run("runs", "list", "nowhere")
        #expect(none.status == 66)
        #expect(try none.complaint.contains("nowhere: there is no such folder"))
    }

    @Test("a card shows a run, and a comparison of two what differs, by content")
    func cards() async throws {
        try await zoo.succeed(["train", Self.tabular, "--algorithm", "grpo"] + Self.short)
        try await zoo.succeed(
            ["train", Self.tabular, "--algorithm", "grpo", "--set", "parameters.beta=0.25", "--seed", "7"] + Self.short)
        let (first, second) = ("runs/tabular-grpo-0-1", "runs/tabular-grpo-7-1")
        let card = try await zoo.succeed(["runs", "show", first]).output
        for words in [
            "status      finished on ", "stage       aligned: grpo, seed 0", "gold reward", "plugin ", "libtorch", "network",
        ] {
            #expect(card.contains(words), "\(words) in \(card)")
        }
        let difference = try await json("diff", first, second)
        let keys = try #require(difference["differences"]?.array).compactMap { $0["key"]?.string }
        #expect(keys == ["seed", "parameters.grpo.beta"])
        #expect(difference["differences"]?.array?.last?["second"]?.string == "0.25")
        #expect(difference["metrics"]?["gold"]?["first"]?.number != nil && difference["metrics"]?["iterations"] != nil)
        let same = try await zoo.succeed(["runs", "diff", first, first]).output
        #expect(same.hasPrefix("the same run: nothing that affects a result differs\n"))
        let text = try await zoo.succeed(["runs", "diff", first, second]).output
        #expect(text.contains("parameters.grpo.beta") && text.contains("gold reward"))
        #expect(try await zoo.run("runs", "show", "runs").complaint.contains("runs is not a run: it has no run.json"))
    }

    @Test("a run in progress is said to be running, and a stopped one how to go on")
    func running() async throws {
        let words = [
            "train", Self.tabular, "--algorithm", "grpo", "--run-dir", "run", "--quiet", "--set", "budget.updates=100000",
        ]
        let process = try zoo.start(words)
        let metrics = place("run/metrics.jsonl").path
        #expect(await eventually { (FileManager.default.contents(atPath: metrics)?.count ?? 0) > 1000 })
        #expect(try await json("show", "run")["status"]?.string == "running")
        process.send(SIGINT)
        _ = try await process.end()
        let card = try await zoo.succeed(["runs", "show", "run"]).output
        #expect(card.contains("status      stopped on ") && card.contains("continue with: zoo train --resume run"))
        #expect(card.contains(" of 100k updates"))
    }

    private func place(_ path: String) -> URL { folder.url.appending(path: path) }
}
