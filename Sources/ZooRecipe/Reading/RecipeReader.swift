import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// Turns a recipe's nodes into its types, key by key.
package struct RecipeReader {
    let file: URL
    /// The ids that plugins offer; nil: not known.
    let knownAlgorithms: [String]?
    var names = ParameterNames()

    package init(file: URL, knownAlgorithms: [String]?, names: ParameterNames = ParameterNames()) {
        (self.file, self.knownAlgorithms, self.names) = (file, knownAlgorithms, names)
    }

    package func recipe(_ root: RecipeNode) throws -> Recipe {
        try Section.read(Field(node: root, path: "")) { section in
            var recipe = Recipe(
                name: try section("name", .name), file: file, task: try section.optional("task", task),
                stages: try stages(section))
            if recipe.task?.makesImages == true { recipe.stages = recipe.stages.map(ImageReader.completed) }
            recipe.about = try section("about", .text, else: recipe.about)
            recipe.seed = try section("seed", .seed, else: recipe.seed)
            recipe.device = try section("device", .text("a device: cpu, cuda or cuda:N"), else: recipe.device)
            recipe.threads = try section("threads", .threads, else: recipe.threads)
            recipe.evaluation = try section.optional("evaluation", evaluation(recipe))
            recipe.compare = try section.optional(
                "compare", ComparisonReader(knownAlgorithms: knownAlgorithms, names: names, stages: recipe.stages).comparison)
            recipe.probe = try section.optional("probe", probe(of: recipe.compare))
            if recipe.task == nil { try refuseTaskFiles(section) }
            return recipe
        }
    }

    // MARK: - Task

    private var task: Expectation<TaskSpec> {
        Expectation(words: "a task: \(Tasks.names.joined(separator: " or ")), or a mapping with its name") { field in
            if case .scalar = field.node.content {
                return TaskSpec(try Expectation.choice(Tasks.names)(field))
            }
            return try Section.read(field) { section in
                var task = TaskSpec(try section("name", .choice(Tasks.names)))
                for setting in task.kind?.settings ?? [] {
                    guard let value = try section.optional(setting.name, .setting(setting)) else { continue }
                    task.settings[setting.name] = value
                }
                return task
            }
        }
    }

    /// `task:FILE` needs a task.
    private func refuseTaskFiles(_ section: Section) throws {
        guard let place = section.field.node.place(ofPrefix: DataSource.taskPrefix) else { return }
        let tasks = Tasks.names.joined(separator: ", ")
        throw RecipeError(place, "names a file of the task, but the recipe has no 'task'; expected one of \(tasks)")
    }

    // MARK: - Stages

    private func stages(_ section: Section) throws -> [Stage] {
        var stages: [Stage] = []
        _ = try section(
            "stages",
            .list(
                of: .section("a stage") { section in
                    let stage = try self.stage(section, after: stages)
                    stages.append(stage)
                }))
        guard !stages.isEmpty else { throw section.field.error("stages: expected at least one stage, found none") }
        return stages
    }

    private func stage(_ section: Section, after earlier: [Stage]) throws -> Stage {
        let sources = SourceReader(file: file, stages: earlier)
        let policy = try section("policy", sources.policy)
        var stage = Stage(
            name: try section("name", .name), algorithm: try section("algorithm", .algorithm(among: knownAlgorithms)),
            policy: policy.source, budget: try section("budget", budget))
        stage.lora = policy.lora
        guard !earlier.contains(where: { $0.name == stage.name }) else {
            throw RecipeError(
                section.field.node.place, path: section.path("name"), "'\(stage.name)' names two stages; expected a new name")
        }
        stage.parameters = try section("parameters", .section("a mapping by algorithm", parameters), else: [:])
        stage.reference = try section.optional("reference", sources.model)
        stage.teacher = try section.optional("teacher", sources.model)
        stage.critic = try section.optional("critic", sources.critic)
        if let reward = try section.optional("reward", sources.rewardNetwork) {
            (stage.reward, stage.pooling) = (reward.source, reward.pooling)
        }
        stage.rewards = try section("rewards", .list(of: sources.reward), else: [])
        stage.data = try section("data", sources.data, else: stage.data)
        stage.rollout = try section("rollout", rollout, else: stage.rollout)
        stage.score = try section.optional("score", ImageReader.score)
        stage.optimizer = try section("optimizer", optimizers, else: stage.optimizer)
        stage.ema = try section.optional("ema", .number("a decay from 0, below 1") { (0..<1).contains($0) })
        if stage.ema != nil, stage.lora != nil {
            throw section.field.error(
                "ema averages weights, and the mean of two adapters is not an adapter of their rank; remove ema or lora")
        }
        stage.save = try section("save", .list(of: .choice), else: stage.save)
        try section.refuseTwice(stage.save.map(\.rawValue), of: "save")
        stage.threads = try section.optional("threads", .threads)
        stage.checkpointEvery = try section(
            "checkpoint_every", .whole(from: 0, to: RecipeLimits.steps), else: stage.checkpointEvery)
        stage.keepCheckpoint = try section("keep_checkpoint", .flag, else: stage.keepCheckpoint)
        stage.microbatchSteps = try section(
            "microbatch_steps", .whole(from: 1, to: RecipeLimits.steps), else: stage.microbatchSteps)
        try section.refuseTwice(stage.rewards.map(\.name), of: "rewards")
        if case .build(let building)? = stage.data.pairs, building.prompts == nil, !stage.budget.axis.paysForSamples {
            throw RecipeError(
                section.field.node.place, path: section.path("data.pairs.build.prompts"),
                "expected a whole number >= 1, found none; only budgets of sampled_steps or reward_queries replace it")
        }
        return stage
    }

    private func parameters(_ section: Section) throws -> [String: [String: JSONValue]] {
        var parameters: [String: [String: JSONValue]] = [:]
        for id in section.keys {
            guard let values = try section.optional(id, .values), let field = section.field(id) else { continue }
            parameters[id] = try names.own(values, of: id, in: field)
        }
        return parameters
    }

    private var rollout: Expectation<RolloutSettings> {
        .section("the sampler's settings") { section in
            var rollout = RolloutSettings()
            rollout.maxNewTokens = try section(
                "max_new_tokens", .whole(from: 1, to: RecipeLimits.tokens), else: rollout.maxNewTokens)
            rollout.temperature = try section("temperature", .positive(from: 0.001, to: 1000), else: rollout.temperature)
            rollout.denoising = try section.optional("denoising", ImageReader.denoising)
            return rollout
        }
    }

    private var optimizers: Expectation<[String: OptimizerSettings]> {
        .section("the optimizer's settings") { section in
            let policy = try optimizer(section, from: OptimizerSettings())
            var settings = ["policy": policy]
            for role in ["critic", "reward"] {
                settings[role] = try section.optional(
                    role, .section("the \(role)'s settings") { try optimizer($0, from: policy) })
            }
            return settings
        }
    }

    private func optimizer(_ section: Section, from base: OptimizerSettings) throws -> OptimizerSettings {
        let share = Expectation<Double>.number("a number from 0 to 1") { (0...1).contains($0) }
        let beta = Expectation<Double>.number("a number from 0, below 1") { (0..<1).contains($0) }
        var settings = base
        settings.optim = try section("optim", .choice, else: base.optim)
        settings.learningRate = try section("learning_rate", .positive(to: 1000), else: base.learningRate)
        settings.beta1 = try section("beta1", beta, else: base.beta1)
        settings.beta2 = try section("beta2", beta, else: base.beta2)
        settings.epsilon = try section("epsilon", .positive(to: 1), else: base.epsilon)
        settings.weightDecay = try section("weight_decay", .fromZero(to: 1000), else: base.weightDecay)
        let limit = try section("max_gradient_norm", .fromZero(to: 1e30), else: base.maxGradientNorm)
        settings.maxGradientNorm = section.isNull("max_gradient_norm") ? 0 : limit
        settings.schedule = try section("schedule", .choice, else: base.schedule)
        settings.warmup = try section("warmup", share, else: base.warmup)
        return settings
    }

    private var budget: Expectation<Budget> {
        .section("one limit, such as {updates: 40}") { section in
            let limit = try section.oneOf(Budget.Axis.allCases.map(\.rawValue))
            guard let axis = Budget.Axis.allCases.first(where: { section.path($0.rawValue) == limit.path }) else {
                throw limit.error("is not a budget")
            }
            let amount =
                [.seconds, .flops, .epochs].contains(axis)
                ? try Expectation.positive(to: axis == .flops ? 1e30 : 1e9)(limit)
                : Double(try Expectation<Int>.whole(from: 1, to: 1_000_000_000_000)(limit))
            return Budget(axis: axis, amount: amount)
        }
    }

    // MARK: - Evaluation

    private func evaluation(_ recipe: Recipe) -> Expectation<Evaluation> {
        let sources = SourceReader(file: file, stages: recipe.stages)
        return .section("what to measure") { section in
            var evaluation = Evaluation(prompts: try section.optional("prompts", sources.dataSource))
            evaluation.pairs = try section.optional("pairs", sources.dataSource)
            evaluation.examples = try section.optional("examples", sources.dataSource)
            guard evaluation.prompts != nil || evaluation.pairs != nil || evaluation.examples != nil else {
                throw section.field.error("expected held-out 'prompts', 'pairs' or 'examples', found none of them")
            }
            for key in ["count", "samples_per_prompt", "gold"] where evaluation.prompts == nil && section.field(key) != nil {
                throw section.field.error("'\(key)' applies to samples of held-out prompts: add 'prompts', or remove it")
            }
            evaluation.count = try section("count", .whole(from: 0, to: RecipeLimits.rows), else: evaluation.count)
            evaluation.samplesPerPrompt = try section(
                "samples_per_prompt", .whole(from: 1, to: RecipeLimits.samples), else: evaluation.samplesPerPrompt)
            evaluation.every = try section("every", .whole(from: 0, to: RecipeLimits.steps), else: evaluation.every)
            evaluation.gold = try section("gold", .list(of: sources.reward), else: [])
            try section.refuseTwice(evaluation.gold.map(\.name), of: "gold")
            return evaluation
        }
    }
}

extension RecipeNode {
    /// The location of the first text with this prefix.
    fileprivate func place(ofPrefix prefix: String) -> String? {
        switch content {
        case .scalar(let value): value.string?.hasPrefix(prefix) == true ? place : nil
        case .list(let items): items.lazy.compactMap { $0.place(ofPrefix: prefix) }.first
        case .map(let entries): entries.lazy.compactMap { $0.value.place(ofPrefix: prefix) }.first
        }
    }
}
