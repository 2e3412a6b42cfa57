import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("a folder belongs to one process at a time", .serialized)
struct FolderLockTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func url(_ name: String) -> URL { folder.url.appending(path: name) }
    private func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url(name).path) }

    private static let more = """
        evaluation: {prompts: prompts.jsonl, gold: [{function: regex, parameters: {pattern: good}}]}
        compare: {seeds: [0, 1], variants: {one: {algorithm: sft}, two: {algorithm: dpo}}}
        """

    /// Long enough for other commands to come.
    private func task(steps: Int) throws -> TinyTask {
        try TinyTask(
            in: folder.url, stage: "budget: {iterations: \(steps)}\ncheckpoints: {every: 5}\nrollout: {max_new_tokens: 4}",
            more: Self.more
        )
    }

    @Test("the second process is told who has the run, changes nothing of it, and may go on with it once the first is gone")
    func twoResumes() async throws {
        let task = try task(steps: 1500)
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "whole"])
        let first = try zoo.start(["train", task.recipe.path, "--run-dir", "run"])
        let spec = url("run/run.json").path
        // It holds the folder and reads no more of its worker, which then waits for it: the run does not end meanwhile.
        let isStopped = await first.send(SIGSTOP) { FileManager.default.fileExists(atPath: spec) }
        try #require(isStopped, "it ended before it was stopped")
        for arguments in [["--resume", "run"], [task.recipe.path, "--run-dir", "run"]] {
            let second = try await zoo.start(["train"] + arguments).end()
            #expect(second.status == (arguments.count == 3 ? 73 : 65), "\(second.errors)")
            #expect(
                try second.complaint.contains("run is being trained by process \(first.number) on host") || arguments.count == 3)
        }
        first.send(SIGKILL)
        _ = try await first.end()
        // At once: the worker of the dead process may still be there.
        try await zoo.succeed(["train", "--resume", "run"])
        try expectSameRuns(url("whole"), url("run"))
        let third = try await zoo.run("train", "--resume", "run")
        #expect(try third.status == 65 && third.complaint.contains("run is finished: there is nothing to resume"))
    }

    @Test("new runs that start at once get folders of their own, each whole")
    func newFolders() async throws {
        let task = try task(steps: 20)
        let processes = try (0..<3).map { _ in try zoo.start(["train", task.recipe.path, "--quiet"]) }
        for process in processes {
            let ended = try await process.end()
            #expect(ended.status == 0, "\(ended.errors)")
        }
        for number in 1...3 {
            let lines = try String(contentsOf: url("runs/tiny-sft-0-\(number)/metrics.jsonl"), encoding: .utf8)
            #expect(lines.split(separator: "\n").count == 20)
            #expect(isThere("runs/tiny-sft-0-\(number)/done"))
        }
        #expect(!isThere("runs/tiny-sft-0-4"))
    }

    @Test("of comparisons that start at once in one folder one makes it, and the others are told")
    func comparisons() async throws {
        let task = try task(steps: 10)
        let processes = try (0..<3).map { _ in try zoo.start(["compare", task.recipe.path, "--quiet", "--run-dir", "both"]) }
        var ended: [EndedProcess] = []
        for process in processes { ended.append(try await process.end()) }
        #expect(ended.count { $0.status == 0 } == 1)
        for refused in ended where refused.status != 0 {
            #expect(refused.status == 65)
            #expect(try refused.complaint.contains("both is being made by process"))
        }
        for run in ["one-seed0", "one-seed1", "two-seed0", "two-seed1"] {
            #expect(isThere("both/\(run)/done"))
            let lines = try String(contentsOf: url("both/\(run)/metrics.jsonl"), encoding: .utf8)
            #expect(lines.split(separator: "\n").count == 10)
        }
    }

    @Test("a comparison that is refused leaves the tables of the folder as they were")
    func refused() async throws {
        let task = try task(steps: 3)
        try await zoo.succeed(["compare", task.recipe.path, "--quiet", "--run-dir", "both"])
        let tables = ["comparison.md", "comparison.csv", "compare.json"]
        let before = try tables.map { try Data(contentsOf: url("both/\($0)")) }
        let other = try await zoo.run("compare", task.recipe.path, "--quiet", "--run-dir", "both", "--set", "budget.iterations=4")
        #expect(other.status == 73)
        #expect(try other.complaint.contains("both/one-seed0 contains a different run"))
        #expect(try tables.map { try Data(contentsOf: url("both/\($0)")) } == before)
        let train = try await zoo.run("train", task.recipe.path, "--quiet", "--run-dir", "both")
        #expect(try train.status == 73 && train.complaint.contains("both already contains a comparison"))
    }

    @Test("the same command goes on with what was left unfinished, unless it says --new", arguments: ["train", "compare"])
    func goesOn(command: String) async throws {
        let task = try task(steps: 60)
        let name = command == "train" ? "tiny-sft-0" : "tiny-compare"
        let run = command == "train" ? "runs/tiny-sft-0-1" : "runs/tiny-compare-1/one-seed0"
        let first = try zoo.start([command, task.recipe.path, "--quiet"])
        let checkpoints = url("\(run)/checkpoints").path
        let isBegun = { @Sendable in !((try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []).isEmpty }
        try #require(await first.send(SIGKILL, when: isBegun), "it ended before it was killed")
        _ = try await first.end()

        let other = try await zoo.succeed([command, task.recipe.path, "--quiet", "--set", "budget.iterations=4"])
        #expect(!other.errors.contains("left unfinished") && isThere("runs/\(name)-2"), "another recipe is another run")
        let second = try await zoo.succeed([command, task.recipe.path, "--quiet"])
        let thing = command == "train" ? "run" : "comparison"
        let continued = "runs/\(name)-1 is the same \(thing), unfinished: continuing it; --new starts another"
        #expect(second.errors.contains(continued), "\(second.errors)")
        #expect(isThere("\(run)/done") && !isThere("runs/\(name)-3"))
        try await zoo.succeed([command, task.recipe.path, "--quiet", "--new"])
        let again = command == "train" ? "runs/tiny-sft-0-3" : "runs/tiny-compare-3/one-seed0"
        try expectSameRuns(url(again), url(run))
    }
}
