import Foundation
import Testing
import ZooBase
import ZooData
import ZooRecords

@Suite("what a run will cost", .serialized)
struct ForecastTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        parameters:
          grpo: {prompts: 6, samples: 16, epochs: 2}
          ppo: {prompts: 6, samples: 4, epochs: 2}
          dpo: {pairs: 9}
        rollout: {max_new_tokens: 8}
        microbatch_tokens: 64
        checkpoints: {every: 2}
        budget: {iterations: 4}
        """
    private static let evaluation = "evaluation: {prompts: prompts.jsonl, every: 2}"

    private func forecast(_ words: String...) async throws -> [JSONValue] {
        let found = try await zoo.succeed(["train", "tiny.yaml", "--dry-run", "--json"] + words)
        return try #require(try JSONValue(parsing: found.output, place: "the forecast").array)
    }

    private func run(_ words: String...) async throws -> Ledger {
        try await zoo.succeed(["train", "tiny.yaml", "--run-dir", "run", "--quiet"] + words)
        return try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: folder.url.appending(path: "run/ledger.json")))
    }

    @Test(
        "bytes by role, updates and the number of iterations are those of the run; operations nearly",
        arguments: ["grpo", "ppo", "dpo", "sft"])
    func same(algorithm: String) async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage, more: Self.evaluation)
        let stages = try await forecast("--algorithm", algorithm)
        let found = try #require(stages.last)
        let ledger = try await run("--algorithm", algorithm)
        #expect(found["iterations"]?.integer == 4)
        #expect((found["ledger"]?["updates"]?.integer ?? 0) * 4 == ledger.updates)
        let roles = try #require(found["ledger"]?["roles"]?.object)
        #expect(Set(roles.members.map(\.key)) == Set(ledger.roles.keys))
        for (name, account) in ledger.roles {
            for (key, value) in [
                ("parameters", account.parameters), ("weightBytes", account.weightBytes),
                ("gradientBytes", account.gradientBytes),
                ("optimizerBytes", account.optimizerBytes),
            ] {
                #expect(roles[name]?[key]?.integer == value, "\(name) \(key)")
            }
        }
        // Of the operations only what depends on how long samples become may differ.
        let operations = roles.members.reduce(0.0) { sum, role in
            sum + (role.value["flops"]?.object?.members.reduce(0.0) { $0 + ($1.value.number ?? 0) } ?? 0)
        }
        #expect((0.6...1.6).contains(4 * operations / ledger.totalFLOPs), "\(4 * operations) and \(ledger.totalFLOPs)")
        #expect(found["seconds"]?.number ?? 0 > 0 && found["evaluationSeconds"]?.number ?? 0 > 0)
        #expect(found["modelBytes"]?.integer == 4 * (ledger.roles["policy"]?.parameters ?? 0))
        #expect(found["checkpoints"]?.integer == 2)
    }

    @Test("a budget on another axis ends after as many iterations as the run's")
    func axes() async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage.replacing("{iterations: 4}", with: "{updates: 7}"))
        #expect(try await forecast("--algorithm", "grpo").last?["iterations"]?.integer == 4)
        #expect(try await run("--algorithm", "grpo").algorithmSteps == 4)
        #expect(try await forecast("--algorithm", "grpo", "--set", "budget={epochs: 3}").last?["iterations"]?.integer == 3)
        #expect(try await forecast("--algorithm", "sft", "--set", "budget={epochs: 2}").last?["iterations"]?.integer ?? 0 > 1)
    }

    @Test("nothing is written, and a stage that begins with one that is not trained is not measured")
    func nothing() async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage, more: Self.evaluation)
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).filter { !$0.hasPrefix(".") }.sorted()
        let text = try await zoo.succeed(["train", "tiny.yaml", "--dry-run", "--algorithm", "grpo"])
        let after = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).filter { !$0.hasPrefix(".") }.sorted()
        #expect(after.filter { $0 != "cache" } == before)
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "cache/artifacts").path))
        for words in ["stage only: grpo", "4 iterations", "largest pass", "nothing was trained or written"] {
            #expect(text.output.contains(words), "\(words) in \(text.output)")
        }
        let recipe = try String(contentsOf: folder.url.appending(path: "tiny.yaml"), encoding: .utf8)
        let second =
            "  - {name: second, algorithm: sft, policy: {from: only}, data: {examples: examples.jsonl}, budget: {updates: 1}}\n"
        try Data(recipe.replacing("evaluation:", with: second + "evaluation:").utf8).write(
            to: folder.url.appending(path: "tiny.yaml"))
        let two = try await forecast()
        #expect(two.map { $0["stage"]?.string } == ["only", "second"])
        #expect(two[1]["after"]?.string == "only" && two[0]["iterations"]?.integer == 4)
    }

    @Test("pairs that are to be built are built of a few prompts, and counted as all")
    func pairs() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let text = try String(contentsOf: task.recipe, encoding: .utf8)
        let built = text.replacing("pairs: pairs.jsonl", with: "pairs: {build: {prompts: 64, samples: 8}}")
        try Data(built.utf8).write(to: task.recipe)
        let found = try #require(try await forecast("--algorithm", "dpo", "--set", "budget={epochs: 1}").last)
        #expect(found["preparedSeconds"]?.number ?? 0 > 0)
        let ledger = try await run("--algorithm", "dpo", "--set", "budget={epochs: 1}")
        let iterations = Double(found["iterations"]?.integer ?? 0) / Double(ledger.algorithmSteps)
        #expect((0.7...1.4).contains(iterations), "\(iterations)")
    }

    @Test("the reference's scores of a row are counted once, however often the data are gone through")
    func keptScores() async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage)
        // No text twice: the scores are kept by content.
        let rows = (100..<136).map { #"{"prompt": "sum", "chosen": " is \#($0)", "rejected": " is \#($0 + 100)"}"# + "\n" }
        _ = try folder.write(rows.joined(), to: "pairs.jsonl")
        let budget = ["--algorithm", "dpo", "--set", "budget={epochs: 5}"]
        let found = try #require(try await forecast(budget[0], budget[1], budget[2], budget[3]).last)
        let ledger = try await run(budget[0], budget[1], budget[2], budget[3])
        #expect(found["iterations"]?.integer == ledger.algorithmSteps)
        let forecast = found["ledger"]?["roles"]?["reference"]?["flops"]?["forward"]?.number ?? 0
        let made = ledger.roles["reference"]?.flops["forward"] ?? 0
        #expect((0.8...1.25).contains(forecast * Double(ledger.algorithmSteps) / made))
    }

    // MARK: - Comparisons

    private static let comparison =
        evaluation + "\ncompare: {seeds: [0, 1, 2], variants: {one: {algorithm: sft}, two: {algorithm: dpo}}}"

    @Test("a comparison's is that of a run of each variant, over all seeds")
    func compared() async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage, more: Self.comparison)
        let words = ["compare", "tiny.yaml", "--dry-run", "--jobs", "2"]
        let plain = try await zoo.succeed(words).output
        for part in ["one ", "two ", "runs        6: 2 variants × 3, 2 at a time", "one after another", "nothing was trained"] {
            #expect(plain.contains(part), "\(part) in \(plain)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "runs").path))
        let text = try await zoo.succeed(words + ["--json"]).output
        let found = try JSONValue(parsing: text, place: "the forecast")
        #expect(found["variants"]?["two"]?["algorithm"]?.string == "dpo" && found["seeds"]?.integer == 3)
        let alone = try #require(try await forecast("--algorithm", "dpo").last)
        let iterations = found["variants"]?["two"]?["iterations"]?.integer
        #expect(iterations == 4 && iterations == alone["iterations"]?.integer)
    }

    @Test("a comparison's stages before the last are forecast once, those in the cache not at all")
    func comparedBases() async throws {
        _ = try TinyTask(in: folder.url, stage: Self.stage, more: Self.comparison)
        let file = folder.url.appending(path: "tiny.yaml")
        let second = """
              - {name: second, algorithm: sft, policy: {from: only}, data: {examples: examples.jsonl, pairs: pairs.jsonl}, \
            budget: {updates: 1}}

            """
        let recipe = try String(contentsOf: file, encoding: .utf8)
        try Data(recipe.replacing("evaluation:", with: second + "evaluation:").utf8).write(to: file)
        let words = ["compare", "tiny.yaml", "--dry-run"]
        let before = try await zoo.succeed(words + ["--bases", "2", "--json"]).output
        let found = try JSONValue(parsing: before, place: "the forecast")
        let bases = try #require(found["earlier"]?.array)
        #expect(bases.count == 2 && bases.allSatisfy { $0.array?.first?["iterations"]?.integer == 4 })
        #expect(found["variants"]?["one"]?["after"]?.string == "only")
        try await zoo.succeed(["train", "tiny.yaml", "--quiet"])
        let text = try await zoo.succeed(words).output
        #expect(text.contains("stage only: in the cache") && text.contains("runs        6: 2 variants × 3"))
    }

    // MARK: - Memory

    /// A model of a hundred billion parameters: a header, and a hole in place of numbers.
    private func giant() throws -> URL {
        let place = folder.url.appending(path: "giant", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let config = """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 8,
             "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": 10, "rms_norm_eps": 1e-5,
             "max_position_embeddings": 16, "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
            """
        try Data(config.utf8).write(to: place.appending(path: "config.json"))
        let bytes = 200_000_000_000
        let header = #"{"model.embed_tokens.weight":{"dtype":"BF16","shape":[100000,1000000],"data_offsets":[0,\#(bytes)]}}"#
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        let file = place.appending(path: "model.safetensors")
        try (length + Data(header.utf8)).write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: UInt64(8 + header.utf8.count + bytes))
        try handle.close()
        return place
    }

    @Test("a model that cannot fit the memory is refused before it is read, with the numbers and a way out")
    func tooLarge() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let text = try String(contentsOf: task.recipe, encoding: .utf8)
        let start = try #require(text.range(of: "policy: {new:"))
        let end = try #require(text.range(of: "    reward: {new:"))
        _ = try giant()
        let large = text.replacingCharacters(in: start.lowerBound..<end.lowerBound, with: "policy: {folder: giant}\n")
        try Data(large.utf8).write(to: task.recipe)
        for words in [["--dry-run"], []] {
            let found = try await zoo.start(["train", "tiny.yaml", "--algorithm", "grpo"] + words).end()
            #expect(found.status == 65)
            let complaint = try found.complaint
            #expect(complaint.contains("needs at least 1862.6 GiB: 1490.1 GiB for weights, gradients and the optimizer's state"))
            #expect(complaint.contains("(100.0 billion parameters), 372.5 GiB for the reference"))
            #expect(complaint.contains("GiB of memory are available; train an adapter (--set policy.lora.r=16)"))
        }
        // Each of four ranks holds a quarter of the optimizer's state.
        var rank = zoo
        rank.environment.merge(["RANK": "0", "WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1"]) { $1 }
        rank.environment["MASTER_PORT"] = "\(try RankProcesses.freePort())"
        let shared = try await rank.run("train", "tiny.yaml", "--algorithm", "grpo", "--run-dir", "shared")
        #expect(try shared.complaint.contains("needs at least 1303.9 GiB: 931.3 GiB for weights, gradients"))
        let adapter = try await zoo.run("train", "tiny.yaml", "--algorithm", "grpo", "--set", "policy.lora.r=4")
        #expect(try adapter.complaint.contains("needs at least 372.5 GiB: 372.5 GiB for the frozen weights under the adapter"))
    }
}
