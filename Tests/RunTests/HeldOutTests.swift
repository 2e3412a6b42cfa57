import Foundation
import Testing
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("the loss of held-out rows", .serialized)
struct HeldOutTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func task(_ evaluation: String, examples: Int = 36, rate: String = "1e-2") throws {
        let task = try TinyTask(
            in: folder.url,
            stage: """
                parameters: {sft: {examples: \(examples)}, dpo: {pairs: 36}, kto: {data: pairs, examples: 10}, reward-model: {data: pairs, pairs: 8}, grpo: {prompts: 2, samples: 2}}
                optimizer: {learning_rate: \(rate)}
                rollout: {max_new_tokens: 4}
                budget: {iterations: 3}
                """, more: evaluation)
        #expect(FileManager.default.fileExists(atPath: task.recipe.path))
    }

    private func train(_ algorithm: String, _ run: String) async throws -> String {
        try await zoo.succeed(["train", "tiny.yaml", "--algorithm", algorithm, "--run-dir", run]).errors
    }

    /// Metrics by step.
    private func metrics(_ run: String) throws -> [[String: Double]] {
        try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
    }

    private func result(_ run: String) throws -> EvaluationResult {
        try JSONDecoder().decode(
            EvaluationResult.self, from: Data(contentsOf: folder.url.appending(path: "\(run)/evaluation.json")))
    }

    @Test("of the rows that training takes as one batch it is the loss that the next step logs, whatever the algorithm")
    func sameRows() async throws {
        try task("evaluation: {pairs: pairs.jsonl, examples: examples.jsonl, every: 1}")
        for (algorithm, names) in [
            ("sft", ["loss", "num_tokens"]),
            ("dpo", ["loss", "rewards/accuracies", "rewards/margins", "logps/chosen", "num_tokens"]),
        ] {
            _ = try await train(algorithm, algorithm)
            let steps = try metrics(algorithm)
            #expect(steps.map { $0["step"] } == [0, 1, 2, 3])
            for (before, after) in zip(steps, steps.dropFirst()) {
                for name in names {
                    let (held, trained) = (try #require(before["eval/\(name)"]), try #require(after[name]))
                    #expect(abs(held - trained) <= 2e-5 * max(1, abs(trained)), "\(algorithm) \(name): \(held), \(trained)")
                }
                #expect(before["eval/grad_norm"] == nil && before["eval/lr"] == nil)
            }
            // Before its first step DPO's policy is its reference.
            if algorithm == "dpo" { #expect(abs(try #require(steps[0]["eval/loss"]) - 0.693147) < 1e-5) }
            let last = try #require(steps.last?["eval/loss"])
            #expect(try result(algorithm).metrics["loss"] == last)
            // The tiny task's pairs prefer each verdict once and dislike it once: nothing but SFT has to come down.
            if algorithm == "sft" { #expect(last < (try #require(steps[0]["eval/loss"]))) }
        }
    }

    @Test("each row counts once, however the rows divide into batches")
    func uneven() async throws {
        let evaluation = "evaluation: {examples: held.jsonl}"
        // A rate that leaves every weight as it is.
        var losses: [Double] = []
        for examples in [35, 9, 34, 4] {
            try task(evaluation, examples: examples, rate: "1e-30")
            let rows = try String(contentsOf: folder.url.appending(path: "examples.jsonl"), encoding: .utf8).split(
                separator: "\n")
            let held = rows.prefix(35).joined(separator: "\n")
            for name in ["held.jsonl", "examples.jsonl"] { _ = try folder.write(held, to: name) }
            _ = try await train("sft", "run-\(examples)")
            if examples == 35 { losses.append(try #require(metrics("run-35").first?["loss"])) }
            losses.append(try #require(try result("run-\(examples)").metrics["loss"]))
            #expect(try result("run-\(examples)").metrics["num_tokens"] == (try result("run-35").metrics["num_tokens"]))
        }
        for loss in losses { #expect(abs(loss - losses[0]) < 1e-5, "\(losses)") }
    }

    @Test(
        "measuring moves nothing: metrics, costs and weights have the same bits without it",
        arguments: ["sft", "dpo", "kto", "reward-model"])
    func sameBits(algorithm: String) async throws {
        try task("")
        _ = try await train(algorithm, "without")
        try task("evaluation: {pairs: held-pairs.jsonl, examples: held-examples.jsonl, every: 1}")
        for kind in ["pairs", "examples"] {
            // Rows of training among them: what is remembered of these is not to be taken from a measurement.
            let rows = try String(contentsOf: folder.url.appending(path: "\(kind).jsonl"), encoding: .utf8).split(separator: "\n")
            _ = try folder.write(rows.suffix(17).joined(separator: "\n"), to: "held-\(kind).jsonl")
        }
        _ = try await train(algorithm, "with")
        let (without, with) = (try metrics("without"), try metrics("with"))
        let training = with.dropFirst().map { $0.filter { !$0.key.hasPrefix("eval/") && !$0.key.hasSuffix("/seconds") } }
        #expect(Array(training) == without.map { $0.filter { !$0.key.hasSuffix("/seconds") } })
        #expect(with.allSatisfy { $0["eval/loss"] != nil })
        let weights = try ["with", "without"].map {
            try Data(contentsOf: folder.url.appending(path: "\($0)/model/model.safetensors"))
        }
        #expect(weights[0] == weights[1])
        #expect(try result("with").metrics["loss"] == with.last?["eval/loss"])
    }

    @Test("an algorithm that learns from other data is not measured, and that is said")
    func others() async throws {
        try task("evaluation: {prompts: prompts.jsonl, count: 2, pairs: pairs.jsonl, every: 1}")
        let told = try await train("grpo", "grpo")
        #expect(
            told.contains("algorithm 'grpo' does not learn from evaluation.pairs or evaluation.examples"), "\(told)")
        #expect(try metrics("grpo").allSatisfy { $0["eval/loss"] == nil && $0["eval/kl"] != nil })
        // One that could learn from pairs, and is told to learn from labels; samples are measured under their own names.
        let kto = try await train("sft", "sft")
        #expect(kto.contains("algorithm 'sft' does not learn from"), "\(kto)")
        #expect(try result("sft").metrics["kl"] != nil)
    }

    @Test("a recipe that measures nothing, or says of samples that it does not draw, is refused by key")
    func recipes() throws {
        for (evaluation, words) in [
            ("evaluation: {every: 1}", "expected held-out 'prompts', 'pairs' or 'examples'"),
            ("evaluation: {pairs: pairs.jsonl, count: 4}", "'count' applies to samples of held-out prompts"),
            ("evaluation: {pairs: none.jsonl}", "evaluation.pairs"),
        ] {
            try task(evaluation)
            let error = #expect(throws: RecipeError.self) { try Recipe.load(folder.url.appending(path: "tiny.yaml")) }
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
    }
}
