import Foundation
import Testing

/// What the host logs of every algorithm, beside what each plugin computes by itself under its own names.
@Suite("the metrics of every algorithm, in runs", .serialized)
struct CommonMetricRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        rollout: {max_new_tokens: 6}
        parameters:
          ppo: {prompts: 6, epochs: 2, minibatches: 2, missing_eos_score: null}
          grpo: {prompts: 3, samples: 4}
          rloo: {prompts: 3, samples: 4}
          dpo: {pairs: 8, beta: 0.25}
          kto: {data: pairs, examples: 16}
          online-dpo: {prompts: 6, beta: 0.5}
          sft: {examples: 8}
          reward-model: {data: pairs, pairs: 8}
          reinforce: {prompts: 6, samples: 2}
        optimizer: {learning_rate: 1e-2}
        budget: {iterations: 4}
        """
    private static let sampled = ["reward", "kl", "length", "loss", "entropy", "finished", "tokens", "seconds"]
    private static let paired = ["margin", "accuracy", "loss", "logp_chosen", "logp_rejected", "tokens", "seconds"]

    private func train(_ algorithm: String, _ more: [String] = []) async throws -> [[String: Double]] {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        try await zoo.succeed(
            ["train", task.recipe.path, "--algorithm", algorithm, "--run-dir", algorithm, "--quiet"] + more)
        return try records(folder.url.appending(path: "\(algorithm)/metrics.jsonl"))
    }

    @Test(
        "an algorithm logs those that apply to it",
        arguments: [
            ("ppo", sampled), ("grpo", sampled), ("rloo", sampled), ("reinforce-plus-plus", sampled), ("reinforce", sampled),
            ("dpo", paired), ("kto", paired), ("online-dpo", sampled + paired), ("sft", ["loss", "tokens", "seconds"]),
            ("reward-model", ["loss", "tokens", "seconds"]),
        ])
    func names(algorithm: String, expected: [String]) async throws {
        for record in try await train(algorithm) {
            let found = record.keys.filter { $0.hasPrefix("common/") }.map { String($0.dropFirst("common/".count)) }
            #expect(found.sorted() == Set(expected).sorted())
        }
    }

    private func expect(
        _ records: [[String: Double]], _ name: String, _ other: (([String: Double]) -> Double?), tolerance: Double = 1e-6,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for record in records {
            let (value, expected) = (try #require(record["common/\(name)"]), try #require(other(record)))
            #expect(
                abs(value - expected) <= tolerance * max(1, abs(expected)), "\(name): \(value), \(expected)",
                sourceLocation: sourceLocation)
        }
        guard !["finished", "accuracy", "length", "tokens"].contains(name) else { return }
        #expect(Set(records.map { $0["common/\(name)"] }).count > 1, "\(name) never moves", sourceLocation: sourceLocation)
    }

    @Test("they agree with what PPO, RLOO, REINFORCE and GRPO compute of the same samples")
    func samples() async throws {
        let ppo = try await train("ppo")
        try expect(ppo, "kl") { $0["objective/kl"] }
        try expect(ppo, "reward") { $0["objective/scores"] }
        try expect(ppo, "length") { $0["completions/mean_length"] }
        // PPO's is the sum over a sequence.
        try expect(ppo, "entropy") { record in record["objective/entropy"].map { $0 / (record["common/length"] ?? .nan) } }
        try expect(ppo, "finished") { record in record["val/num_eos_tokens"].map { $0 / 6 } }
        try expect(ppo, "tokens") { record in record["common/length"].map { $0 * 6 * 3 } }  // sampled, and two passes

        let reinforce = try await train("reinforce")
        try expect(reinforce, "kl") { $0["kl"] }
        try expect(reinforce, "reward") { $0["reward"] }
        try expect(reinforce, "loss") { $0["policy_loss"] }

        let rloo = try await train("rloo")
        try expect(rloo, "kl") { record in record["kl"].map { $0 * (record["common/length"] ?? .nan) } }
        try expect(rloo, "reward") { $0["reward"] }

        let grpo = try await train("grpo")
        try expect(grpo, "reward") { $0["reward"] }
        try expect(grpo, "length") { $0["completions/mean_length"] }
        try expect(grpo, "finished") { record in record["completions/clipped_ratio"].map { 1 - $0 } }
    }

    @Test("they agree with what DPO and online DPO compute of the same pairs")
    func pairs() async throws {
        let dpo = try await train("dpo")
        try expect(dpo, "margin") { record in record["rewards/margins"].map { $0 / 0.25 } }
        try expect(dpo, "accuracy") { $0["rewards/accuracies"] }
        try expect(dpo, "logp_chosen") { $0["logps/chosen"] }
        try expect(dpo, "logp_rejected") { $0["logps/rejected"] }
        try expect(dpo, "loss") { $0["loss"] }
        // The same pairs in the same order, labelled one by one, in passes that divide them.
        let kto = try await train("kto", ["--set", "microbatch_tokens=16"])
        #expect(abs(try #require(kto[0]["common/logp_chosen"]) - (try #require(dpo[0]["common/logp_chosen"]))) < 1e-4)
        #expect(abs(try #require(kto[0]["common/logp_rejected"]) - (try #require(dpo[0]["common/logp_rejected"]))) < 1e-4)
        let online = try await train("online-dpo")
        try expect(online, "margin", { record in record["rewards/margins"].map { $0 / 0.5 } }, tolerance: 1e-4)
        try expect(online, "accuracy") { $0["rewards/accuracies"] }
    }

    @Test("a run of images knows its KL where the algorithm estimates it, as one number per image")
    func images() async throws {
        let task = try TinyImages(
            in: folder.url, cache: folder.url.appending(path: "cache"), task: "digits",
            stage: """
                parameters:
                  reinforce: {prompts: 8}
                  grpo: {prompts: 2, samples: 4, beta: 0.1, kl_estimator: exact}
                  dpo: {pairs: 4, beta: 0.5}
                optimizer: {learning_rate: 3e-3}
                budget: {iterations: 3}
                """)
        func run(_ algorithm: String) async throws -> [[String: Double]] {
            try await zoo.succeed(["train", task.recipe.path, "--algorithm", algorithm, "--run-dir", algorithm, "--quiet"])
            return try records(folder.url.appending(path: "\(algorithm)/metrics.jsonl"))
        }
        // To an algorithm a step is worth the mean over an image's 8 by 8 elements.
        try expect(try await run("reinforce"), "kl") { record in record["kl"].map { $0 * 64 } }
        #expect(try await run("grpo").allSatisfy { $0["common/kl"] == nil && $0["common/entropy"] != nil })
        let dpo = try await run("dpo")
        try expect(dpo, "margin") { record in record["rewards/margins"].map { $0 / 0.5 } }
        try expect(dpo, "accuracy") { $0["rewards/accuracies"] }
    }
}

/// The records of a file of metrics, in order.
func records(_ file: URL) throws -> [[String: Double]] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
        try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
    }
}
