import Foundation
import Testing
import ZooPlugins
import ZooRecipe

@Suite("recipe errors")
struct RecipeErrorTests {
    private func sentence(_ read: () throws -> Recipe) -> String {
        do {
            _ = try read()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(
        "a wrong value is refused by file, line and key",
        arguments: [
            (
                "learning_rate: 3e-4", "learning_rate: fast",
                "18: stages[1].optimizer.learning_rate: expected a number > 0, found 'fast'"
            ),
            (
                "learning_rate: 3e-4", "learning_rate: -1",
                "18: stages[1].optimizer.learning_rate: expected a number > 0, found -1"
            ),
            (
                "learning_rate: 3e-4", "learning_rate: nan",
                "18: stages[1].optimizer.learning_rate: expected a number > 0, found 'nan'"
            ),
            (
                "max_new_tokens: 4", "max_new_tokens: 4.5",
                "16: stages[1].rollout.max_new_tokens: expected a whole number >= 1, found 4.5"
            ),
            (
                "schedule: cosine", "schedule: cosin",
                "18: stages[1].optimizer.schedule: expected one of constant, linear, cosine, found 'cosin'; did you mean 'cosine'?"
            ),
            ("normalize: true", "normalize: yes", "20: evaluation.gold[0].normalize: expected true or false, found 'yes'"),
            (
                "budget: {iterations: 5}", "budget: {iterations: 0}",
                "9: stages[0].budget.iterations: expected a whole number >= 1, found 0"
            ),
            (
                "budget: {iterations: 5}", "budget: {iterations: 5, updates: 2}",
                "9: stages[0].budget: expected one of iterations, updates, epochs, sampled_steps, reward_queries, flops, seconds, found iterations and updates"
            ),
            ("seeds: [0, 1]", "seeds: [0, 0]", "22: compare.seeds: '0' is listed twice; expected distinct names"),
            ("seeds: [0, 1]", "seeds: 3", "22: compare.seeds: expected a list, each a whole number >= 0, found 3"),
            (
                "hidden_size: 64", "hidden_size: wide",
                "6: stages[0].policy.new.hidden_size: expected a number, true or false, found 'wide'"
            ),
            (
                "family: llama", "family: rnn",
                "6: stages[0].policy.new.family: expected one of flow-image, gemma, gemma2, gemma3_text, gpt2, granite, llama, mistral, olmo2, phi3, qwen2, qwen3, smollm3, tabular, found 'rnn'"
            ),
            (
                "task: sentiment", "task: sentimental",
                "2: task: expected one of countdown, digits, fashion, sentiment, subject, tabular, found 'sentimental'; did you mean 'sentiment'?"
            ),
        ])
    func values(old: String, new: String, expected: String) {
        #expect(sentence { try recipe(smallRecipe.replacing(old, with: new)) } == "recipes/small.yaml:\(expected)")
    }

    @Test(
        "an unknown key is refused with the nearest known one",
        arguments: [
            ("rollout:", "rolout:", "16: stages[1].rolout: is not a key here; did you mean 'rollout'?"),
            (
                "learning_rate: 3e-4", "learning-rate: 3e-4",
                "18: stages[1].optimizer.learning-rate: is not a key here; did you mean 'learning_rate'?"
            ),
            (
                "hidden_size: 64", "hiden_size: 64",
                "6: stages[0].policy.new.hiden_size: is not a key here; did you mean 'hidden_size'?"
            ),
            ("file: task", "fil: task", "14: stages[1].rewards[0].parameters.fil: is not a key here; did you mean 'file'?"),
        ])
    func keys(old: String, new: String, expected: String) {
        #expect(sentence { try recipe(smallRecipe.replacing(old, with: new)) } == "recipes/small.yaml:\(expected)")
    }

    @Test(
        "a task's settings are refused by range and by name",
        arguments: [
            ("{name: countdown, numbers: 1}", "task.numbers: expected a whole number from 2 to 6, found 1"),
            ("{name: countdown, max_target: 2.5}", "task.max_target: expected a whole number from 1 to 1000, found 2.5"),
            ("{name: countdown, max_nubmer: 9}", "task.max_nubmer: is not a key here; did you mean 'max_number'?"),
            ("{name: tabular, vocabulary: 257}", "task.vocabulary: expected a whole number from 2 to 256, found 257"),
            (
                "{name: tabular, reward_scale: 0}",
                "task.reward_scale: expected a number above 0, at most 1000000000.0, found 0"
            ),
            ("{name: digits, side: 8}", "task.side: is not a key here; known are name"),
        ])
    func taskSettings(task: String, expected: String) {
        let found = sentence { try recipe(smallRecipe.replacing("task: sentiment", with: "task: \(task)")) }
        #expect(found == "recipes/small.yaml:2: \(expected)")
    }

    @Test("a missing key names the slip that stands in its place")
    func missing() {
        let yaml = smallRecipe.replacing("name: small", with: "nam: small")
        let found = sentence { try recipe(yaml) }
        #expect(found.hasPrefix("recipes/small.yaml:1: expected the key 'name'"))
        #expect(found.hasSuffix("'nam' is not a key here"))
    }

    @Test(
        "stages must be named once and come before they are used",
        arguments: [
            (
                "policy: {from: base}", "policy: {from: bas}",
                "12: stages[1].policy.from: expected the name of an earlier stage, found 'bas'; did you mean 'base'?"
            ),
            (
                "policy: {from: base}", "policy: {from: aligned}",
                "12: stages[1].policy.from: expected the name of an earlier stage, found 'aligned'; earlier are base"
            ),
            ("name: aligned", "name: base", "10: stages[1].name: 'base' names two stages; expected a new name"),
            (
                "examples: task:base.jsonl", "examples: nowhere.jsonl",
                "7: stages[0].data.examples: expected a file of rows, found nothing at "
            ),
            ("compare:\n", "probe: {driver: nobody}\ncompare:\n", "21: probe.driver: expected one of "),
            ("trunk: separate", "trunk: shared", "13: stages[1].critic: a shared trunk is the policy's own"),
            ("task: sentiment\n", "", "6: names a file of the task, but the recipe has no 'task'"),
        ])
    func crossChecks(old: String, new: String, expected: String) {
        #expect(sentence { try recipe(smallRecipe.replacing(old, with: new)) }.hasPrefix("recipes/small.yaml:\(expected)"))
    }

    @Test("an algorithm that no plugin offers is refused where it stands")
    func algorithms() {
        let known = ["sft", "ppo", "grpo"]
        let slip = "no plugin offers the algorithm 'gppo'; did you mean 'ppo'?"
        #expect(sentence { try recipe(algorithm: "gppo", known: known) } == "--algorithm gppo: stages[1].algorithm: \(slip)")
        let yaml = smallRecipe.replacing("slow: {algorithm: grpo", with: "slow: {algorithm: gppo")
        #expect(sentence { try recipe(yaml, known: known) } == "recipes/small.yaml:25: compare.variants.slow.algorithm: \(slip)")
    }

    @Test(
        "an override is validated like the file, and named by its option",
        arguments: [
            ("budget.updates=0", "--set budget.updates=0: stages[1].budget.updates: expected a whole number >= 1, found 0"),
            ("budget.update=1", "--set budget.update=1: stages[1].budget.update: is not a key here; did you mean 'updates'?"),
            ("bugdet.updates=1", "--set bugdet.updates=1: stages[1].bugdet: is not a key here; did you mean 'budget'?"),
            ("stages.bas.seed=1", "--set stages.bas.seed=1: there is no stage 'bas'; did you mean 'base'?"),
            ("rewards.3.weight=1", "--set rewards.3.weight=1: expected the number of an element from 0 to 0, found '3'"),
            ("name.first=1", "--set name.first=1: 'first' lies inside 'small', which has no keys"),
            ("budget", "--set budget: expected KEY=VALUE, such as budget.updates=10"),
            ("budget..steps=1", "--set budget..steps=1: the path 'budget..steps' has an empty part"),
        ])
    func overrides(set: String, expected: String) {
        #expect(sentence { try recipe(set: [set]) } == expected)
    }

    @Test(
        "every number has an upper bound, and is named with it",
        arguments: [
            ("threads=1000000", "threads: expected a whole number from 1 to 1024, found 1000000"),
            ("seed=1e300", "seed: expected a whole number from 0 to 9007199254740992"),
            ("checkpoints.every=1e18", "stages[1].checkpoints.every: expected a whole number from 0 to 1000000000"),
            ("microbatch_tokens=1e18", "stages[1].microbatch_tokens: expected a whole number from 1 to 1000000000"),
            ("rollout.max_new_tokens=1e15", "stages[1].rollout.max_new_tokens: expected a whole number from 1 to 1048576"),
            ("rollout.temperature=1e300", "stages[1].rollout.temperature: expected a number from 0.001 to 1000"),
            ("rollout.temperature=1e-300", "stages[1].rollout.temperature: expected a number from 0.001 to 1000"),
            ("optimizer.learning_rate=1e300", "stages[1].optimizer.learning_rate: expected a number from 0 to 1000"),
            ("optimizer.weight_decay=1e300", "stages[1].optimizer.weight_decay: expected a number from 0 to 1000"),
            ("budget={updates: 1e300}", "stages[1].budget.updates: expected a whole number from 1 to 1000000000000"),
            ("budget={seconds: 1e300}", "stages[1].budget.seconds: expected a number from 0 to 1000000000"),
            ("evaluation.count=1e18", "evaluation.count: expected a whole number from 0 to 100000000"),
            ("evaluation.samples_per_prompt=1e9", "evaluation.samples_per_prompt: expected a whole number from 1 to 100000"),
            ("compare.jobs=1000000", "compare.jobs: expected a whole number from 1 to 256"),
            ("data.max_length=1e18", "stages[1].data.max_length: expected a whole number from 2 to 1048576"),
            (
                "data.pairs={build: {prompts: 1e18}}",
                "stages[1].data.pairs.build.prompts: expected a whole number from 1 to 100000000"
            ),
        ])
    func bounds(set: String, expected: String) {
        #expect(
            sentence { try recipe(set: [set]) }.hasPrefix("--set \(set): \(expected)"), "\(sentence { try recipe(set: [set]) })")
    }

    @Test("a variant's bad change is refused before anything runs")
    func variantSet() {
        let yaml = smallRecipe.replacing("budget.seconds: 9", with: "rollout.temperature: 0")
        let expected = "recipes/small.yaml: compare.variants.slow: stages[1].rollout.temperature: expected a number > 0, found 0"
        #expect(sentence { try recipe(yaml) } == expected)
    }

    @Test(
        "a file that is not a recipe is refused with its reason",
        arguments: [
            ("", "1: is empty; expected a mapping of keys"),
            ("- a\n", "1: expected a mapping of keys, found a list"),
            ("name: a\nname: b\n", "1: is not valid YAML: the mapping has the key 'name' twice"),
            ("name: [a\nb: c", "2: is not valid YAML: "),
            ("name: *nobody", "1: is not valid YAML: "),
            ("{a: 1}: 2", "1: a key must be a word, not a list or a mapping"),
        ])
    func notRecipes(yaml: String, expected: String) {
        #expect(sentence { try recipe(yaml) }.hasPrefix("recipes/small.yaml:\(expected)"))
    }

    @Test("aliases cannot make a recipe grow without end")
    func aliases() {
        let levels = (1...9).map { level in
            "l\(level): &l\(level) [\(Array(repeating: "*l\(level - 1)", count: 10).joined(separator: ", "))]"
        }
        let found = sentence { try recipe((["l0: &l0 [x]"] + levels).joined(separator: "\n")) }
        #expect(found.hasSuffix("has more than 100000 values, counting aliases in full"))
    }

    @Test("a missing file names the recipe that was meant; folders and bytes are refused")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "recipes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data([0xFF, 0xFE, 0x00]).write(to: folder.appending(path: "bytes.yaml"))
        try Data(smallRecipe.utf8).write(to: folder.appending(path: "small.yaml"))
        func reason(_ name: String) -> String {
            let found = sentence { try Recipe.load(folder.appending(path: name)) }
            return String(found.dropFirst(folder.appending(path: name).relativePath.count + 2))
        }
        #expect(reason("smal.yaml") == "no such recipe; did you mean 'small.yaml' in the same folder?")
        #expect(reason("bytes.yaml") == "is not UTF-8 text; expected a recipe (a YAML file)")
        #expect(sentence { try Recipe.load(folder) }.hasSuffix("is a folder; expected a recipe (a YAML file)"))
    }
}
