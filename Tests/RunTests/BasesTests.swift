import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// A comparison over several base models: the stages before the last are made anew for each.
@Suite("a comparison over base models", .serialized)
struct BasesTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func recipe(_ last: String = "policy: {from: base}") throws -> String {
        _ = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}")
        let model = """
            {new: {family: llama, vocabulary_size: 272, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, \
            num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}}
            """
        let first =
            "  - {name: base, algorithm: sft, policy: \(model), data: {examples: examples.jsonl}, budget: {iterations: 3}}\n"
        let text = """
            name: bases
            stages:
            \(last.contains("from") ? first : "")  - name: last
                algorithm: dpo
                \(last)
                data: {pairs: pairs.jsonl, examples: examples.jsonl}
                rollout: {max_new_tokens: 4}
                budget: {iterations: 2}
            evaluation: {prompts: prompts.jsonl, gold: [{function: length, parameters: {target: 3}}]}
            compare: {seeds: [0, 1], bases: 2, variants: {dpo: {algorithm: dpo}, sft: {algorithm: sft}}}
            """
        return try folder.write(text, to: "bases.yaml").path
    }

    private func evaluation(_ run: String) throws -> EvaluationResult {
        let file = folder.url.appending(path: "both/\(run)/evaluation.json")
        return try JSONDecoder().decode(EvaluationResult.self, from: Data(contentsOf: file))
    }

    @Test("each base model has its own start, which all runs over it share, and the tables are over base models")
    func nested() async throws {
        let ended = try await zoo.succeed(["compare", recipe(), "--run-dir", "both", "--quiet"])
        #expect(
            ended.output.contains("Mean over 2 base models with 2 seeds each, ± the larger side of the range of the base models"))
        let start = try evaluation("dpo-base0-seed0").reference
        #expect(try evaluation("sft-base0-seed1").reference == start)
        #expect(try evaluation("dpo-base1-seed0").reference != start)
        #expect(try evaluation("dpo-base1-seed0").reference == evaluation("sft-base1-seed1").reference)

        // The table's mean is that of the base models, each the mean of its seeds.
        let gold = try [0, 1].map { base in
            try [0, 1].map { try #require(evaluation("dpo-base\(base)-seed\($0)").metrics["gold"]) }.reduce(0, +) / 2
        }
        let csv = try String(contentsOf: folder.url.appending(path: "both/comparison.csv"), encoding: .utf8)
        #expect(csv.contains("dpo,1,0,gold,\(try #require(evaluation("dpo-base1-seed0").metrics["gold"]))"))
        let row = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix("gold reward") })
        let shown = try #require(row.split(separator: " ").dropFirst(3).first.flatMap { Double($0) })
        #expect(abs(shown - (gold[0] + gold[1]) / 2) < 1e-3)

        let report = try await zoo.succeed(["report", "both", "--markdown"]).output
        #expect(report.contains("- dpo: base 0, seed 0; base 0, seed 1; base 1, seed 0; base 1, seed 1"))
    }

    @Test("one base model is said to be one, and none can be made where no stage makes it")
    func one() async throws {
        let ended = try await zoo.succeed(["compare", recipe(), "--bases", "1", "--run-dir", "one", "--quiet"])
        #expect(ended.output.contains("All runs started from one base model; other base models may give another order"))
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: "one/dpo-seed1/done").path))
        let model = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: "cache/artifacts").path)
                .first { $0.hasPrefix("sft-") })
        let fixed = try recipe("policy: {folder: cache/artifacts/\(model)/model}")
        let refused = try await zoo.run("compare", fixed, "--run-dir", "fixed")
        #expect(refused.status == 65)
        #expect(try refused.complaint.contains("compare.bases is 2, but no stage before the last trains a model"))
    }
}
