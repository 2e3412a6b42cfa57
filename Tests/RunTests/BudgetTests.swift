import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("budgets", .serialized)
struct BudgetTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let recipe = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path

    /// The ledger of a run of DPO on the tabular task, 2 steps a completion, 4 completions a prompt, 64 pairs a step.
    private func ledger(_ changes: [String]) async throws -> Ledger {
        let run = folder.url.appending(path: "run")
        let all = changes + ["parameters.pairs=64", "evaluation.samples_per_prompt=1"]
        try await zoo.succeed(
            ["train", Self.recipe, "--algorithm", "dpo", "--run-dir", run.path] + all.flatMap { ["--set", $0] })
        return try JSONDecoder().decode(Ledger.self, from: Data(contentsOf: RunFolder(run).ledger))
    }

    /// 250 prompts of 4 samples; a reward table of normal draws nearly always tells the best of 4 from the worst.
    @Test("DPO spends a budget of reward queries on pairs, and then makes its passes over them", arguments: [1, 3])
    func queries(epochs: Int) async throws {
        let ledger = try await ledger(["budget.reward_queries=1003", "data.pairs={build: {epochs: \(epochs)}}"])
        #expect(ledger.rewardQueries == 1000)
        #expect(ledger.sampledSteps == 2000)
        #expect((200 * epochs...256 * epochs).contains(ledger.updates * 64))
    }

    @Test("DPO spends a budget of sampled steps on pairs and never overruns it")
    func steps() async throws {
        let ledger = try await ledger(["budget.sampled_steps=1205"])
        #expect(ledger.sampledSteps == 1200)
        #expect(ledger.rewardQueries == 600)
        #expect(ledger.updates == 5)
    }

    @Test("on every other axis the pairs are as many as the recipe says")
    func others() async throws {
        let ledger = try await ledger(["budget.updates=3"])
        #expect(ledger.rewardQueries == 512 * 4)
        #expect(ledger.updates == 3)
    }

    @Test("a budget of floating-point operations ends the run with the step that spends it")
    func operations() async throws {
        let ledger = try await ledger(["budget.flops=3e5"])
        let perStep = (ledger.roles["reference"]?.totalFLOPs ?? 0) / Double(ledger.updates)
        #expect(ledger.totalFLOPs >= 3e5)
        #expect(ledger.totalFLOPs - 3e5 < 8 * perStep)
    }

    @Test("a budget that pays for no pair, and pairs that nothing counts, are refused")
    func refused() async throws {
        let small = try await zoo.run("train", Self.recipe, "--algorithm", "dpo", "--set", "budget.sampled_steps=5")
        #expect(try small.complaint.contains("budget, sampled_steps: 5, does not cover the 4 samples of up to 2 steps"))
        let uncounted = try await zoo.run("train", Self.recipe, "--set", "data.pairs={build: {samples: 2}}")
        #expect(try uncounted.complaint.contains("data.pairs.build.prompts: expected a whole number >= 1, found none"))
    }

    // MARK: - Budgets that are never spent

    /// What each algorithm spends besides steps, updates, epochs, operations and seconds, as its paper has it.
    private static let spends: [String: [Budget.Axis]] = [
        "ppo": [.sampledSteps, .rewardQueries], "grpo": [.sampledSteps, .rewardQueries], "rloo": [.sampledSteps, .rewardQueries],
        "reinforce": [.sampledSteps, .rewardQueries], "reinforce-plus-plus": [.sampledSteps, .rewardQueries],
        "online-dpo": [.sampledSteps, .rewardQueries], "distill": [.sampledSteps], "dpo": [], "kto": [], "sft": [],
        "reward-model": [],
    ]

    @Test("an axis that the algorithm never spends is refused before anything runs, with those that it spends")
    func unspendable() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}\nteacher: {folder: .}")
        let catalog = try await PluginCatalog.scan(
            PluginSearchPath(builtIn: ZooCommand.folder.path, environment: [:]),
            executable: ZooCommand.folder.appending(path: "zoo").path)
        #expect(Set(catalog.plugins.flatMap(\.algorithms).map(\.id)) == Set(Self.spends.keys))
        for (algorithm, axes) in Self.spends.sorted(by: { $0.key < $1.key }) {
            for axis in Budget.Axis.allCases {
                let recipe = try Recipe.load(
                    task.recipe, overrides: [Override("budget.\(axis.rawValue)=8")], algorithm: algorithm)
                func controller() throws { _ = try RunController(recipe, plugins: catalog, observer: Nobody()) }
                guard [.sampledSteps, .rewardQueries].contains(axis), !axes.contains(axis) else {
                    #expect(throws: Never.self, "\(algorithm) \(axis)") { try controller() }
                    continue
                }
                #expect("\(algorithm) \(axis)") { try controller() } throws: { error in
                    let text = "\(error)"
                    return text.contains("'\(algorithm)'") && text.contains("a budget of \(axis.rawValue) would never be spent")
                        && text.contains("expected one of iterations, updates, epochs, ")
                }
            }
        }
    }

    private struct Nobody: RunObserver { func observe(_ run: String, _ event: RunEvent) {} }

    @Test("DPO on a file of pairs does not pay for samples; on pairs that it builds it does")
    func pairs() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}")
        let file = try await zoo.run("train", task.recipe.path, "--algorithm", "dpo", "--set", "budget.reward_queries=100")
        #expect(file.status == 65)
        #expect(try file.complaint.contains("'dpo' queries no reward, so a budget of reward_queries would never be spent"))
        let images = try await zoo.run(
            "train", ZooCommand.clone.appending(path: "recipes/image-beta.yaml").path, "--algorithm", "dpo", "--set",
            "data.pairs={build: {prompts: 8, images: {chosen: target, rejected: generated}}}", "--set", "budget.sampled_steps=100"
        )
        #expect(try images.complaint.contains("'dpo' samples nothing, so a budget of sampled_steps would never be spent"))
    }

    @Test("updates of a reward-model stage are those of the reward model")
    func rewardModel() async throws {
        let task = try TinyTask(in: folder.url, stage: "parameters: {reward-model: {pairs: 8}}\nbudget: {updates: 3}")
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "reward-model", "--run-dir", "run", "--quiet"])
        #expect(try lines("run") == 3)
    }

    @Test("a run that comes no nearer to its end stops with its cause and a checkpoint")
    func idle() async throws {
        let plugins = try BrokenPlugin.folder("IDLE", in: folder.url)
        let task = try TinyTask(in: folder.url, stage: "budget: {updates: 3}\ncheckpoints: {every: 70}")
        let command = ["train", task.recipe.path, "--plugin-path", plugins, "--algorithm", "broken"]
        let ended = try await zoo.start(command + ["--run-dir", "run"]).end()
        #expect(ended.status == 65)
        let complaint = try ended.complaint
        #expect(
            complaint.contains("in 100 iterations 'broken' spent nothing of its budget, updates: 3: no iteration made an update"))
        let checkpoints = folder.url.appending(path: "run/checkpoints").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: checkpoints).sorted() == ["step-100", "step-70"])
        // On another axis the budget ends the run, and that nothing is trained is said.
        let steps = try await zoo.start(command + ["--run-dir", "steps", "--set", "budget.iterations=110"]).end()
        #expect((steps.output + steps.errors).contains("'broken' updated no network in the last 100 iterations"))
        #expect(try steps.complaint.contains("updated neither policy nor reward"))
    }

    // MARK: - Epochs

    /// Steps of a run: lines of its metrics.
    private func lines(_ run: String) throws -> Int {
        try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8).count(where: \.isNewline)
    }

    /// 36 examples and pairs in batches of 8, 6 prompts two at a time: a pass is 4.5 or 3 steps.
    @Test(
        "epochs are passes over the rows that the algorithm reads, whole or not",
        arguments: [("sft", "0.5", 3), ("sft", "1", 5), ("dpo", "2", 9), ("grpo", "1.5", 5)])
    func epochs(algorithm: String, budget: String, steps: Int) async throws {
        let stage = """
            parameters: {sft: {examples: 8}, dpo: {pairs: 8}, grpo: {prompts: 2, samples: 2}}
            rollout: {max_new_tokens: 4}
            budget: {iterations: 1}
            """
        let task = try TinyTask(in: folder.url, stage: stage)
        try await zoo.succeed([
            "train", task.recipe.path, "--algorithm", algorithm, "--set", "budget.epochs=\(budget)", "--run-dir", "run",
            "--quiet",
        ])
        #expect(try lines("run") == steps)
    }
}
