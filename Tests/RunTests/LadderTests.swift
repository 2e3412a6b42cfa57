import Foundation
import Testing

@Suite("the ladder")
struct LadderTests {
    @Test("it runs on another base, leaves out what that cannot do, and says what changes from rung to rung")
    func tabular() async throws {
        let folder = try TemporaryFolder()
        let zoo = ZooCommand(in: folder.url)
        let recipes = ZooCommand.clone.appending(path: "recipes")
        let ended = try await zoo.succeed([
            "compare", recipes.appending(path: "ladder.yaml").path, "--base", recipes.appending(path: "tabular.yaml").path,
            "--seeds", "0", "--set", "budget.updates=2", "--set", "data.pairs.build.prompts=64",
        ])
        #expect(ended.output.contains("ppo-shared is left out: it does not apply to task tabular"))
        #expect(ended.output.contains("ppo → ppo-batch-mean\n    parameters.ppo.baseline: critic → batch_mean\n"))
        #expect(ended.output.contains("rloo → grpo\n    algorithm: rloo → grpo\n"))
        let table = try String(
            contentsOf: folder.url.appending(path: "runs/ladder-tabular-compare-1/comparison.md"), encoding: .utf8)
        #expect(
            table.contains(
                "- **ppo-group-mean** → **ppo-leave-one-out**\n  - `parameters.ppo.baseline: group_mean → leave_one_out`"))

        let shared = try await zoo.run(
            "compare", recipes.appending(path: "ladder.yaml").path, "--base", recipes.appending(path: "tabular.yaml").path,
            "--variants", "ppo-shared")
        #expect(try shared.complaint.contains("variant 'ppo-shared' is excluded from task 'tabular' by its 'except_tasks'"))
    }
}
