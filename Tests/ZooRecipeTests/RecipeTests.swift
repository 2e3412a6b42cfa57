import Foundation
import Testing
import ZooData
import ZooPlugins
import ZooRecipe

/// The smallest recipe that has something of everything.
let smallRecipe = """
    name: small
    task: sentiment
    stages:
      - name: base
        algorithm: sft
        policy: {new: {family: llama, hidden_size: 64, vocabulary_size: 512}}
        data: {examples: task:base.jsonl}
        parameters: {sft: {examples: 16}}
        budget: {iterations: 5}
      - name: aligned
        algorithm: ppo
        policy: {from: base}
        critic: {from: base, trunk: separate}
        rewards: [{function: lexicon, weight: 2, parameters: {file: task:lexicon.tsv}}]
        data: {prompts: task:prompts-train.jsonl, pairs: {build: {prompts: 8, samples: 3}}}
        rollout: {max_new_tokens: 4}
        parameters: {ppo: {beta: 0.1}, grpo: {beta: 0.2}}
        optimizer: {learning_rate: 3e-4, schedule: cosine, critic: {learning_rate: 1e-3}}
        budget: {updates: 3}
    evaluation: {prompts: task:prompts-eval.jsonl, gold: [{function: model, from: base, normalize: true}]}
    compare:
      seeds: [0, 1]
      variants:
        ppo: {algorithm: ppo}
        slow: {algorithm: grpo, parameters: {beta: 1}, set: {optimizer.learning_rate: 1e-6, budget.seconds: 9}}
    """

func recipe(
    _ yaml: String = smallRecipe, set: [String] = [], algorithm: String? = nil, known: [String]? = nil
) throws -> Recipe {
    let overrides = try set.map { try Override($0) }
    let file = URL(fileURLWithPath: "recipes/small.yaml")
    return try Recipe.parse(yaml, file: file, overrides: overrides, algorithm: algorithm, knownAlgorithms: known)
}

extension Budget {
    var text: String { "\(axis.rawValue) \(amount)" }
}

@Suite("recipe")
struct RecipeTests {
    @Test("keys are read into their places, and what is left out has its default")
    func reading() throws {
        let recipe = try recipe()
        #expect(recipe.name == "small")
        #expect(recipe.seed == 0)
        #expect(recipe.device == "cpu")
        #expect(recipe.stages.map(\.name) == ["base", "aligned"])
        let stage = recipe.stages[1]
        #expect(stage.policy == .stage("base"))
        #expect(stage.critic?.source == .stage("base"))
        #expect(stage.critic?.trunk == .separate)
        #expect(stage.data.prompts == .task("prompts-train.jsonl"))
        guard case .build(let pairs) = stage.data.pairs else { throw RecipeError("pairs", "are not built") }
        #expect(pairs.prompts == 8)
        #expect(pairs.samples == 3)
        #expect(stage.rollout.maxNewTokens == 4)
        #expect(stage.rollout.temperature == 1)
        #expect(stage.parameters == ["ppo": ["beta": 0.1], "grpo": ["beta": 0.2]])
        #expect(stage.budget.text == "updates 3.0")
        #expect(recipe.evaluation?.gold.first?.normalize == true)
        #expect(recipe.compare?.variants.map(\.name) == ["ppo", "slow"])
    }

    @Test("another role's optimizer begins with the policy's settings")
    func optimizers() throws {
        let optimizer = try recipe().stages[1].optimizer
        #expect(optimizer["policy"]?.learningRate == 3e-4)
        #expect(optimizer["critic"]?.learningRate == 1e-3)
        #expect(optimizer["critic"]?.schedule == .cosine)
    }

    @Test("a limit of the gradient's norm is off at 0 and where it stands without a value", arguments: ["0", "null"])
    func noClipping(value: String) throws {
        let off = try recipe(set: ["optimizer.max_gradient_norm=\(value)"])
        #expect(off.stages[1].optimizer["policy"]?.maxGradientNorm == 0)
        #expect(off.stages[1].optimizer["critic"]?.maxGradientNorm == 0, "it begins with the policy's")
        #expect(try recipe(off.resolvedYAML()) == off)
        let critic = try recipe(set: ["optimizer.critic.max_gradient_norm=\(value)"]).stages[1].optimizer
        #expect(critic["policy"]?.maxGradientNorm == 1 && critic["critic"]?.maxGradientNorm == 0)
    }

