import Foundation
import Testing
import ZooHost

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
            in: folder.url, stage: "budget: {steps: 3}\nrollout: {max_new_tokens: 4}",
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
}

/// Plugins that do one thing wrong, built from the fixture of the loader's tests.
enum BrokenPlugin {
    /// Builds the plugin with that defect into a folder of its own and returns the folder's path.
    static func folder(_ defect: String, in folder: URL) throws -> String {
        let plugins = folder.appending(path: "plugins-\(defect)")
        try FileManager.default.createDirectory(at: plugins, withIntermediateDirectories: true)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-DBROKEN_\(defect)",
            "-I", ZooCommand.clone.appending(path: "Sources/CZoo/include").path,
            ZooCommand.clone.appending(path: "Tests/ZooHostTests/Fixtures/broken.c").path,
            "-o", plugins.appending(path: "libBroken.so").path, "-lm",
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "cc failed on broken.c with BROKEN_\(defect)")
        return plugins.path
    }
}
