import Foundation
import Testing
import ZooRecords

@Suite("a run survives its plugin", .serialized)
struct HostilePluginTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func train(_ defect: String, _ changes: [String] = [], budget: String = "iterations: 3", into run: String = "run")
        async throws -> EndedProcess
    {
        let task = try TinyTask(in: folder.url, stage: "budget: {\(budget)}\nrollout: {max_new_tokens: 4}")
        let plugins = try BrokenPlugin.folder(defect, in: folder.url)
        let words = ["train", task.recipe.path, "--algorithm", "broken", "--plugin-path", plugins, "--run-dir", run]
        return try await zoo.start(words + changes).end()
    }

    private var run: RunFolder { RunFolder(folder.url.appending(path: "run")) }

    private var log: String { get throws { try String(contentsOf: run.url.appending(path: "log.txt"), encoding: .utf8) } }

    // MARK: - An end that is none

    @Test(
        "an end of the process is no end of the run, however it comes",
        arguments: [
            "IN_STEP=quick_exit(0)", "IN_STEP=_exit(0)", "IN_STEP=_Exit(0)", "IN_STEP=exits_on_a_thread()", "IN_SAVE=exit(0)",
        ])
    func ends(defect: String) async throws {
        let ended = try await train(defect, ["--set", "checkpoints.every=1"])
        #expect(ended.status == 70, "\(ended.errors)")
        #expect(
            try ended.complaint.contains(
                "ended early: its process called exit(0), which only the algorithm's plugin can have done"))
        #expect(!ended.output.contains("model"))
        #expect(!run.isDone && !FileManager.default.fileExists(atPath: run.model.path))
    }

    @Test("a copy of the process that a plugin makes by fork ends with the iteration and writes nothing")
    func forks() async throws {
        let ended = try await train("IN_STEP=forks()")
        #expect(ended.status == 0, "\(ended.errors)")
        let lines = try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n")
        #expect(run.isDone && lines.count == 3)
    }

    @Test(
        "what its destroy does after the results are saved is a warning that names the plugin",
        arguments: [
            ("IN_DESTROY=abort()", "crashed: it aborted"), ("IN_DESTROY=exit(0)", "ended the process by exit(0)"),
            ("IN_DESTROY=exit(3)", "ended the process by exit(3)"),
            ("IN_DESTROY=hangs()", "did not end within 20 s and was killed"),
        ])
    func destroys(defect: String, what: String) async throws {
        let ended = try await train(defect)
        #expect(ended.status == 0, "\(ended.errors)")
        let warning = ended.errors.split(separator: "\n").filter { $0.contains("warning: ") }
        #expect(warning.count == 1, "\(ended.errors)")
        let line = try #require(warning.first)
        #expect(line.contains("libBroken.so \(what)"), "\(line)")
        #expect(line.contains("in 'destroy' at the end: the run had finished, and its results are complete"), "\(line)")
        #expect(run.isDone && FileManager.default.fileExists(atPath: run.model.path) && ended.output.contains("model"))
        #expect(try log.contains("[warning] plugin"))
    }

    @Test("its own error is told although its destroy crashes after it")
    func failsAndCrashes() async throws {
        let ended = try await train("SAYS -DBROKEN_IN_DESTROY=abort()")
        #expect(ended.status == 70)
        #expect(try ended.complaint.contains("no\\u001b[2J more"), "\(ended.errors)")
        #expect(ended.errors.contains("in 'destroy' at the end: the run had failed already"), "\(ended.errors)")
    }

    @Test("a crash that a plugin keeps for the end of the process does not come")
    func atExit() async throws {
        let ended = try await train("IN_STEP=crashes_at_exit()")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(!ended.errors.contains("warning"))
    }

    // MARK: - What it writes

    @Test("what it prints forges nothing: it goes to the log, each line once, marked and without escapes")
    func prints() async throws {
        let ended = try await train("IN_CREATE=prints()")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(run.isDone)
        let lines = try log.split(separator: "\n")
        #expect(lines.filter { $0 == "[plugin stdout] {\"done\":{}}" }.count == 1)
        #expect(lines.filter { $0 == "[plugin stdout] hello red" }.count == 1)
        #expect(lines.filter { $0 == "[plugin stderr] whispered once" }.count == 1)
        #expect(lines.count == 4, "\(lines)")
        #expect(ended.errors.contains("its process prints; all of it goes to"))
        #expect(!(ended.errors + ended.output).contains("\u{1B}") && !ended.errors.contains("forged"))
    }

    @Test("one that writes to every descriptor is noticed, and its run goes on")
    func writesEverywhere() async throws {
        let ended = try await train("IN_STEP=writes_everywhere()")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("libBroken.so writes to a descriptor of the host, which is not its own"))
        #expect(run.isDone)
        #expect(try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").count == 3)
    }

    @Test("one that closes every descriptor has not finished")
    func closesEverything() async throws {
        let ended = try await train("IN_STEP=closes_everything()")
        #expect(ended.status != 0)
        #expect(!run.isDone)
    }

    @Test("one that reads the standard input is at its end at once")
    func readsInput() async throws {
        let ended = try await train("IN_STEP=reads_input()")
        #expect(ended.status == 0, "\(ended.errors)")
    }

    @Test("what it logs is in the log by its level, without what would steer a terminal")
    func logs() async throws {
        let ended = try await train("LOGS")
        #expect(ended.status == 0, "\(ended.errors)")
        let text = try log
        #expect(text.split(separator: "\n").filter { $0 == "[plugin warning] careful\\u0007" }.count == 3, "\(text)")
    }

    @Test("an error's text, a metric's name and a title that would steer a terminal never reach it")
    func escapes() async throws {
        let said = try await train("SAYS")
        #expect(said.status == 70)
        #expect(try said.complaint.contains("no\\u001b[2J more"), "\(said.errors)")
        let metric = try await train("METRIC=\"a\\033[2Jb\"", into: "other")
        #expect(try metric.complaint.contains("the name of metric 'a\\u001b[2Jb' has a control character"), "\(metric.errors)")
        let title = try await train("TITLE=\"a\\033[2Jb\"", into: "third")
        #expect(title.errors.contains("the title of the algorithm 'broken' is 'a\\u001b[2Jb'"), "\(title.errors)")
        #expect(title.status == 65)
        for ended in [said, metric, title] { #expect(!(ended.errors + ended.output).contains("\u{1B}")) }
    }

    // MARK: - What it computes

    @Test("a loss that is no number ends the run by role and iteration", arguments: ["NAN", "INFINITY"])
    func loss(value: String) async throws {
        let ended = try await train("LOSS_VALUE=\(value)")
        #expect(ended.status == 65)
        let complaint = try ended.complaint
        #expect(complaint.contains("the loss of role 'policy' is") && complaint.contains("in iteration 1"), "\(complaint)")
    }

    @Test("the gradient of an accumulation that fails in its second part is gone, so no update can apply half of it")
    func half() async throws {
        let ended = try await train("HALF", ["--set", "microbatch_tokens=16"])
        #expect(ended.status == 65)
        #expect(
            try ended.complaint.contains("role 'policy' has no gradient: accumulate before optimizer_step"), "\(ended.errors)")
    }

    @Test("iterations that spend nothing of the budget end the run")
    func idle() async throws {
        let ended = try await train("IDLE", budget: "updates: 3")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("in 100 iterations 'broken' spent nothing of its budget, updates: 3"))
    }
}
