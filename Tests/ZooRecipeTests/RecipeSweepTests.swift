import Foundation
import Testing
import ZooPlugins
import ZooRecipe

@Suite("sweeps of a comparison")
struct RecipeSweepTests {
    private func comparison(_ compare: String) throws -> Recipe {
        let head = smallRecipe.prefix(upTo: try #require(smallRecipe.range(of: "compare:")).lowerBound)
        return try recipe(head + compare)
    }

    private func complaint(_ compare: String) -> String {
        do {
            _ = try comparison(compare)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("each value becomes a variant that knows its series, its axis and its value")
    func points() throws {
        let recipe = try comparison(
            "compare: {variants: {ppo: {algorithm: ppo, sweep: {parameters.beta: [0.03, 1e-9, 2]}}, dpo: {algorithm: dpo}}}")
        let variants = try #require(recipe.compare?.variants)
        #expect(variants.map(\.name) == ["ppo-beta-0.03", "ppo-beta-1e-09", "ppo-beta-2", "dpo"])
        #expect(variants.map(\.series) == ["ppo", "ppo", "ppo", nil])
        #expect(variants.map(\.axis) == ["parameters.beta", "parameters.beta", "parameters.beta", nil])
        #expect(variants.map(\.value) == [0.03, 1e-9, 2, nil])
        #expect(try recipe.stage(for: variants[2]).parameters["ppo"] == ["beta": 2])
    }

    @Test("the sweep of the comparison goes through all its variants")
    func shared() throws {
        let recipe = try comparison(
            "compare: {sweep: {rewards.0.weight: [0, 4]}, variants: {ppo: {algorithm: ppo}, dpo: {algorithm: dpo}}}")
        let variants = try #require(recipe.compare?.variants)
        #expect(variants.map(\.name) == ["ppo-weight-0", "ppo-weight-4", "dpo-weight-0", "dpo-weight-4"])
        #expect(try variants.map { try recipe.stage(for: $0).rewards[0].weight } == [0, 4, 0, 4])
    }

    @Test("all paths of one sweep move together, and the first is the axis")
    func together() throws {
        let recipe = try comparison(
            "compare: {variants: {g: {algorithm: grpo, sweep: {parameters.samples: [2, 4], parameters.prompts: [32, 16]}}}}")
        let variants = try #require(recipe.compare?.variants)
        #expect(variants.map(\.name) == ["g-samples-2", "g-samples-4"])
        #expect(variants.map(\.axis) == ["parameters.samples", "parameters.samples"])
        let parameters = try variants.map { try recipe.stage(for: $0).parameters["grpo"] }
        #expect(parameters == [["beta": 0.2, "samples": 2, "prompts": 32], ["beta": 0.2, "samples": 4, "prompts": 16]])
    }

    @Test("the resolved dump holds the points and reads back as the same recipe")
    func resolved() throws {
        let recipe = try comparison(
            "compare: {ladder: true, sweep: {seed: [1, 2]}, variants: {ppo: {algorithm: ppo, except_tasks: [tabular]}}}")
        #expect(recipe.compare?.ladder == true)
        #expect(try ZooRecipeTests.recipe(recipe.resolvedYAML()) == recipe)
    }

    @Test(
        "a sweep that makes no sense is refused before anything runs",
        arguments: [
            ("sweep: {parameters.beta: []}", "compare.variants.v.sweep: expected at least one path with at least one value"),
            ("sweep: {}", "compare.variants.v.sweep: expected at least one path with at least one value"),
            ("sweep: {parameters.beta: [1, 1]}", "compare.variants.v.sweep.parameters.beta: '1' is listed twice"),
            ("sweep: {parameters.loss: [ipo]}", "compare.variants.v.sweep.parameters.loss[0]: expected a number, found 'ipo'"),
            ("sweep: {a: [1, 2], b: [1]}", "compare.variants.v.sweep: 'b' has 1 values and 'a' has 2; all paths of one"),
            (
                "set: {parameters.beta: 1}, sweep: {parameters.beta: [2]}",
                "compare.variants.v: both sets and sweeps 'parameters.beta'"
            ),
            (
                "parameters: {beta: 1}, sweep: {parameters.beta: [2]}",
                "compare.variants.v: both sets and sweeps 'parameters.beta'"
            ),
            ("except_tasks: [tabula]", "compare.variants.v.except_tasks[0]: expected one of "),
            ("swep: {}", "compare.variants.v.swep: is not a key here; did you mean 'sweep'?"),
        ])
    func refused(keys: String, expected: String) {
        let found = complaint("compare: {variants: {v: {algorithm: dpo, \(keys)}}}")
        #expect(found.hasPrefix("recipes/small.yaml:21: \(expected)"), "\(found)")
    }

    @Test("a value that the recipe cannot take is refused, and the sentence names the point; so are two axes at once")
    func values() {
        let bad = complaint("compare: {variants: {v: {algorithm: dpo, sweep: {rollout.temperature: [1, 0]}}}}")
        #expect(bad.contains("compare.variants.v-temperature-0: stages[1].rollout.temperature: expected a number > 0, found 0"))
        let two = complaint("compare: {sweep: {seed: [1]}, variants: {v: {algorithm: dpo, sweep: {parameters.beta: [1]}}}}")
        #expect(two.contains("compare.variants.v: has its own sweep in addition to 'compare.sweep'"))
        let name = complaint("compare: {variants: {v: {algorithm: dpo, sweep: {seed: [1]}}, v-seed-1: {algorithm: dpo}}}")
        #expect(name.contains("compare.variants: 'v-seed-1' is listed twice"))
    }
}
