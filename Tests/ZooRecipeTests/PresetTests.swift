import Foundation
import Testing
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe

/// An algorithm `demo` with the presets `trl`, `odd` (an unknown parameter) and `high` (a value out of range).
private func catalog() throws -> PluginCatalog {
    func parameter(_ name: String, _ kind: String, _ rest: String, isNullable: Bool = false) -> String {
        """
        {"name": "\(name)", "kind": "\(kind)", "isNullable": \(isNullable), "doc": "", "minimumIsExcluded": false, \
        "maximumIsExcluded": false, "aliases": [], "formerly": [], \(rest)}
        """
    }
    func preset(_ name: String, _ parameters: String) -> String {
        #"{"name": "\#(name)", "source": "its file", "summary": "", "notes": [], "parameters": \#(parameters)}"#
    }
    let parameters = [
        parameter("beta", "number", #""defaultValue": 0.04, "minimum": 0, "maximum": 10, "choices": []"#),
        parameter("samples", "integer", #""defaultValue": 8, "minimum": 1, "maximum": 100, "choices": []"#),
        parameter("scale", "string", #""defaultValue": "group", "choices": ["group", "none"]"#),
        parameter("cap", "number", #""choices": []"#, isNullable: true),
    ]
    let presets = [
        preset("trl", #"{"beta": 0, "scale": "none"}"#), preset("odd", #"{"betta": 1}"#), preset("high", #"{"beta": 11}"#),
    ]
    let plugin = """
        {"path": "/libDemo.so", "sha256": "", "toolchain": "", "abiMinor": 1, "algorithms": [{"id": "demo", "title": "", \
        "summary": "", "paper": "", "needs": {"data": ["prompts"], "roles": [], "services": []}, \
        "parameters": [\(parameters.joined(separator: ", "))], "presets": [\(presets.joined(separator: ", "))]}]}
        """
    return PluginCatalog(plugins: [try JSONDecoder().decode(PluginDescription.self, from: Data(plugin.utf8))])
}

@Suite("presets in recipes")
struct PresetTests {
    private let yaml = smallRecipe.replacing("parameters: {ppo:", with: "parameters: {demo: {beta: 0.5, samples: 4}, ppo:")

    private func resolved(
        _ yaml: String, set: [String] = [], algorithm: String? = "demo@trl"
    ) throws -> (stage: Stage, preset: PresetUse?) {
        let stage = try #require(recipe(yaml, set: set, algorithm: algorithm).stages.last)
        return try stage.resolved(catalog().offer(stage.algorithm))
    }

    @Test("defaults yield to the recipe's parameters, these to the preset, and all that is overruled is said")
    func precedence() throws {
        let (stage, preset) = try resolved(yaml)
        #expect(stage.parameters["demo@trl"] == ["beta": 0, "samples": 4, "scale": "none", "cap": .null])
        #expect(preset?.overruled == ["beta": 0.5])
        #expect(preset?.changed == [:])
        #expect(preset?.label == "demo@trl")
        #expect(
            preset?.sentence
                == "demo@trl, by its file; the preset overrides parameters.demo of the recipe: beta 0 instead of 0.5")
    }

    @Test("without the preset the recipe's parameters stand")
    func plain() throws {
        let (stage, preset) = try resolved(yaml, algorithm: "demo")
        #expect(stage.parameters["demo"] == ["beta": 0.5, "samples": 4])
        #expect(preset == nil)
    }

    @Test("--set and parameters under the preset's name change it, and the label says so")
    func changes() throws {
        let set = try resolved(yaml, set: ["parameters.beta=0.1", "parameters.samples=5"])
        #expect(set.stage.parameters["demo@trl"] == ["beta": 0.1, "samples": 5, "scale": "none", "cap": .null])
        #expect(set.preset?.label == "demo@trl (beta 0.1 instead of 0)")
        #expect(set.preset?.overruled == [:])
        let own = try resolved(yaml.replacing("{demo:", with: "{demo@trl: {scale: group, beta: 0}, demo:"))
        #expect(own.stage.parameters["demo@trl"] == ["beta": 0, "samples": 4, "scale": "group", "cap": .null])
        #expect(own.preset?.label == "demo@trl (scale group instead of none)")
        let general = try resolved(yaml, set: ["parameters.demo.beta=7"])
        #expect(general.stage.parameters["demo@trl"]?["beta"] == 0)
        #expect(general.preset?.overruled == ["beta": 7])
    }

    @Test("a variant's own parameters change its preset, and a variant that is called by it shows that")
    func variants() throws {
        let line = "demo@trl: {algorithm: demo@trl, parameters: {beta: 2}}"
        let whole = try recipe(yaml.replacing("ppo: {algorithm: ppo}", with: line), known: ["sft", "ppo", "grpo", "demo@trl"])
        let variant = try #require(whole.compare?.variants.first)
        let (stage, preset) = try whole.stage(for: variant).resolved(catalog().offer(variant.algorithm))
        #expect(stage.parameters["demo@trl"]?["beta"] == 2)
        #expect(preset?.title(of: "demo@trl") == "demo@trl (beta 2 instead of 0)")
        #expect(preset?.title(of: "mine") == "mine")
    }

    @Test("the recipe as it ran means the same when it is read again, whatever the preset has become")
    func roundTrip() throws {
        var whole = try recipe(yaml, set: ["parameters.beta=0.1"], algorithm: "demo@trl")
        let offer = try catalog().offer("demo@trl")
        whole.stages[1] = whole.stages[1].resolved(offer).stage
        let again = try recipe(whole.resolvedYAML())
        #expect(again == whole)
        var later = offer
        later.preset?.parameters["samples"] = 99
        #expect(again.stages[1].resolved(later).stage == whole.stages[1])
    }

    @Test("--algorithm names variants that the recipe need not have")
    func addedVariants() throws {
        let file = URL(fileURLWithPath: "recipes/small.yaml")
        let whole = try Recipe.parse(yaml, file: file, variants: ["ppo", "demo@trl"])
        #expect(whole.compare?.variants.map(\.name) == ["ppo", "slow", "demo@trl"])
        #expect(whole.compare?.variants.last?.algorithm == "demo@trl")
    }

    @Test("what differs between an algorithm and its preset stands parameter by parameter")
    func differences() throws {
        let defaults: ParameterDefaults = ["demo": try catalog().offer("demo").defaults]
        let (plain, preset) = (try resolved(yaml, algorithm: "demo").stage, try resolved(yaml).stage)
        #expect(
            plain.differences(to: preset, defaults: defaults).map(\.description)
                == ["algorithm: demo → demo@trl", "parameters.beta: 0.5 → 0", "parameters.scale: group → none"])
    }

    @Test(
        "a preset that is not there, or that sets what the algorithm does not take, is refused by name",
        arguments: [
            ("demo@tlr", "algorithm 'demo' has no preset 'tlr'; did you mean 'demo@trl'? It has: trl, odd, high"),
            ("demo@", "algorithm 'demo' has no preset ''; It has: trl, odd, high"),
            ("demo@odd", "/libDemo.so: preset 'demo@odd': algorithm 'demo' has no parameter 'betta'; did you mean 'beta'?"),
            (
                "demo@high",
                "/libDemo.so: preset 'demo@high': parameter 'beta' of 'demo': expected a number >= 0 and <= 10, found 11"
            ),
        ])
    func refused(name: String, sentence: String) {
        #expect {
            try catalog().offer(name)
        } throws: {
            "\($0)".contains(sentence)
        }
    }

    @Test("a recipe's misspelt preset is refused where it stands")
    func misspelt() throws {
        let known = try ["sft", "ppo"] + catalog().algorithmNames
        let sentence = "algorithm 'demo' has no preset 'tlr'; did you mean 'demo@trl'? It has: trl, odd, high"
        #expect {
            try recipe(yaml, algorithm: "demo@tlr", known: known)
        } throws: {
            "\($0)" == "--algorithm demo@tlr: stages[1].algorithm: \(sentence)"
        }
        #expect {
            try recipe(yaml, algorithm: "ppo@trl", known: known)
        } throws: {
            "\($0)".hasSuffix("algorithm 'ppo' has no presets, so no 'trl'")
        }
    }
}