    @Test("relative paths begin in the recipe's folder")
    func paths() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "recipe-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("{\"text\": \"a\"}\n".utf8).write(to: folder.appending(path: "train.jsonl"))
        let file = folder.appending(path: "own.yaml")
        try Data(smallRecipe.replacing("task:base.jsonl", with: "train.jsonl").utf8).write(to: file)
        let source = try Recipe.load(file).stages[0].data.examples
        #expect(source == .file(folder.appending(path: "train.jsonl").standardizedFileURL))
    }

    @Test("the resolved dump reads back as the same recipe and the same dump", arguments: [nil, "grpo", "dpo"])
    func roundTrip(algorithm: String?) throws {
        let first = try recipe(set: ["about='a \"quoted\" line: with colon'", "rollout.temperature=0.7"], algorithm: algorithm)
        let second = try recipe(first.resolvedYAML())
        #expect(second == first)
        #expect(second.resolvedYAML() == first.resolvedYAML())
    }

    @Test("an adapter has PEFT's names and defaults, is part of the policy, and reads back")
    func adapter() throws {
        let plain = try #require(try recipe(set: ["policy.lora={}"]).stages[1].lora)
        #expect((plain.r, plain.alpha, plain.usesRSLoRA, plain.targets) == (8, 8, false, .standard))
        #expect(try recipe().stages[1].lora == nil)
        let all = try recipe(set: ["policy.lora.r=16", "policy.lora.lora_alpha=32", "policy.lora.target_modules=all-linear"])
        let lora = try #require(all.stages[1].lora)
        #expect((lora.r, lora.alpha, lora.scale, lora.targets) == (16, 32, 2, .allLinear))
        #expect(all.stages[1].policy == .stage("base"))
        #expect(try recipe(all.resolvedYAML()) == all)
        let named = try recipe(set: ["policy.lora={target_modules: [q_proj, v_proj], use_rslora: true}"])
        #expect(named.stages[1].lora?.targets == .named(["q_proj", "v_proj"]))
        #expect(try recipe(named.resolvedYAML()) == named)
        let error = #expect(throws: RecipeError.self) { try recipe(set: ["policy.lora={}", "memory.trained=bfloat16"]) }
        #expect(error?.description.contains("memory.trained: expected float32 with policy.lora, found bfloat16") == true)
        #expect(try recipe(set: ["memory.trained=bfloat16"]).stages[1].memory.trained == .bfloat16)
        #expect(try !recipe(set: ["deterministic=false"]).deterministic && recipe().deterministic)
    }

    @Test("the dump writes defaults out")
    func dumpIsComplete() throws {
        let dump = try recipe().resolvedYAML()
        for line in ["device: cpu", "beta2: 0.999", "every: 50", "temperature: 1", "jobs: 2", "max_length: 1024"] {
            #expect(dump.contains(line), "\(line)")
        }
    }

    @Test("two algorithms give dumps that differ in one line")
    func swap() throws {
        let dumps = try ["grpo", "dpo"].map { try recipe(algorithm: $0).resolvedYAML().split(separator: "\n") }
        let different = zip(dumps[0], dumps[1]).filter { $0 != $1 }
        #expect(dumps[0].count == dumps[1].count)
        #expect(different.map(\.0) == ["    algorithm: grpo"])
    }

    @Test("a default that follows from another key follows a variant's change of it")
    func variantDefaults() throws {
        func last(_ yaml: String, _ changes: String) throws -> Stage {
            let text = yaml.replacing("set: {optimizer.learning_rate: 1e-6, budget.seconds: 9}", with: "set: {\(changes)}")
            let recipe = try recipe(text)
            return try recipe.stage(for: #require(recipe.compare?.variants.last))
        }
        let plain = smallRecipe.replacing(
            "optimizer: {learning_rate: 3e-4, schedule: cosine, critic: {learning_rate: 1e-3}}",
            with: "optimizer: {critic: {warmup: 0.1}}")
        let adapted = plain.replacing("policy: {from: base}", with: "policy: {from: base, lora: {r: 4}}")
        #expect(try last(plain, "").optimizer["policy"]?.learningRate == 1e-5)
        #expect(try last(plain, "policy.lora.r: 4").optimizer["policy"]?.learningRate == 5e-4)
        #expect(try last(adapted, "").optimizer["policy"]?.learningRate == 5e-4)
        #expect(try last(adapted, "policy.lora: null").optimizer["policy"]?.learningRate == 1e-5)
        #expect(try last(adapted, "optimizer.learning_rate: 2e-4").optimizer["policy"]?.learningRate == 2e-4)
        // What the recipe does not say of the critic is the policy's; a reward without a name is called as its function.
        #expect(try last(plain, "optimizer.learning_rate: 2e-4").optimizer["critic"]?.learningRate == 2e-4)
        #expect(try last(plain, "rewards.0.function: length, rewards.0.parameters: null").rewards.map(\.name) == ["length"])
    }

    @Test("a variant changes the last stage: algorithm, parameters and set")
    func variants() throws {
        let recipe = try recipe()
        let slow = try recipe.applying(#require(recipe.compare?.variants.last))
        let stage = try #require(slow.stages.last)
        #expect(stage.algorithm == "grpo")
        #expect(stage.parameters["grpo"] == ["beta": 1])
        #expect(stage.parameters["ppo"] == ["beta": 0.1])
        #expect(stage.optimizer["policy"]?.learningRate == 1e-6)
        #expect(stage.budget.text == "seconds 9.0")
        #expect(slow.compare == nil)
        #expect(slow.stages.first == recipe.stages.first)
    }

    @Test(
        "the recipes of this repository are valid",
        arguments: [
            "sentiment", "tabular", "countdown", "ladder", "beta", "grpo-groups", "reward-shift",
            "overoptimisation", "distill",
        ])
    func shipped(name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "recipes/\(name).yaml")
        let algorithms = [
            "sft", "reward-model", "ppo", "grpo", "rloo", "reinforce-plus-plus", "dpo", "kto", "online-dpo", "reinforce",
            "distill",
        ]
        let recipe = try Recipe.load(file, knownAlgorithms: algorithms)
        #expect(recipe.name == name)
        #expect(try Recipe.parse(recipe.resolvedYAML(), file: file) == recipe)
    }
}

