import Foundation
import Testing
import ZooRecords

/// GRPO on the tabular task, an update an iteration, with rollouts that lag behind training.
@Suite("rollouts that lag", .serialized)
struct LagTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func command(_ name: String, _ changes: [String]) -> [String] {
        let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let all = ["parameters.prompts=4", "parameters.samples=8", "evaluation.samples_per_prompt=1"] + changes
        return ["train", recipe, "--quiet", "--algorithm", "grpo", "--run-dir", folder.url.appending(path: name).path]
            + all.flatMap { ["--set", $0] }
    }

    private func train(_ name: String, _ changes: [String]) async throws -> RunFolder {
        try await zoo.succeed(command(name, changes))
        return RunFolder(folder.url.appending(path: name, directoryHint: .isDirectory))
    }

    private func metric(_ name: String, of run: RunFolder) throws -> [Double?] {
        try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").map { line in
            try (JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?[name] as? Double
        }
    }

    @Test("each is drawn with the weights of so many iterations ago, and the first with the initial ones")
    func weights() async throws {
        let run = try await train(
            "run", ["budget.iterations=5", "rollout.lag=2", "checkpoints={every: 1, keep: 9, after_end: true}"])
        #expect(try metric("common/lag", of: run) == [0, 1, 2, 2, 2])
        // A checkpoint after iteration n has what iterations n and n + 1 sample from: the policies of the checkpoints before.
        func file(_ step: Int, _ name: String) -> URL { run.checkpoints.appending(path: "step-\(step)/\(name).safetensors") }
        for step in 3...5 {
            for iteration in [step - 2, step - 1] {
                let past = try Data(contentsOf: file(step, "past-\(iteration)"))
                #expect(try past == Data(contentsOf: file(iteration, "policy")))
            }
            #expect(!FileManager.default.fileExists(atPath: file(step, "past-\(step - 3)").path))
        }
        // On the policy's own samples sampling and scoring agree but for rounding.
        let differences = try metric("sampling/sampling_logp_difference/max", of: run).map { $0 ?? .nan }
        #expect(differences[0] < 1e-5)
        #expect(differences.dropFirst().allSatisfy { $0 > 1e-3 })
    }

    @Test("while the queue is not yet full they are those of a sampler that is never refreshed, bit for bit")
    func filling() async throws {
        let lagging = try await train("lagging", ["budget.iterations=4", "rollout.lag=8"])
        let frozen = try await train("frozen", ["budget.iterations=4", "parameters.refresh_interval=1000"])
        let fresh = try await train("fresh", ["budget.iterations=4"])
        func weights(_ run: RunFolder) throws -> Data { try Data(contentsOf: run.model.appending(path: "model.safetensors")) }
        #expect(try weights(lagging) == weights(frozen))
        #expect(try weights(lagging) != weights(fresh))
        #expect(try metric("common/lag", of: fresh) == [nil, nil, nil, nil])
    }

    @Test("an algorithm that samples from another role is refused")
    func refused() async throws {
        let end = try await zoo.start(
            command("run", ["budget.iterations=2", "rollout.lag=1", "parameters.refresh_interval=2"])
        ).end()
        #expect(end.status != 0)
        #expect(try end.complaint.contains("rollout.lag is 1"))
    }

    @Test("what dynamic sampling throws away is paid for")
    func budget() async throws {
        // No two completions of a prompt earn the same, so that only groups of one completion over and over are thrown away.
        let run = try await train(
            "run", ["budget.sampled_steps=640", "parameters.dynamic_sampling=10", "optimizer.learning_rate=3"])
        let draws = try metric("train/num_gen_batches", of: run).map { $0 ?? .nan }
        let steps = try metric("budget/sampled_steps", of: run).map { $0 ?? .nan }
        let discarded = try metric("dynamic_sampling/discarded_groups", of: run).map { $0 ?? .nan }
        let kept = try metric("dynamic_sampling/groups", of: run).map { $0 ?? .nan }
        #expect(draws.contains { $0 > 1 })
        // 8 completions of 2 tokens a group.
        var total = 0.0
        for index in steps.indices {
            total += 16 * (discarded[index] + kept[index])
            #expect(steps[index] == total)
        }
    }
}
