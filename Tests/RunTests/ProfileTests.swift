import Foundation
import Testing
import ZooRecords

@Suite("a profile of a run")
struct ProfileTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        _ = try TinyTask(
            in: folder.url,
            stage: """
                parameters:
                  grpo: {prompts: 2, samples: 3}
                  ppo: {prompts: 3, samples: 2, epochs: 2}
                budget: {iterations: 3}
                checkpoints: {every: 0}
                """)
    }

    private func trace(_ run: String) throws -> ProfileTrace {
        try JSONDecoder().decode(ProfileTrace.self, from: Data(contentsOf: folder.url.appending(path: "\(run)/profile.json")))
    }

    @Test("has every step, call and pass once, within each other, and leaves the run as it is", arguments: ["grpo", "ppo"])
    func spans(algorithm: String) async throws {
        let words = ["train", "tiny.yaml", "--algorithm", algorithm, "--quiet", "--run-dir"]
        let shown = try await zoo.succeed(words + ["timed", "--profile"]).output
        try await zoo.succeed(words + ["plain"])
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "plain/profile.json").path))
        let models = try ["timed", "plain"].map {
            try Data(contentsOf: folder.url.appending(path: "\($0)/model/model.safetensors"))
        }
        #expect(models[0] == models[1])
        let trace = try trace("timed")
        func spans(_ track: ProfileTrace.Track, _ name: String) -> [ProfileTrace.Span] {
            trace.spans.filter { $0.tid == track && $0.name == name }
        }
        let steps = spans(.plugin, "step")
        #expect(steps.count == 3 && trace.dropped == 0)
        for name in ["generate policy", "forward policy", "backward policy", "optimize policy"] {
            #expect(spans(.passes, name).count >= 3, "\(name)")
        }
        #expect(spans(.passes, "backward critic").isEmpty == (algorithm == "grpo"))
        // What one track has beside the other lies within a step: no time is counted in two of them.
        for span in trace.spans where span.tid == .calls || span.tid == .passes {
            #expect(steps.contains { $0.ts <= span.ts + 1 && span.ts + span.dur <= $0.ts + $0.dur + 1 }, "\(span.name)")
        }
        let ledger = try JSONDecoder().decode(
            Ledger.self, from: Data(contentsOf: folder.url.appending(path: "timed/ledger.json")))
        let flops = trace.spans.reduce(0) { $0 + ($1.args?["flops"] ?? 0) }
        #expect(abs(flops - ledger.totalFLOPs) <= 1e-9 * ledger.totalFLOPs)
        for row in ["backward policy", "plugin, the rest of its steps", "rest of the process", "loading", "score"] {
            #expect(shown.contains(row), "\(row)")
        }
        #expect(shown.contains("timed/profile.json"))
    }

    @Test("tells the passes of evaluations from the plugin's")
    func evaluations() async throws {
        let file = folder.url.appending(path: "tiny.yaml")
        let more = "\nevaluation: {prompts: prompts.jsonl, every: 1}\n"
        try Data((String(contentsOf: file, encoding: .utf8) + more).utf8).write(to: file)
        let shown = try await zoo.succeed([
            "train", "tiny.yaml", "--algorithm", "grpo", "--quiet", "--run-dir", "run", "--profile",
        ]).output
        let row = try #require(shown.split(separator: "\n").first { $0.hasPrefix("passes of evaluations") })
        #expect(!row.contains(" 0.0% "), "\(row)")
    }

    @Test("belongs to a run that is trained, not to a dry one; a resumed run's is of its own process")
    func resumed() async throws {
        let found = try await zoo.run("train", "tiny.yaml", "--dry-run", "--profile")
        #expect(found.status == 64 && found.errors.contains("--profile"))
        try await zoo.succeed([
            "train", "tiny.yaml", "--algorithm", "grpo", "--quiet", "--run-dir", "run", "--set", "checkpoints.after_end=true",
        ])
        try await zoo.succeed(["train", "--resume", "run", "--set", "budget.iterations=5", "--quiet", "--profile"])
        #expect(try trace("run").spans.count { $0.name == "step" } == 2)
    }
}
