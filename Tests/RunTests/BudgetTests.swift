import Foundation
import Testing
import ZooHost

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
        #expect(try small.complaint.contains("budget, sampled_steps: 5, does not pay for the 4 samples of up to 2 steps"))
        let uncounted = try await zoo.run("train", Self.recipe, "--set", "data.pairs={build: {samples: 2}}")
        #expect(try uncounted.complaint.contains("data.pairs.build.prompts: expected a whole number >= 1, found none"))
    }
}
