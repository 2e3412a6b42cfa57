import Foundation
import Testing
import ZooRecords

@Suite("the build of a plugin is part of its run", .serialized)
struct PluginBuildTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let plugins: String

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        plugins = try BrokenPlugin.folder("REFERENCE=1", in: folder.url)
    }

    private var library: URL { URL(fileURLWithPath: "\(plugins)/libBroken.so") }

    /// Writes another build over the file, as `cp` does, without removing it first.
    private func rebuild() throws {
        let other = try BrokenPlugin.folder("REFERENCE=0.5", in: folder.url) + "/libBroken.so"
        let file = try FileHandle(forWritingTo: library)
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(contentsOf: URL(fileURLWithPath: other)))
        try file.close()
    }

    private func tiny(_ budget: String = "iterations: 4", more: String = "") throws -> TinyTask {
        try TinyTask(in: folder.url, stage: "budget: {\(budget)}\ncheckpoints: {every: 2}", more: more)
    }

    private func run(_ name: String) -> RunFolder { RunFolder(folder.url.appending(path: name)) }

    private func command(_ task: TinyTask, _ run: String) -> [String] {
        ["train", task.recipe.path, "--plugin-path", plugins, "--algorithm", "broken", "--quiet", "--run-dir", run]
    }

    @Test("a build that is copied over the file while a run uses it does not concern the run")
    func overwritten() async throws {
        let task = try tiny("iterations: 300")
        let process = try zoo.start(command(task, "run"))
        let metrics = run("run").metrics.path
        let begun = await eventually { (FileManager.default.contents(atPath: metrics)?.count ?? 0) > 200 }
        try #require(begun)
        try rebuild()
        let ended = try await process.end()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(run("run").isDone)
    }

    @Test("a run goes on with its own build, bit for bit, and says so if the file is another or gone", arguments: [false, true])
    func resumed(isGone: Bool) async throws {
        let task = try tiny()
        try await zoo.succeed(command(task, "whole"))
        try await zoo.succeed(command(task, "run") + ["--set", "checkpoints.after_end=true", "--set", "budget.iterations=2"])
        let environment = try Data(contentsOf: run("run").environment)
        if isGone {
            // Only the run's own copy is left.
            try FileManager.default.removeItem(at: library)
            try FileManager.default.removeItem(at: folder.url.appending(path: "cache/plugins"))
        } else {
            try rebuild()
        }
        let ended = try await zoo.succeed(["train", "--resume", "run", "--set", "budget.iterations=4"])
        let said = ended.errors.split(separator: "\n").filter {
            $0.contains("continuing with the build that the run was started with")
        }
        #expect(said.count == 1, "\(ended.errors)")
        #expect(said.first?.contains(isGone ? "is no longer there" : "is another build by now (sha256 ") == true)
        let weights = "model/model.safetensors"
        #expect(
            try Data(contentsOf: run("run").url.appending(path: weights))
                == Data(contentsOf: run("whole").url.appending(path: weights)))
        #expect(try Data(contentsOf: run("run").environment) == environment)
    }

    @Test("a run whose build is nowhere is refused with both hashes")
    func nowhere() async throws {
        let task = try tiny()
        try await zoo.succeed(command(task, "run") + ["--set", "checkpoints.after_end=true", "--set", "budget.iterations=2"])
        try rebuild()
        try FileManager.default.removeItem(at: folder.url.appending(path: "cache/plugins"))
        try FileManager.default.removeItem(at: run("run").url.appending(path: "plugin"))
        let ended = try await zoo.run("train", "--resume", "run", "--set", "budget.iterations=4")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("plugin: expected \(library.path) (sha256 "), "\(ended.errors)")
        #expect(try ended.complaint.contains("found \(library.path) (sha256 "))
    }

    @Test("a stage that another build trained is trained again")
    func keptStage() async throws {
        let file = try folder.write(
            """
            name: two
            stages:
              - name: base
                algorithm: broken
                policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1,
                  num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}}
                data: {examples: examples.jsonl}
                budget: {iterations: 1}
              - name: last
                algorithm: sft
                policy: {from: base}
                data: {examples: examples.jsonl}
                budget: {iterations: 1}
            """, to: "two.yaml")
        _ = try tiny()
        let words = ["train", file.path, "--plugin-path", plugins, "--run-dir"]
        let artifacts = folder.url.appending(path: "cache/artifacts").path
        func stages() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: artifacts).filter { $0.hasPrefix("broken-") }.count
        }
        try await zoo.succeed(words + ["a"])
        try await zoo.succeed(words + ["b"])
        #expect(try stages() == 1)
        try rebuild()
        try await zoo.succeed(words + ["c"])
        #expect(try stages() == 2)
    }

    @Test("seeds of two builds are not mixed without a word: a comparison refuses them, a report names them")
    func mixed() async throws {
        let task = try tiny(more: "compare: {seeds: [0], jobs: 1, variants: {broken: {algorithm: broken}}}")
        let words = ["compare", task.recipe.path, "--plugin-path", plugins, "--quiet", "--run-dir"]
        try await zoo.succeed(words + ["all"])
        try rebuild()
        let refused = try await zoo.run(
            "compare", task.recipe.path, "--plugin-path", plugins, "--run-dir", "all", "--seeds", "0,1")
        #expect(refused.status != 0)
        #expect(
            try refused.complaint.contains("contains a different run: plugin: expected \(library.path) (sha256 "),
            "\(refused.errors)")
        try await zoo.succeed(words + ["other", "--seeds", "1"])
        let report = try await zoo.succeed(["report", "all", "other", "--format", "markdown"])
        #expect(
            report.output.contains("The runs of broken were made by 2 builds of its plugin, which its numbers mix: "),
            "\(report.output)")
    }
}
