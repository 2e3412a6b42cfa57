import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("a run that dies", .serialized)
struct DyingRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    @Test("leaves the others of its comparison going, is named with its cause, and the table still comes")
    func comparison() async throws {
        let plugins = try BrokenPlugin.folder("CRASH_IN_STEP", in: folder.url)
        let task = try TinyTask(
            in: folder.url, stage: "budget: {iterations: 3}\nrollout: {max_new_tokens: 4}",
            more: """
                evaluation: {prompts: prompts.jsonl, gold: [{function: regex, parameters: {pattern: good}}]}
                compare: {seeds: [0, 1], variants: {broken: {algorithm: broken}, sound: {algorithm: sft}}}
                """)
        let ended = try await zoo.run("compare", task.recipe.path, "--plugin-path", plugins, "--run-dir", "runs")
        #expect(ended.status == 70)
        let complaint = try ended.complaint
        #expect(complaint.hasPrefix("2 of 4 runs failed: broken, seed 0: run 'broken-seed0' crashed: it aborted"))
        #expect(complaint.contains("broken, seed 1: run 'broken-seed1' crashed"))

        let rows = ended.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(rows.contains(["metric", "base", "broken", "sound"]))
        let kl = try #require(rows.first { $0.starts(with: ["KL", "to", "the", "base,", "nats"]) })
        #expect(kl[6] == "–" && Double(kl[7]) != nil)
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "runs/comparison.md").path))
        for seed in 0...1 {
            #expect(RunFolder(folder.url.appending(path: "runs/sound-seed\(seed)")).isDone)
            let broken = RunFolder(folder.url.appending(path: "runs/broken-seed\(seed)"))
            #expect(!broken.isDone && !FileManager.default.fileExists(atPath: broken.model.path))
        }
    }

    private func tiny(_ more: String = "") throws -> TinyTask {
        try TinyTask(in: folder.url, stage: "budget: {iterations: 3}\nrollout: {max_new_tokens: 4}", more: more)
    }

    private func train(_ defect: String, _ changes: [String] = []) async throws -> EndedProcess {
        let plugins = try BrokenPlugin.folder(defect, in: folder.url)
        let words = ["train", try tiny().recipe.path, "--algorithm", "broken", "--plugin-path", plugins, "--run-dir", "run"]
        return try await zoo.start(words + changes).end()
    }

    private func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.url.appending(path: name).path)
    }

    @Test("by exit(0) has failed, wherever its plugin calls it", arguments: ["EXIT_IN_STEP=0", "EXIT_IN_CREATE"])
    func exitsWell(defect: String) async throws {
        let ended = try await train(defect)
        #expect(ended.status == 70)
        #expect(try ended.complaint.hasPrefix("run 'only' ended early: its process called exit(0)"))
        #expect(!isThere("run/done") && !isThere("run/model"))
    }

    @Test("by exit(0) while its plugin is loaded is named too")
    func exitsAtLoad() async throws {
        let ended = try await train("EXIT_IN_ENTRY")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("libBroken.so called exit(0) before its worker answered"))
    }

    @Test("by exit(0) in a probe has failed")
    func exitsInProbe() async throws {
        let plugins = try BrokenPlugin.folder("EXIT_IN_STEP=0", in: folder.url)
        let task = try tiny(
            """
            compare: {variants: {sound: {algorithm: dpo}, broken: {algorithm: broken}}}
            probe: {driver: broken, at: [1], prompts: 2, samples: 2, batches: 4}
            """)
        let ended = try await zoo.run("probe", task.recipe.path, "--plugin-path", plugins, "--run-dir", "probe")
        #expect(ended.status == 70, "\(ended.errors)")
        #expect(try ended.complaint.contains("called exit(0)"))
    }

    @Test(
        "by a status or a signal of its own is not the user's Ctrl-C: the others of its comparison go on",
        arguments: [
            ("EXIT_IN_STEP=130", "ended with status 130"),
            ("SIGNAL_IN_STEP=15", "was stopped by a signal sent only to its process"),
            ("SIGNAL_IN_STEP=2", "was stopped by a signal sent only to its process"),
        ])
    func stopsItself(defect: String, cause: String) async throws {
        let plugins = try BrokenPlugin.folder(defect, in: folder.url)
        let task = try tiny("compare: {seeds: [0], jobs: 1, variants: {broken: {algorithm: broken}, sound: {algorithm: sft}}}")
        let ended = try await zoo.run("compare", task.recipe.path, "--plugin-path", plugins, "--run-dir", "runs")
        #expect(ended.status == 70)
        let complaint = try ended.complaint
        #expect(complaint.hasPrefix("1 of 2 runs failed: broken, seed 0: run 'broken-seed0' \(cause)"), "\(complaint)")
        #expect(isThere("runs/sound-seed0/done"))
    }

    @Test(
        "for a metric with a name of the host's own is told which names those are",
        arguments: ["step", "budget/updates", "lr/policy", "eval/kl", "grad_norm/policy", "evaluation/gold"])
    func reservedMetric(name: String) async throws {
        let ended = try await train("METRIC=\"\(name)\"")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("metric '\(name)' has a name reserved by the host"))
    }

    @Test("by Ctrl-C with a disk that is full says so, not that it may go on")
    func stoppedOnFullDisk() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 100000}\ncheckpoints: {every: 0}")
        let metrics = folder.url.appending(path: "run/metrics.jsonl").path
        // The plugin's copy does not fit under the limit.
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.iterations=1", "--run-dir", "before", "--quiet"])
        // The metrics of some steps go into the room, the weights of 85 kB do not.
        let script = "trap '' XFSZ; ulimit -f $((64 * 1024 / $1)); shift; exec \"$@\""
        let zoo = ZooCommand.folder.appending(path: "zoo").path
        let block = try await FullDisk.blockSize(in: folder.url)
        let process = try RunningProcess(
            URL(fileURLWithPath: "/bin/sh"),
            ["-c", script, "sh", "\(block)", zoo, "train", task.recipe.path, "--run-dir", "run", "--quiet"], self.zoo.environment,
            in: folder.url)
        let begun = { @Sendable in (FileManager.default.contents(atPath: metrics)?.count ?? 0) > 200 }
        try #require(await process.send(SIGINT, when: begun), "the run ended before Ctrl-C")
        let ended = try await process.end()
        #expect(ended.status != 130 && ended.status != 0)
        let complaint = try ended.complaint
        #expect(complaint.contains("the checkpoint of iteration") && complaint.contains("could not be written"), "\(complaint)")
    }

    @Test("by a terminal that closes leaves a checkpoint and goes on from it")
    func hangUp() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 60}\ncheckpoints: {every: 0}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "whole", "--quiet"])
        let process = try zoo.start(["train", task.recipe.path, "--run-dir", "run", "--quiet"])
        let metrics = folder.url.appending(path: "run/metrics.jsonl").path
        let begun = { @Sendable in (FileManager.default.contents(atPath: metrics)?.count ?? 0) > 200 }
        try #require(await process.send(SIGHUP, when: begun), "the run ended before the hang-up")
        #expect(try await process.end().status == 130)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: "run/checkpoints").path)
        #expect(left.count == 1)
        try await zoo.succeed(["train", "--resume", "run", "--quiet"])
        try expectSameRuns(folder.url.appending(path: "whole"), folder.url.appending(path: "run"))
    }

    @Test("is not one whose reader goes away: `zoo train | head` trains to its end")
    func readerGoes() async throws {
        let zoo = ZooCommand.folder.appending(path: "zoo").path
        let script = "{ \"$0\" train \"$1\" --run-dir run 2>&1; echo $? > status; } | head -n 1 > /dev/null"
        let process = try RunningProcess(
            URL(fileURLWithPath: "/bin/bash"), ["-c", script, zoo, try tiny().recipe.path], self.zoo.environment, in: folder.url)
        _ = try await process.end()
        #expect(isThere("run/done"))
    }
}

/// Plugins that do one thing wrong, built from the fixture of the loader's tests.
enum BrokenPlugin {
    /// Builds the plugin with that defect, or with several joined by " -DBROKEN_", into a folder of its own and returns its path.
    static func folder(_ defect: String, in folder: URL) throws -> String {
        let name = defect.map { $0.isLetter || $0.isNumber || $0 == "_" ? String($0) : "-" }.joined()
        let plugins = folder.appending(path: "plugins-\(name)")
        try FileManager.default.createDirectory(at: plugins, withIntermediateDirectories: true)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let defects = "-DBROKEN_\(defect)".split(separator: " -D").map { $0.hasPrefix("-D") ? String($0) : "-D\($0)" }
        let options = ["cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden"]
        let files = [
            "-I", ZooCommand.clone.appending(path: "Sources/CZoo/include").path,
            ZooCommand.clone.appending(path: "Tests/ZooPluginsTests/Fixtures/broken.c").path,
            "-o", plugins.appending(path: "libBroken.so").path, "-lm", "-pthread",
        ]
        compiler.arguments = options + defects + files
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "cc failed on broken.c with BROKEN_\(defect)")
        return plugins.path
    }
}
