import Foundation
import Testing
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe

/// An algorithm `demo` whose parameters have other names, former ones, and presets that use them.
private func catalog() throws -> PluginCatalog {
    func parameter(_ name: String, aliases: [String] = [], formerly: [String] = [], _ rest: String) -> String {
        """
        {"name": "\(name)", "isNullable": false, "doc": "", "minimumIsExcluded": false, "maximumIsExcluded": false, \
        "aliases": \(aliases), "formerly": \(formerly), \(rest)}
        """
    }
    func preset(_ name: String, _ parameters: String) -> String {
        #"{"name": "\#(name)", "source": "its file", "summary": "", "notes": [], "parameters": \#(parameters)}"#
    }
    let number = #""kind": "number", "choices": []"#
    let parameters = [
        parameter("epochs", aliases: ["num_iterations", "num_epochs"], number),
        parameter("clip_range", aliases: ["epsilon"], formerly: ["clip"], number),
        parameter("pairs", formerly: ["batch_size"], number), parameter("examples", formerly: ["batch_size"], number),
        parameter("baseline", #""kind": "string", "choices": ["group_mean", "none"]"#),
    ]
    let presets = [
        preset("clip", #"{"clip": 1}"#), preset("size", #"{"batch_size": 1}"#), preset("epsilon", #"{"epsilon": 1}"#),
        preset("hyphen", #"{"baseline": "group-mean"}"#), preset("near", #"{"num_iteration": 1}"#),
    ]
    let plugin = """
        {"path": "/libDemo.so", "sha256": "", "toolchain": "", "abiMinor": 1, "algorithms": [{"id": "demo", "title": "", \
        "summary": "", "paper": "", "needs": {"data": ["prompts"], "roles": [], "services": []}, \
        "parameters": [\(parameters.joined(separator: ", "))], "presets": [\(presets.joined(separator: ", "))]}]}
        """
    return PluginCatalog(plugins: [try JSONDecoder().decode(PluginDescription.self, from: Data(plugin.utf8))])
}

/// TRL's names in recipes, and names of earlier days.
@Suite("names of parameters")
struct ParameterNamesTests {
    private func recipe(_ parameters: String, compare: String = "{demo: {algorithm: demo}}", set: [String] = []) throws -> Recipe
    {
        let yaml = """
            name: names
            task: tabular
            stages:
              - name: first
                algorithm: demo
                policy: {new: {family: tabular}}
                parameters: {demo: {epsilon: 0.5}}
                budget: {updates: 1}
              - name: last
                algorithm: demo
                policy: {from: first}
                parameters: \(parameters)
                budget: {updates: 1}
            compare: {variants: \(compare)}
            """
        return try Recipe.parse(
            yaml, file: URL(fileURLWithPath: "recipes/names.yaml"), overrides: set.map { try Override($0) },
            names: catalog().parameterNames)
    }

    @Test("TRL's name becomes the parameter's own, in every stage and under a preset, and is written so")
    func stages() throws {
        let recipe = try recipe("{demo: {num_iterations: 2}, demo@clip: {epsilon: 3}, other: {epsilon: 4}}")
        #expect(recipe.stages[0].parameters == ["demo": ["clip_range": 0.5]])
        #expect(recipe.stages[1].parameters == ["demo": ["epochs": 2], "demo@clip": ["clip_range": 3], "other": ["epsilon": 4]])
        #expect(recipe.resolvedYAML().contains("epochs: 2") && !recipe.resolvedYAML().contains("num_iterations"))
    }

    @Test(
        "--set finds a parameter by either name, whichever the recipe has",
        arguments: [
            ("{demo: {num_iterations: 2}}", "parameters.epochs"), ("{demo: {epochs: 2}}", "parameters.num_iterations"),
            ("{demo: {num_epochs: 2}}", "parameters.demo.num_iterations"), ("{}", "stages.last.parameters.num_iterations"),
        ])
    func changes(parameters: String, path: String) throws {
        #expect(try recipe(parameters, set: ["\(path)=7"]).stages[1].parameters == ["demo": ["epochs": 7]])
    }

    @Test("variants and their sweeps are called and changed by the parameter's own name")
    func variants() throws {
        let compare = """
            {own: {algorithm: demo, parameters: {epsilon: 2}, set: {stages.first.parameters.epsilon: 3}}, \
            swept: {algorithm: demo, sweep: {parameters.num_iterations: [1, 2]}}}
            """
        let recipe = try recipe("{demo: {epochs: 9, clip_range: 1}}", compare: compare)
        let variants = try #require(recipe.compare?.variants)
        #expect(variants.map(\.name) == ["own", "swept-epochs-1", "swept-epochs-2"])
        #expect(variants.map(\.axis) == [nil, "parameters.epochs", "parameters.epochs"])
        #expect(try recipe.stage(for: variants[0]).parameters["demo"] == ["epochs": 9, "clip_range": 2])
        #expect(try recipe.applying(variants[0]).stages[0].parameters["demo"] == ["clip_range": 3])
        #expect(try recipe.stage(for: variants[2]).parameters["demo"] == ["epochs": 2, "clip_range": 1])
    }

    @Test("a parameter that is given by two names is refused with both")
    func twice() {
        let error = #expect(throws: RecipeError.self) { try recipe("{demo: {num_iterations: 2, epochs: 2}}") }
        #expect(
            error?.description
                == "recipes/names.yaml:12: stages[1].parameters.demo: 'epochs' and 'num_iterations' are one parameter, 'epochs'; "
                + "keep one of them")
    }

    @Test(
        "a name or a value of earlier days is refused with the one of today",
        arguments: [
            ("clip", "parameter 'clip' of 'demo' is called 'clip_range' now"),
            ("size", "parameter 'batch_size' of 'demo' is called 'pairs' or 'examples' now"),
            ("epsilon", "parameter 'epsilon' of 'demo' is 'clip_range' here"),
            ("hyphen", "parameter 'baseline' of 'demo': expected 'group_mean', with underscores, found 'group-mean'"),
            ("near", "algorithm 'demo' has no parameter 'num_iteration'; did you mean 'num_iterations'?"),
        ])
    func refused(preset: String, sentence: String) {
        let error = #expect(throws: ZooError.self) { try catalog().offer("demo@\(preset)") }
        #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "no error")")
    }
}
