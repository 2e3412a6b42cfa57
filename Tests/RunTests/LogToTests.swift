import Foundation
import Testing
import ZooBase
import ZooData

@Suite("logging to a program", .serialized)
struct LogToTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        parameters: {grpo: {prompts: 2, samples: 2}}
        rollout: {max_new_tokens: 4}
        budget: {iterations: 3}
        """
    private var sink: String { folder.url.appending(path: "sink.py").path }
    private static let command = ["train", "tiny.yaml", "--algorithm", "grpo", "--run-dir", "run"]

    /// A recipe that logs to a script of Python, which begins with `import json, sys, time`.
    private func task(_ script: String, timeout: Double = 60, stage: String = Self.stage) throws {
        _ = try folder.write("import json, os, sys, time\n" + script, to: "sink.py")
        _ = try TinyTask(
            in: folder.url, stage: stage,
            more: """
                evaluation: {prompts: prompts.jsonl, count: 2}
                log_to: [{command: [python3, \(sink)], timeout: \(timeout)}]
                """)
    }

    private static let copying = """
        with open("lines.jsonl", "w") as out:
            for line in sys.stdin:
                json.loads(line)
                out.write(line)
                out.flush()
            out.write('{"type": "closed"}\\n')
        print("a word for the log")
        """

    private func lines() throws -> [JSONValue] {
        let text = try String(contentsOf: folder.url.appending(path: "lines.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONValue(parsing: String($0), place: "lines.jsonl") }
    }

    @Test("gets the run's start, the metrics of each iteration as logged, the evaluation, samples, and the end")
    func story() async throws {
        try task(Self.copying)
        try await zoo.succeed(Self.command)
        let lines = try lines()
        #expect(
            lines.map { $0["type"]?.string } == [
                "start", "metrics", "metrics", "metrics", "evaluation", "samples", "end", "closed",
            ])
        let start = lines[0]
        #expect(start["protocol"]?.string == "zoo-log/1" && start["recipe"]?.string == "tiny" && start["run"]?.string == "run")
        #expect(start["algorithm"]?.string == "grpo" && start["seed"]?.integer == 0 && start["stage"]?.string == "only")
        #expect(start["config"]?["stages"]?.array?.first?["parameters"]?["grpo"]?["prompts"]?.integer == 2)
        let recorded = try String(contentsOf: folder.url.appending(path: "run/metrics.jsonl"), encoding: .utf8)
        for (line, record) in zip(lines[1...3], recorded.split(separator: "\n")) {
            let values = try JSONValue(parsing: String(record), place: "metrics.jsonl")
            #expect(line["step"] == values["step"])
            for (name, value) in values.object?.members.map({ ($0.key, $0.value) }) ?? [] where name != "step" {
                #expect(line["values"]?[name]?.number == value.number, "\(name)")
            }
        }
        #expect(lines[4]["metrics"]?["reward"]?.number != nil && lines[4]["reference"]?["reward"]?.number != nil)
        #expect(lines[5]["samples"]?.array?.count == 2 && lines[5]["samples"]?.array?.first?["after"]?.string != nil)
        #expect(lines[6]["status"]?.string == "finished" && lines[6]["reason"]?.isNull == true)
        #expect(try String(contentsOf: folder.url.appending(path: "run/log_to.txt"), encoding: .utf8) == "a word for the log\n")
    }

    @Test("it is no part of what a run is made from, and a run that fails says so there")
    func ends() async throws {
        try task(Self.copying)
        try await zoo.succeed(Self.command)
        let twin = try await zoo.succeed(["runs", "diff", "run", "run", "--json"]).output
        #expect(!twin.contains("log_to"))
        let plugins = try BrokenPlugin.folder("IDLE", in: folder.url)
        let failed = try await zoo.start([
            "train", "tiny.yaml", "--plugin-path", plugins, "--algorithm", "broken", "--set", "budget={updates: 2}", "--run-dir",
            "other",
        ]).end()
        #expect(failed.status == 65)
        let end = try #require(try lines().first { $0["type"]?.string == "end" })
        #expect(end["status"]?.string == "failed" && end["reason"]?.string?.contains("ended without progress") == true)
    }

    @Test(
        "one that crashes, cannot start, hangs or is slow to end changes nothing of the run, and is said once",
        arguments: [
            ("sys.stdin.readline()\nsys.exit(3)", "ended with status 3"), ("os.kill(os.getpid(), 11)", "was ended by signal 11"),
            ("time.sleep(1000)", "has not ended 0.3 s after the run and was killed"),
            ("for line in sys.stdin: time.sleep(0.2)\ntime.sleep(1000)", "has not ended 0.3 s after the run and was killed"),
        ])
    func broken(script: String, sentence: String) async throws {
        try task(script, timeout: 0.3)
        let ended = try await zoo.succeed(Self.command)
        let said = ended.errors.components(separatedBy: "warning: log_to: 'python3 \(sink)' ")
        #expect(said.count == 2, "\(ended.errors)")
        #expect(said.last?.contains(sentence) == true, "\(ended.errors)")
        let log = try String(contentsOf: folder.url.appending(path: "run/log.txt"), encoding: .utf8)
        #expect(log.contains(sentence))
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "run/done").path))
        let sink = sink
        #expect(await eventually { Processes.mentioning(sink).isEmpty })
    }

    @Test("a recipe that says it wrong is told what is expected")
    func refused() async throws {
        try task(Self.copying)
        let missing = try await zoo.run("train", "tiny.yaml", "--set", "log_to=[{timeout: 3}]")
        #expect(
            try missing.complaint.contains("expected the key 'command', a list of words such as [python3, -m, zoo_log_wandb]"))
        let other = try await zoo.run("train", "tiny.yaml", "--set", "log_to=[{command: [a], url: x}]")
        #expect(try other.complaint.contains("log_to[0].url: is not a key here"))
        let absent = try await zoo.succeed(Self.command + ["--set", "log_to=[{command: [no-such-tracker]}]"])
        #expect(absent.errors.contains("warning: log_to: 'no-such-tracker' cannot be started, so nothing is logged there"))
    }

    @Test(
        "the adapters are found without being installed, and name the package that they need",
        arguments: ["wandb", "mlflow", "trackio"])
    func adapters(name: String) async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage, more: "log_to: [{command: [python3, -I, -c, \"\"]}]")
        // A package of that name that is not the tracker: what is tested is that the module is found and asks for it.
        let package = folder.url.appending(path: "packages")
        try FileManager.default.createDirectory(at: package, withIntermediateDirectories: true)
        try Data("raise SystemExit('asked for \(name)')\n".utf8).write(to: package.appending(path: "\(name).py"))
        var zoo = zoo
        zoo.environment["PYTHONPATH"] = package.path
        try await zoo.start(Self.command + ["--set", "log_to=[{command: [python3, -m, zoo_log_\(name)]}]"]).end().expectDone()
        let log = try String(contentsOf: folder.url.appending(path: "run/log_to.txt"), encoding: .utf8)
        #expect(log == "asked for \(name)\n")
    }
}

extension EndedProcess {
    fileprivate func expectDone() { #expect(status == 0, "\(errors)") }
}
