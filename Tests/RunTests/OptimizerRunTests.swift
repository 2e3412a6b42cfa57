import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// GRPO on the tabular task with plain gradient descent, four updates in each iteration.
@Suite("the optimizer of a run", .serialized)
struct OptimizerRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func train(_ name: String, _ changes: [String]) async throws -> RunFolder {
        let run = folder.url.appending(path: name, directoryHint: .isDirectory)
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let all =
            [
                "parameters.prompts=4", "parameters.samples=4", "parameters.epochs=4", "optimizer.optim=sgd",
                "evaluation.samples_per_prompt=1",
            ] + changes
        try await zoo.succeed(
            ["train", recipe, "--quiet", "--algorithm", "grpo", "--run-dir", run.path] + all.flatMap { ["--set", $0] })
        return RunFolder(run)
    }

    /// The rate of the last update of each iteration.
    private func rates(_ run: RunFolder) throws -> [Double] {
        struct Line: Decodable {
            let rate: Double
            enum CodingKeys: String, CodingKey { case rate = "lr/policy" }
        }
        return try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8)).rate
        }
    }

    @Test("warm-up and schedule move by update on a budget of updates")
    func byUpdate() async throws {
        let run = try await train(
            "run", ["budget.updates=12", "optimizer.learning_rate=0.06", "optimizer.schedule=linear", "optimizer.warmup=0.5"])
        // Update k of 12 is made at k/12: up to k = 6 at 0.06 · (k/12)/0.5, then down to 0 at 12. The iterations end with k = 3, 7, 11.
        let expected = [0.03, 0.05, 0.01]
        let found = try rates(run)
        #expect(found.count == 3)
        for (rate, expected) in zip(found, expected) { #expect(abs(rate - expected) < 1e-12) }
    }

    @Test("on a budget of sampled steps they move by what is spent, within an iteration not at all")
    func bySamples() async throws {
        // 4 · 4 completions of 2 tokens are drawn before the first update: 32, 64, 96 of 128.
        let run = try await train(
            "run", ["budget.sampled_steps=128", "optimizer.learning_rate=0.08", "optimizer.schedule=linear"])
        let expected = [0.06, 0.04, 0.02, 0]
        let found = try rates(run)
        #expect(found.count == 4)
        for (rate, expected) in zip(found, expected) { #expect(abs(rate - expected) < 1e-12) }
    }

    @Test("a limit of 0 does not clip, a small one does")
    func clipping() async throws {
        func weights(_ limit: String) async throws -> Data {
            let run = try await train("run-\(limit)", ["budget.updates=8", "optimizer.max_gradient_norm=\(limit)"])
            return try Data(contentsOf: run.model.appending(path: "model.safetensors"))
        }
        let free = try await weights("0")
        #expect(try await weights("1e9") == free)
        #expect(try await weights("null") == free)
        #expect(try await weights("1e-3") != free)
    }
}
