import Foundation
import Testing
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// The recipe of the first screen of the README as it is, but for sizes.
@Suite("recipes/sentiment.yaml at tiny size", .serialized)
struct SentimentRecipeTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let recipe = ZooCommand.clone.appending(path: "recipes/sentiment.yaml").path
    private let cache: URL

    /// The cache is new, but for the reviews, which `make test` has fetched.
    init() throws {
        folder = try TemporaryFolder()
        cache = folder.url.appending(path: "cache")
        zoo = ZooCommand(in: folder.url)
        let data = cache.appending(path: "data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let reviews = CacheFolder.data.appending(path: "sentiment")
        try #require(FileManager.default.fileExists(atPath: reviews.path), "run `make data`")
        try FileManager.default.createSymbolicLink(at: data.appending(path: "sentiment"), withDestinationURL: reviews)
    }

    private static let changes = [
        "stages.base.policy.new.vocabulary_size=320", "stages.base.policy.new.hidden_size=32",
        "stages.base.policy.new.intermediate_size=64", "stages.base.policy.new.num_hidden_layers=1",
        "stages.base.policy.new.num_attention_heads=2", "stages.base.policy.new.num_key_value_heads=1",
        "stages.base.budget.iterations=40", "stages.reward.budget.iterations=30", "stages.gold.budget.iterations=30",
        "stages.reward.optimizer.learning_rate=2e-3", "stages.gold.optimizer.learning_rate=2e-3",
        "data.pairs={build: {prompts: 48, samples: 4}}", "rollout.max_new_tokens=12", "budget.updates=8", "evaluation.count=32",
    ].flatMap { ["--set", $0] }

    @Test("a comparison trains, measures and tabulates every variant, and the models that all share are made once")
    func comparison() async throws {
        let command = ["compare", recipe] + Self.changes
        let ended = try await zoo.succeed(command + ["--seeds", "0,1", "--run-dir", "first"])
        try expectArtifacts()
        let variants = ["ppo", "ppo-no-critic", "grpo", "dpo"]
        for variant in variants {
            for seed in 0...1 { try expectRun("first/\(variant)-seed\(seed)") }
            #expect(try ledger("first/\(variant)-seed0").roles.keys.contains("critic") == (variant == "ppo"))
        }
        // The pairs are dear to DPO alone, which samples nothing else.
        #expect(try ledger("first/dpo-seed0").rewardQueries == 48 * 4)

        let table = ended.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        // A table that is wider than the terminal goes on below.
        let heads = table.filter { $0.first == "metric" }.flatMap { $0 }
        #expect((["base"] + variants).allSatisfy(heads.contains))
        for row in ["gold reward", "proxy reward", "win rate against the base", "KL to the base, nats"] {
            #expect(ended.output.contains("\n\(row) "), "the table has no row '\(row)'")
        }

        let made = try artifacts()
        try await zoo.succeed(command + ["--seeds", "2", "--variants", "dpo", "--run-dir", "second"])
        #expect(try artifacts() == made, "the second comparison made something again")
    }

    @Test("--algorithm grpo and --algorithm dpo differ in nothing but the algorithm")
    func swap() async throws {
        func lines(_ algorithm: String) async throws -> [Substring] {
            try await zoo.succeed(["train", recipe, "--algorithm", algorithm, "--run-dir", algorithm] + Self.changes)
            try expectRun(algorithm)
            return try String(contentsOf: folder.url.appending(path: "\(algorithm)/recipe.yaml"), encoding: .utf8).split(
                separator: "\n")
        }
        let (grpo, dpo) = (try await lines("grpo"), try await lines("dpo"))
        #expect(grpo.count == dpo.count)
        let different = zip(grpo, dpo).filter { $0 != $1 }
        #expect(different.map { "\($0.0.trimmed) \($0.1.trimmed)" } == ["algorithm: grpo algorithm: dpo"])
    }

    // MARK: - What a run leaves

    private func url(_ run: String) -> RunFolder { RunFolder(folder.url.appending(path: run, directoryHint: .isDirectory)) }

    private func ledger(_ run: String) throws -> Ledger {
        try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: url(run).ledger))
    }

    private func metrics(_ run: RunFolder) throws -> [[String: Double]] {
        try String(contentsOf: run.metrics, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
    }

    private func expectRun(_ run: String) throws {
        let evaluation = try #require(try url(run).readEvaluation())
        for name in ["kl", "gold", "gold/gold-model", "gold/lexicon", "reward", "win_rate", "entropy", "length"] {
            #expect(evaluation.metrics[name]?.isFinite == true, "\(run) has no \(name)")
        }
        #expect(evaluation.reference["kl"] == 0)
        #expect(try metrics(url(run)).last?["budget/updates"] == 8)
        let files = try FileManager.default.contentsOfDirectory(atPath: url(run).url.path)
        #expect(files.contains { $0.hasPrefix("events.out.tfevents.") })
        #expect(!files.contains("checkpoints"))
    }

    /// Folders of the artifacts with the time at which each was done.
    private func artifacts() throws -> [String: Date] {
        let folder = cache.appending(path: "artifacts")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
        return try names.reduce(into: [:]) { dates, name in
            let done = RunFolder(folder.appending(path: name)).done.path
            let path = FileManager.default.fileExists(atPath: done) ? done : folder.appending(path: name).path
            dates[name] = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        }
    }

    private func expectArtifacts() throws {
        let names = try artifacts().keys.sorted()
        #expect(
            names.map { $0.split(separator: "-")[0] } == ["normalization", "normalization", "pairs", "reward", "reward", "sft"])
        for name in names {
            let run = RunFolder(cache.appending(path: "artifacts/\(name)"))
            guard run.isDone else { continue }
            let losses = try metrics(run).compactMap { $0["loss"] }
            let last = losses.suffix(10).reduce(0, +) / 10
            // A language model begins at the logarithm of its vocabulary, a Bradley-Terry model at the logarithm of 2.
            if name.hasPrefix("sft") {
                #expect(abs(losses[0] - log(320)) < 0.1)
                #expect(last < log(320) - 1)
            } else {
                #expect(abs(losses[0] - log(2)) < 0.1)
                #expect(last < log(2))
            }
        }
    }
}

extension Substring {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
}
