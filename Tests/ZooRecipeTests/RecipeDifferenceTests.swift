import Foundation
import Testing
import ZooPlugins
import ZooRecipe

@Suite("what differs between two recipes")
struct RecipeDifferenceTests {
    private let defaults: ParameterDefaults = [
        "ppo": ["baseline": "critic", "beta": 0.05, "samples": 1], "grpo": ["beta": 0.04, "samples": 8],
    ]

    private func differences(_ before: [String], _ after: [String], algorithm: String? = nil) throws -> [String] {
        try recipe(set: before).differences(to: recipe(set: after, algorithm: algorithm), defaults: defaults).map(\.description)
    }

    @Test("a recipe does not differ from itself")
    func same() throws { #expect(try differences([], []).isEmpty) }

    @Test("a parameter that one side leaves out has its default there")
    func parameter() throws {
        #expect(try differences([], ["parameters.baseline=batch_mean"]) == ["parameters.ppo.baseline: critic → batch_mean"])
        #expect(try differences(["parameters.samples=1"], []).isEmpty)
    }

    @Test("parameters of algorithms that neither side runs do not count")
    func unused() throws { #expect(try differences([], ["parameters.grpo.beta=3"]).isEmpty) }

    @Test("every other value is shown by its path, and a dash where a side has none")
    func values() throws {
        let found = try differences(
            [],
            ["critic={trunk: shared}", "rewards.0.weight=3", "stages.base.budget.iterations=6", "seed=2", "evaluation.count=3"])
        #expect(
            found == [
                "seed: 0 → 2", "evaluation.count: 128 → 3", "stages.base.budget.iterations: 5 → 6", "critic.from: base → –",
                "critic.trunk: separate → shared", "rewards.0.weight: 2 → 3",
            ])
    }

    @Test("another algorithm is shown with the parameters that each side sets, but for those that both have alike")
    func swap() throws {
        let both = ["parameters.ppo.samples=8", "parameters.ppo.baseline=none"]
        #expect(
            try differences(both, both, algorithm: "grpo") == [
                "algorithm: ppo → grpo", "parameters: {baseline: none, beta: 0.1} → {beta: 0.2}",
            ])
    }
}
