import Foundation
import Testing
import ZooRecords

@Suite("a run on several ranks", .serialized)
struct RankTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// Passes of a few sequences, so that an update has several of them.
    private static let stage = """
        rollout: {max_new_tokens: 6}
        microbatch_tokens: 64
        parameters:
          ppo: {prompts: 8, epochs: 2, minibatches: 2, whiten_rewards: true}
          grpo: {prompts: 2, samples: 4}
          dpo: {pairs: 6}
          kto: {examples: 10}
          reinforce: {prompts: 3, samples: 3}
        optimizer: {learning_rate: 3e-3, schedule: cosine}
        budget: {iterations: 3}
        """

    private static let evaluation = "evaluation: {prompts: prompts.jsonl, count: 5, every: 2}"

    private func url(_ name: String) -> URL { folder.url.appending(path: name) }

    /// Trains on so many ranks, into a folder of that name, and requires that all of them end well.
    private func train(_ ranks: Int, _ arguments: [String], into run: String) async throws {
        let whole = ["train"] + arguments + ["--run-dir", run, "--quiet"]
        guard ranks > 1 else {
            try await zoo.succeed(whole)
            return
        }
        for (rank, end) in try await RankProcesses(zoo, ranks, { _ in whole }).ends().enumerated() {
            try #require(end.status == 0, "rank \(rank): \(end.errors)")
        }
    }

    private func metrics(_ run: String) throws -> [[String: Double]] {
        try String(contentsOf: url("\(run)/metrics.jsonl"), encoding: .utf8).split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
        }
    }

    private func ledger(_ run: String) throws -> Ledger {
        try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: url("\(run)/ledger.json")))
    }

    // MARK: - Bits

    private func compare(_ arguments: [String], ranks: [Int] = [1, 2, 3]) async throws {
        for count in ranks { try await train(count, arguments + ["--set", "reproducible=true"], into: "ranks-\(count)") }
        for count in ranks.dropFirst() {
            try expectSameRuns(url("ranks-\(ranks[0])"), url("ranks-\(count)"), "\(count) ranks")
        }
    }

    @Test(
        "with reproducible: true, one, two and three ranks come to the same bits of metrics, weights and samples",
        arguments: ["ppo", "grpo", "dpo", "kto", "reinforce"])
    func text(algorithm: String) async throws {
        let isMeasured = ["ppo", "dpo"].contains(algorithm)
        let task = try TinyTask(in: folder.url, stage: Self.stage, more: isMeasured ? Self.evaluation : "")
        try await compare([task.recipe.path, "--algorithm", algorithm])
        #expect(try metrics("ranks-1").count == (isMeasured ? 4 : 3))
    }

    @Test("a table and an image model do, too", arguments: ["table", "images"])
    func others(kind: String) async throws {
        if kind == "table" {
            let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
            let changes = [
                "budget.updates=4", "parameters.prompts=32", "microbatch_tokens=24", "evaluation.samples_per_prompt=4",
            ]
            try await compare([recipe, "--algorithm", "ppo"] + changes.flatMap { ["--set", $0] }, ranks: [1, 3])
        } else {
            let stage = """
                microbatch_tokens: 200
                parameters: {grpo: {prompts: 2, samples: 4}}
                budget: {iterations: 2}
                """
            let images = try TinyImages(in: folder.url, cache: url("cache"), stage: stage)
            try await compare([images.recipe.path, "--algorithm", "grpo"], ranks: [1, 2])
        }
    }

    @Test("an adapter whose rollouts lag, and a program's rewards, do, too")
    func programs() async throws {
        _ = try folder.write("def f(completions):\n    return [len(set(text)) / 8 for text in completions]", to: "rewards.py")
        let stage = Self.stage.replacing("max_new_tokens: 6", with: "max_new_tokens: 6, lag: 1")
        let task = try TinyTask(in: folder.url, stage: stage)
        try await train(1, [task.recipe.path, "--set", "budget.iterations=2"], into: "base")
        let changes = [
            "rewards=[{function: command, command: [python3, -m, zoo_reward, \"rewards:f\"]}]",
            "policy={folder: base/model, lora: {r: 2}}",
        ]
        let arguments = [task.recipe.path, "--algorithm", "grpo"] + changes.flatMap { ["--set", $0] }
        try await compare(arguments, ranks: [1, 2])
    }

    @Test("an environment, each rank of which has its own, gives the same samples")
    func environment() async throws {
        _ = try folder.write(
            """
            class Game:
                def reset(self, prompt, seed):
                    self.seed, self.turns = seed, 0
                def step(self, text):
                    self.turns += 1
                    return f" and {(self.seed + self.turns) % 7}, then", 0.1 * text.count("a"), self.turns == 2
            """, to: "game.py")
        let environment = """
            environment: {command: [python3, -m, zoo_reward, --environment, "game:Game"], max_turns: 3, stop: ["?", " "]}
            """
        let task = try TinyTask(in: folder.url, stage: Self.stage + "\n" + environment)
        try await compare([task.recipe.path, "--algorithm", "grpo"], ranks: [1, 2])
    }

    @Test("a budget of seconds ends all ranks after the same iteration")
    func seconds() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage.replacing("{iterations: 3}", with: "{seconds: 0.5}"))
        try await train(2, [task.recipe.path, "--algorithm", "grpo"], into: "two")
        #expect(try metrics("two").count > 0)
    }

    // MARK: - Memory

    @Test("each rank holds a part of the optimizers' state, also in checkpoints, which any number of ranks continues")
    func sharded() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage + "\ncheckpoints: {every: 2, after_end: true}")
        let arguments = [task.recipe.path, "--algorithm", "ppo", "--set", "reproducible=true"]
        let shards = ["--set", "memory.shard_optimizer=1 KiB"]
        try await train(1, arguments, into: "whole")
        try await train(3, arguments + shards, into: "split")
        try expectSameRuns(url("whole"), url("split"))
        let whole = try ledger("whole").roles.values.reduce(0) { $0 + $1.optimizerBytes }
        let parts = try #require(try ledger("split").ranks)
        #expect(whole > 0 && parts.count == 3)
        // Each counts the steps of its own tensors, nothing else twice.
        #expect(parts.reduce(0) { $0 + $1.optimizerBytes } == whole)
        for part in parts { #expect((whole / 5...whole / 2).contains(part.optimizerBytes) && part.peakBytes > whole) }
        for role in ["policy", "critic"] {
            for rank in 1...3 {
                let file = "split/checkpoints/step-3/\(role).optimizer-0000\(rank)-of-00003.safetensors"
                #expect(FileManager.default.fileExists(atPath: url(file).path), "\(file)")
            }
        }
        let more = ["train", "--quiet", "--set", "budget.iterations=5", "--resume"]
        try await zoo.succeed(more + ["whole"])
        try FileManager.default.copyItem(at: url("split"), to: url("again"))
        for end in try await RankProcesses(zoo, 2, { _ in more + ["split"] }).ends() { #expect(end.status == 0, "\(end.errors)") }
        try expectSameRuns(url("whole"), url("split"))
        try await zoo.succeed(more + ["again"])
        try expectSameRuns(url("whole"), url("again"))
    }

    // MARK: - Other bits

    @Test("without it, the same number of ranks has the same bits, and the losses of one rank within 1e-5")
    func fast() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        for (run, ranks) in [("alone", 1), ("two", 2), ("again", 2)] {
            try await train(ranks, [task.recipe.path, "--algorithm", "dpo"], into: run)
        }
        try expectSameRuns(url("two"), url("again"))
        let (alone, two) = (try metrics("alone"), try metrics("two"))
        #expect(alone.count == two.count)
        for (one, other) in zip(alone, two) {
            let (expected, found) = (try #require(one["common/loss"]), try #require(other["common/loss"]))
            #expect(abs(expected - found) < 1e-5)
        }
    }

    @Test("the ledger counts all ranks' operations and says what talking took; the environment names the ranks")
    func account() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        for ranks in [1, 2] { try await train(ranks, [task.recipe.path, "--algorithm", "dpo"], into: "ranks-\(ranks)") }
        let (alone, two) = (try ledger("ranks-1"), try ledger("ranks-2"))
        // Passes are cut otherwise, so that prompts are shared among other sequences.
        #expect(abs(two.totalFLOPs / alone.totalFLOPs - 1) < 0.02)
        #expect(alone.communicationSeconds == nil)
        #expect(try #require(two.communicationSeconds) > 0)
        let environment = try JSONSerialization.jsonObject(with: Data(contentsOf: url("ranks-2/environment.json")))
        let ranks = try #require((environment as? [String: Any])?["ranks"] as? [String: Any])
        #expect(ranks["ranks"] as? Int == 2)
        #expect(ranks["launcher"] as? String == "RANK and WORLD_SIZE")
        #expect((ranks["hosts"] as? [String])?.count == 2)
    }

    // MARK: - Failure

    /// A run that only ends when something ends it.
    private func endless(_ more: [String] = []) throws -> [String] {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let changes = ["budget.iterations=100000", "checkpoints.every=2", "rank_timeout=3", "reproducible=true"] + more
        return ["train", task.recipe.path, "--algorithm", "ppo", "--run-dir", "run", "--quiet"]
            + changes.flatMap { ["--set", $0] }
    }

    private static func hasCheckpoint(_ folder: String) -> Bool {
        let found = try? FileManager.default.contentsOfDirectory(atPath: folder)
        return found?.contains { $0.hasPrefix("step-") && $0 != "step-2" } ?? false
    }

    @Test("a rank that is killed is named by the others, and nothing is left half-written")
    func killed() async throws {
        let arguments = try endless()
        let ranks = try RankProcesses(zoo, 2) { _ in arguments }
        let checkpoints = url("run/checkpoints").path
        let isKilled = await ranks.processes[1].send(SIGKILL) { Self.hasCheckpoint(checkpoints) }
        try #require(isKilled)
        let ends = try await ranks.ends()
        #expect(ends[0].status == 70)
        #expect(try ends[0].complaint.hasPrefix("rank 1 has not answered rank 0"), "\(ends[0].errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: url("run/checkpoints").path)
        #expect(names.allSatisfy { $0.hasPrefix("step-") })
    }

    @Test("a comparison is not started several times by a launcher")
    func compared() async throws {
        let variants = "compare: {seeds: [0], variants: {one: {algorithm: sft}, two: {algorithm: dpo}}}"
        let task = try TinyTask(in: folder.url, stage: Self.stage, more: variants)
        for end in try await RankProcesses(zoo, 2, { _ in ["compare", task.recipe.path, "--quiet"] }).ends() {
            #expect(end.status == 65)
            #expect(try end.complaint.hasPrefix("zoo compare was started as one of 2 ranks by RANK and WORLD_SIZE"))
        }
    }

    @Test("where a launcher names none of its launches, a rank says what to set")
    func nameless() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        var own = zoo
        own.environment.merge(["PMI_RANK": "0", "PMI_SIZE": "2"]) { $1 }
        let ended = try await own.run("train", task.recipe.path, "--algorithm", "dpo", "--run-dir", "run")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("set MASTER_ADDR to rank 0's machine"))
        #expect(try ended.complaint.contains("mpiexec names none of its launches"))
    }

    @Test("a run goes on with another number of ranks, and comes to the same bits")
    func resumed() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage + "\ncheckpoints: {every: 2, after_end: true}")
        let arguments = [task.recipe.path, "--algorithm", "ppo", "--set", "reproducible=true"]
        for (run, ranks) in [("whole", 1), ("split", 2)] { try await train(ranks, arguments, into: run) }
        let more = ["train", "--quiet", "--set", "budget.iterations=5", "--resume"]
        try await zoo.succeed(more + ["whole"])
        for end in try await RankProcesses(zoo, 3, { _ in more + ["split"] }).ends() { #expect(end.status == 0, "\(end.errors)") }
        try expectSameRuns(url("whole"), url("split"))
        #expect(try metrics("split").count == 5)
    }

    #if os(Linux)
        @Test("a rank that hangs is named by the others after rank_timeout")
        func hanging() async throws {
            let arguments = try endless()
            let ranks = try RankProcesses(zoo, 2) { _ in arguments }
            let checkpoints = url("run/checkpoints").path
            let isThere = await eventually { Self.hasCheckpoint(checkpoints) }
            try #require(isThere)
            let workers = ranks.processes[1].children
            for worker in workers { kill(worker, SIGSTOP) }
            let first = try await ranks.processes[0].end()
            for worker in workers { kill(worker, SIGCONT) }
            let second = try await ranks.processes[1].end()
            #expect(first.status == 70)
            #expect(try first.complaint.contains("rank 1 has not answered rank 0"), "\(first.errors)")
            #expect(second.status != 0)
        }

        @Test("where rank 0 is cut off, and with it the place where ranks meet, the others end, too")
        func cutOff() async throws {
            let arguments = try endless()
            let ranks = try RankProcesses(zoo, 2) { _ in arguments }
            let checkpoints = url("run/checkpoints").path
            let isThere = await eventually { Self.hasCheckpoint(checkpoints) }
            try #require(isThere)
            let first = ranks.processes[0].children + [ranks.processes[0].number]
            for process in first { kill(process, SIGSTOP) }
            let second = try await ranks.processes[1].end()
            for process in first { kill(process, SIGKILL) }
            _ = try await ranks.processes[0].end()
            #expect(second.status == 70)
            #expect(try second.complaint.hasPrefix("rank 0 has ended or cannot be reached"), "\(second.errors)")
        }
    #endif

    @Test(
        "a rank that was given something else is told what, and all end before anything is trained",
        arguments: ["recipe", "data", "plugin"])
    func different(what: String) async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let algorithm = what == "plugin" ? "broken" : "reinforce"
        var arguments = ["train", task.recipe.path, "--algorithm", algorithm, "--run-dir", "run", "--quiet"]
        var others = arguments
        switch what {
        case "recipe": others += ["--set", "parameters.samples=2"]
        case "data":
            _ = try folder.write(#"{"prompt": "a play"}"# + "\n", to: "other.jsonl")
            others += ["--set", "data.prompts=other.jsonl"]
        default:
            let plugins = try BrokenPlugin.folder("REFERENCE=1", in: folder.url)
            // A library ends where its headers say: what is behind that is another content, and the same plugin.
            let copy = url("copy")
            try FileManager.default.copyItem(at: URL(filePath: plugins), to: copy)
            for name in try FileManager.default.contentsOfDirectory(atPath: copy.path) where name.hasPrefix("lib") {
                let library = copy.appending(path: name)
                try (Data(contentsOf: library) + Data("another build".utf8)).write(to: library)
            }
            arguments += ["--plugin-path", plugins]
            others += ["--plugin-path", copy.path]
        }
        let ends = try await RankProcesses(zoo, 2) { [arguments, others] in $0 == 0 ? arguments : others }.ends()
        let expected = ["recipe": "parameters.reinforce.samples", "data": "data.prompts", "plugin": "plugin"][what] ?? ""
        for end in ends {
            #expect(end.status != 0)
            let complaint = try end.complaint
            #expect(complaint.hasPrefix("rank 1: ") && complaint.contains(expected), "\(end.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: url("run/metrics.jsonl").path))
    }
}
