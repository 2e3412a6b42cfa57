import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

extension MadeFrom {
    /// A whole run of a stage.
    package init(_ spec: RunSpec, _ offer: Offer) throws {
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }) else {
            throw ZooError(.notFound, "\(spec.recipe.file.path) has no stage '\(spec.stage)'")
        }
        let contents = Contents(spec.recipe, models: spec.models)
        let needs = offer.algorithm.needs
        let evaluation = spec.evaluates ? spec.recipe.evaluation : nil
        var own = stage
        // Parameters of other algorithms do not count, nor whether a default is written out.
        let parameters = offer.defaults.merging(stage.parameters[stage.algorithm] ?? [:]) { $1 }
        own.algorithm = stage.algorithmID
        own.parameters = [own.algorithm: parameters]
        let isSampled = needs.builds(stage) || (stage.rewards + (evaluation?.gold ?? [])).contains(where: \.normalize)
        var key = try Self.shared(spec, contents, threads: spec.threads)
        key["plugin"] = contents.plugin(offer.plugin)
        key["stage"] = try contents.stage(own) { kind in
            switch kind {
            case .prompts: needs.data.contains(.prompts) || isSampled
            case .pairs: needs.data.contains(.pairs)
            case .examples: needs.data.contains(.examples)
            }
        }
        key["seed"] = .number(Double(spec.seed))
        key["evaluation"] = try evaluation.map { try contents.evaluation($0, of: stage) }
        self.init(recipe: spec.recipe.file.path, stage: stage.name, inputs: contents.inputs, key: .object(key))
    }

    /// Something that is made from samples of a stage's initial policy.
    ///
    /// - Parameter what: what it is, and what of the stage besides the policy, the sampler and the prompts makes it.
    private init(_ what: [String: JSONValue], rewards: [RewardSpec], of stage: Stage, _ spec: RunSpec) throws {
        let contents = Contents(spec.recipe, models: spec.models)
        // What only training reads is left at one value, whatever it is.
        var sampled = Stage(name: "", algorithm: "", policy: stage.policy, budget: Budget(axis: .iterations, amount: 1))
        sampled.rewards = rewards.map { reward in
            var reward = reward
            reward.name = ""
            return reward
        }
        sampled.rollout = stage.rollout
        sampled.rollout.lag = 0
        sampled.environment = stage.environment
        sampled.score = stage.score
        sampled.microbatchTokens = stage.microbatchTokens
        sampled.memory.frozen = stage.memory.frozen
        sampled.data = stage.data
        sampled.data.pairs = nil
        var key = try Self.shared(spec, contents, threads: spec.threads).merging(what) { $1 }
        key["sampled"] = try contents.stage(sampled) { $0 == .prompts }
        self.init(recipe: spec.recipe.file.path, stage: stage.name, inputs: contents.inputs, key: .object(key))
    }

    /// The scale of a reward over those samples.
    package init(normalization reward: RewardSpec, of stage: Stage, _ spec: RunSpec) throws {
        // The reward's weight in a sum does not affect its normalisation.
        var alone = reward
        alone.weight = 1
        try self.init(["what": "normalization"], rewards: [alone], of: stage, spec)
    }

    /// The pairs of those samples, as many as the plan says.
    package init(pairs building: PairBuilding, _ plan: PairPlan, of stage: Stage, _ spec: RunSpec) throws {
        let images: JSONValue? = try building.images.map { .string(try JSON.text($0.node.json)) }
        let what = ["what": "pairs", "plan": .string(plan.key), "images": images].compactMapValues(\.self)
        try self.init(what, rewards: stage.rewards, of: stage, spec)
    }

    private static func shared(_ spec: RunSpec, _ contents: Contents, threads: Int) throws -> [String: JSONValue] {
        var key = Program.versions()
        key["device"] = .string(spec.recipe.device)
        // Means nothing on a CPU.
        if spec.recipe.device != "cpu", !spec.recipe.deterministic { key["deterministic"] = .bool(false) }
        key["threads"] = .number(Double(threads))
        key["recipe_seed"] = .number(Double(spec.recipe.seed))
        key["task"] = try contents.task()
        key["images"] = try contents.images()
        return key
    }
}

extension AlgorithmNeeds {
    /// Whether pairs are built for a stage of this algorithm.
    package func builds(_ stage: Stage) -> Bool {
        guard data.contains(.pairs), case .build? = stage.data.pairs else { return false }
        return true
    }
}