@Suite("recipe overrides")
struct RecipeOverrideTests {
    @Test("a path begins in the last stage, in a named stage, or in the whole recipe")
    func places() throws {
        let recipe = try recipe(set: [
            "budget.updates=10", "stages.base.budget.iterations=7", "seed=5", "evaluation.count=2", "compare.jobs=1",
        ])
        #expect(recipe.stages[1].budget.text == "updates 10.0")
        #expect(recipe.stages[0].budget.text == "iterations 7.0")
        #expect(recipe.seed == 5)
        #expect(recipe.evaluation?.count == 2)
        #expect(recipe.compare?.jobs == 1)
    }

    @Test("parameters.NAME means the active algorithm's, also after --algorithm")
    func parameters() throws {
        #expect(try recipe(set: ["parameters.beta=0.5"]).stages[1].parameters["ppo"] == ["beta": 0.5])
        let dpo = try recipe(set: ["parameters.beta=0.5", "parameters.ppo.lambda=1"], algorithm: "dpo").stages[1]
        #expect(dpo.parameters == ["ppo": ["beta": 0.1, "lambda": 1], "grpo": ["beta": 0.2], "dpo": ["beta": 0.5]])
    }

    @Test("another limit takes the place of the budget's")
    func budget() throws {
        #expect(try recipe(set: ["budget.seconds=1.5"]).stages[1].budget.text == "seconds 1.5")
    }

    @Test("a number picks an element of a list, and a value may be a list or nothing")
    func lists() throws {
        let recipe = try recipe(set: ["rewards.0.weight=-1", "compare.seeds=[3, 4]", "critic="])
        #expect(recipe.stages[1].rewards[0].weight == -1)
        #expect(recipe.compare?.seeds == [3, 4])
        #expect(recipe.stages[1].critic == nil)
    }
}
