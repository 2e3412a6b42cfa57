import Foundation
import Testing

@Suite("bad input is one sentence, and nothing is left behind", .serialized)
struct BadInputTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let task: TinyTask

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        task = try TinyTask(
            in: folder.url,
            stage: """
                parameters: {sft: {examples: 4}}
                optimizer: {learning_rate: 1e-3}
                budget: {iterations: 2}
                """)
    }

    private func url(_ name: String) -> URL { folder.url.appending(path: name) }

    private func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url(name).path) }

    /// Replaces the first occurrence of `old` in a file.
    private func change(_ name: String, _ old: String, _ new: String) throws {
        var text = try String(contentsOf: url(name), encoding: .utf8)
        text.replaceSubrange(try #require(text.range(of: old)), with: new)
        try Data(text.utf8).write(to: url(name))
    }

    /// `zoo train` on the recipe fails with a sentence that has these words, and leaves no model, done or not.
    private func expectRefusal(_ words: String..., status: Int32 = 65, more: [String] = []) async throws {
        let ended = try await zoo.start(["train", "tiny.yaml", "--run-dir", "run", "--quiet"] + more).end()
        #expect(ended.status == status)
        #expect(ended.output.isEmpty)
        let complaint = try ended.complaint
        for part in words { #expect(complaint.contains(part), "\(complaint)") }
        let left = isThere("run") ? try FileManager.default.contentsOfDirectory(atPath: url("run").path) : []
        #expect(!left.contains("model") && !left.contains("done") && !left.contains { $0.hasSuffix(".tmp") }, "\(left)")
    }

    // MARK: - Recipes

    @Test(
        "a recipe that is wrong is refused by file, line and key before anything runs",
        arguments: [
            ("budget: {iterations: 2}", "budget: {iterations: 2", ["tiny.yaml:1", "YAML"]),
            (
                "budget: {iterations: 2}", "budget: {iteration: 2}",
                ["tiny.yaml:11: stages[0].budget", "found iteration; did you mean 'iterations'?"]
            ),
            ("budget: {iterations: 2}", "budget: {iterations: two}", ["tiny.yaml:11: stages[0].budget.iterations", "'two'"]),
            (
                "budget: {iterations: 2}", "budget: {iterations: 0}",
                ["tiny.yaml:11: stages[0].budget.iterations", ">= 1, found 0"]
            ),
            ("learning_rate: 1e-3", "learning_rate: -1", ["tiny.yaml:10: stages[0].optimizer.learning_rate", "-1"]),
            ("algorithm: sft", "algorithm: sftt", ["tiny.yaml:4: stages[0].algorithm", "did you mean 'sft'?"]),
            (
                "{examples: 4}", "{example: 4}",
                ["tiny.yaml", "algorithm 'sft' has no parameter 'example'", "did you mean 'examples'?"]
            ),
            ("{examples: 4}", "{examples: four}", ["tiny.yaml", "parameter 'examples' of 'sft'", "'four'"]),
            ("{target: 6}", "{target: 0}", ["tiny.yaml", "stage 'only'", "reward length", "'target'"]),
            ("{examples: 4}", "{examples: 0}", ["tiny.yaml", "parameter 'examples' of 'sft'", "found 0"]),
            ("examples: examples.jsonl", "examples: nowhere.jsonl", ["tiny.yaml:8: stages[0].data.examples", "nowhere.jsonl"]),
            ("function: regex", "function: regexp", ["tiny.yaml:7: stages[0].rewards[0].function", "did you mean 'regex'?"]),
            (", examples: examples.jsonl", "", ["tiny.yaml", "algorithm 'sft' needs 'data.examples'"]),
            ("algorithm: sft", "algorithm: distill", ["tiny.yaml", "algorithm 'distill' needs 'teacher' in stage 'only'"]),
        ])
    func recipe(old: String, new: String, words: [String]) async throws {
        try change("tiny.yaml", old, new)
        let ended = try await zoo.run("train", "tiny.yaml", "--run-dir", "run")
        #expect(ended.status == 65)
        let complaint = try ended.complaint
        for part in words { #expect(complaint.contains(part), "\(complaint)") }
        #expect(!isThere("run") && !isThere("cache/artifacts"))
    }

    @Test("a recipe that is not there is refused")
    func missingRecipe() async throws {
        try FileManager.default.removeItem(at: url("tiny.yaml"))
        try await expectRefusal("tiny.yaml: no such recipe", status: 66)
        #expect(!isThere("run"))
    }

    // MARK: - Plugins

    @Test(
        "a plugin that cannot be used is named with its fault where its algorithm is wanted",
        arguments: [
            ("NOT_A_PLUGIN", "not a plugin"), ("WRONG_MAJOR", "built for version 2 of the plugin ABI"),
            ("CRASH_IN_ENTRY", "crashed"),
        ])
    func plugin(defect: String, fault: String) async throws {
        let plugins = try BrokenPlugin.folder(defect, in: folder.url)
        let ended = try await zoo.run("train", "tiny.yaml", "--algorithm", "broken", "--plugin-path", plugins, "--run-dir", "run")
        #expect(ended.status == 65)
        #expect(try ended.complaint.hasPrefix("no plugin offers the algorithm 'broken'; known are: distill, dpo, grpo, kto"))
        #expect(ended.errors.contains("libBroken.so") && ended.errors.contains(fault), "\(ended.errors)")
        #expect(!isThere("run"))
    }

    @Test("a plugin that crashes ends its run alone", arguments: [("CRASH_IN_CREATE", "memory"), ("CRASH_IN_STEP", "aborted")])
    func crash(defect: String, cause: String) async throws {
        let plugins = try BrokenPlugin.folder(defect, in: folder.url)
        try await expectRefusal(
            "run 'only' crashed", cause, "log.txt", status: 70, more: ["--algorithm", "broken", "--plugin-path", plugins])
    }

    // MARK: - Datasets

    @Test("a broken line of a dataset is named by file and number")
    func brokenLine() async throws {
        try change("examples.jsonl", #"{"prompt": "a film", "completion": " is bad"}"#, #"{"prompt": "a film", "completion"}"#)
        try await expectRefusal("examples.jsonl:2: not valid JSON")
    }

    @Test("a dataset without the field that is needed is named with what it has")
    func missingField() async throws {
        try change("examples.jsonl", #""completion": " is good""#, #""answer": " is good""#)
        try await expectRefusal("examples.jsonl:1: expected the columns", "answer, prompt")
    }

    @Test("a later line without the field is named by its number")
    func missingFieldLater() async throws {
        try change("examples.jsonl", #""completion": " was dull and long""#, #""answer": " was dull and long""#)
        try await expectRefusal("examples.jsonl:4: ", "'completion'")
    }
}
