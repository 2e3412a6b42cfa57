import ZooBase
import ZooData
import ZooModels
import ZooPlugins

/// One training run inside a recipe.
public struct Stage: Sendable, Equatable {
    public var name: String
    /// Id of the algorithm that trains.
    public var algorithm: String
    /// Parameters by algorithm id, so that swapping the algorithm changes one word. Values are checked against the plugin's
    /// schema.
    public var parameters: [String: [String: JSONValue]] = [:]
    public var policy: ModelSource
    /// Trains an adapter over the policy's frozen weights; nil: all weights.
    public var lora: LoRAConfig?
    /// nil: the initial policy.
    public var reference: ModelSource?
    /// The frozen network that a distilling algorithm learns from.
    public var teacher: ModelSource?
    public var critic: CriticSource?
    /// The trained network of a reward-model stage.
    public var reward: ModelSource?
    /// How a new head of that network pools a text; nil: by its last token.
    public var pooling: CausalLMConfig.Pooling?
    public var rewards: [RewardSpec] = []
    /// What answers the policy between its turns; nil: a completion is one turn.
    public var environment: EnvironmentSettings?
    public var data = DataSources()
    public var rollout = RolloutSettings()
    /// How an image model scores a whole image; nil for others.
    public var score: ImageScoring?
    /// By role; `policy` is the default of the others.
    public var optimizer: [String: OptimizerSettings] = ["policy": OptimizerSettings()]
    public var budget: Budget
    /// The model that is evaluated and saved is the exponential moving average of the policy's weights with this decay; nil: the
    /// policy itself.
    public var ema: Double?
    /// Networks that are saved in addition to the trained one.
    public var save: [SavedRole] = []
    /// Threads of this stage's worker; nil: the recipe's. A stage that runs alone may use more.
    public var threads: Int?
    /// nil: only the last model is kept.
    public var best: BestModel?
    public var checkpoints = CheckpointSettings()
    /// Tokens (of images, patches) in one forward and backward pass; longer batches are cut where the loss allows it.
    public var microbatchTokens = 16_384
    public var memory = MemorySettings()

    /// A stage with the default of everything that a recipe may leave out.
    package init(name: String, algorithm: String, policy: ModelSource, budget: Budget) {
        (self.name, self.algorithm, self.policy, self.budget) = (name, algorithm, policy, budget)
    }
}

/// A network that a stage may save in addition to the trained one, in a folder of the run with that name.
public enum SavedRole: String, Sendable, CaseIterable { case critic }

extension Stage {
    package var node: RecipeNode { Self.schema.node(self) }

    /// A stage; those after it may name it.
    static let codec = Codec<Stage>(schema.words, schema.shape) { field in
        guard let stage = try schema.codec.read(field) else { return nil }
        field.reading.stages.append(
            .init(name: stage.name, algorithm: stage.algorithm, saved: stage.save.map(\.rawValue)))
        return stage
    } write: {
        schema.node($0)
    }

    static let schema = Schema("a stage", blank: blank) {
        Key("name", \.name, .name, isRequired: true, "The name that `from` refers to.")
        Key(
            "algorithm", \.algorithm, .algorithm, isRequired: true,
            "Id of a plugin's algorithm, alone or with a preset (`grpo@trl`); see `zoo plugins list`.")
        Key(
            "parameters", \.parameters, .parameters, standard: "the plugin's",
            "Parameters by algorithm, such as `{ppo: {beta: 0.1}}`. `zoo plugins show ID` lists them, and TRL's names that it takes as well."
        )
        Key("policy", policySchema, isRequired: true, "The network that is trained.")
        Key(
            "reference", optional: \.reference, ModelSource.codec, standard: "the initial policy",
            "What the policy is held close to.")
        Key("teacher", optional: \.teacher, ModelSource.codec, "The frozen network that `distill` learns from.")
        Key(
            "critic", optional: \.critic, CriticSource.schema.codec, standard: "the initial policy",
            "The critic's network: a copy of a source with a value head.")
        Key("reward", rewardSchema, "The network that a reward-model stage trains.") { $0.reward != nil }
        Key("rewards", \.rewards, .list(of: RewardSpec.codec), "What the stage is rewarded for: a sum by weight.")
        Key(
            "environment", optional: \.environment, EnvironmentSettings.schema.codec,
            "What answers the policy between its turns, such as a tool or a game.")
        Key("data", \.data, DataSources.schema.codec, "Datasets, their limits and the chat template.")
        Key("rollout", \.rollout, RolloutSettings.schema.codec, "The sampler, the same for every algorithm.")
        Key("score", optional: \.score, ImageScoring.schema.codec, "How an image model scores a whole image.")
        Key("optimizer", \.optimizer, OptimizerSettings.byRole.codec, "The optimizer, and what differs for other networks.")
        Key("budget", \.budget, Budget.schema.codec, isRequired: true, "How long to train: one limit.")
        Key(
            "ema", optional: \.ema, .fromZeroBelowOne("a decay"),
            "Evaluate and keep the moving average of the policy's weights with this decay, such as 0.99.")
        Key("save", \.save, .list(of: .choice), "Networks that are written too, to folders of their names.")
        Key(
            "threads", optional: \.threads, .threads, standard: "the recipe's",
            "Threads of this stage's worker process, for a stage that runs alone.")
        Key(
            "best", optional: \.best, BestModel.schema.codec,
            "Keep, in the run's folder `best`, the model whose evaluation during training was best.")
        Key("checkpoints", \.checkpoints, CheckpointSettings.schema.codec, "When a run's state is written, and what of it.")
        Key(
            "microbatch_tokens", \.microbatchTokens, .whole(from: 1, to: RecipeLimits.microbatch),
            "Tokens (of images, patches) in one forward and backward pass.")
        Key("memory", \.memory, MemorySettings.schema.codec, "How networks are held: what saves memory.")
    } check: { stage, section in
        try stage.check(section)
        if stage.lora != nil { try OptimizerSettings.takeAdapterRate(&stage.optimizer, unless: section.field("optimizer")) }
    }

    private static let blank = Stage(name: "", algorithm: "", policy: .stage(""), budget: Budget(axis: .updates, amount: 1))

    private static let policySchema = Schema(
        "a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}, and lora for an adapter", blank: blank
    ) {
        Key(oneOf: ModelSource.choices, \.policy)
        Key("lora", optional: \.lora, .lora, "Train an adapter over these weights, with PEFT's names.")
    } check: { stage, section in
        if stage.lora != nil, case .new = stage.policy {
            throw section.field.error("lora adapts an existing model; expected 'from: STAGE' or 'folder: PATH' next to it")
        }
    }

    private static let rewardSchema = Schema(
        "a model: {from: STAGE}, {folder: PATH} or {new: {family: …}}, and pooling: last or mean", blank: blank
    ) {
        Key(oneOf: ModelSource.choices, \.rewardNetwork)
        Key(
            "pooling", optional: \.pooling, .choice, standard: "last",
            "A text's score: that of its last token, or the mean over its tokens.")
    }

    /// The network of a stage that has one.
    private var rewardNetwork: ModelSource {
        get { reward ?? policy }
        set { reward = newValue }
    }

    private func check(_ section: Section) throws {
        guard !section.field.reading.stages.contains(where: { $0.name == name }) else {
            throw RecipeError(
                section.field.node.place, path: section.path("name"), "'\(name)' names two stages; expected a new name")
        }
        if ema != nil, lora != nil {
            throw section.field.error(
                "ema averages weights, and the mean of two adapters is not an adapter of their rank; remove ema or lora")
        }
        if memory.trained != .float32, lora != nil {
            throw RecipeError(
                section.field.node.place, path: section.path("memory.trained"),
                "expected float32 with policy.lora, found \(memory.trained.rawValue): an adapter's own matrices are small; its base takes "
                    + "memory.frozen")
        }
        try section.refuseTwice(save.map(\.rawValue), of: "save")
        try section.refuseTwice(rewards.map(\.name), of: "rewards")
        guard environment != nil else { return try checkBuilding(section) }
        if rollout.server != nil {
            throw RecipeError(
                section.field.node.place, path: section.path("rollout.server"),
                "a server samples whole completions, and 'environment' answers between turns; remove one of the two")
        }
        if rewards.contains(where: { $0.name == EnvironmentSettings.name }) {
            throw section.field.error("a reward is called 'environment', as the environment's own is; give it another 'name'")
        }
        if case .build? = data.pairs {
            throw RecipeError(
                section.field.node.place, path: section.path("data.pairs.build"),
                "pairs cannot be built with an environment: its answers belong to one sample; use an algorithm that learns from prompts, "
                    + "such as online-dpo")
        }
    }

    private func checkBuilding(_ section: Section) throws {
        if case .build(let building)? = data.pairs, building.prompts == nil, !budget.axis.paysForSamples {
            throw RecipeError(
                section.field.node.place, path: section.path("data.pairs.build.prompts"),
                "expected a whole number >= 1, found none; only budgets of sampled_steps or reward_queries replace it")
        }
    }
}

extension Codec where Value == [String: [String: JSONValue]] {
    /// Parameters by algorithm, by their own names.
    fileprivate static var parameters: Codec {
        Codec("a mapping by algorithm", .named(.anything, place: "ALGORITHM")) { field in
            guard case .map = field.node.content else { return nil }
            let section = try Section(field)
            var parameters: [String: [String: JSONValue]] = [:]
            for id in section.keys {
                guard let values = try section.optional(id, .values), let own = section.field(id) else { continue }
                parameters[id] = try field.reading.names.own(values, of: id, in: own)
            }
            return parameters
        } write: { parameters in
            .map(parameters.sorted { $0.key < $1.key }.map { ($0.key, RecipeNode(.object($0.value))) })
        }
    }
}

extension Codec where Value == String {
    /// The id of an algorithm that a plugin offers, alone or with a preset (`grpo@trl`).
    static var algorithm: Codec {
        Codec("the id of an algorithm", .text("id of an algorithm")) { field in
            let text = try name.value(field)
            guard let known = field.reading.knownAlgorithms, !known.contains(text) else { return text }
            let name = AlgorithmName(text)
            guard !known.contains(name.id) else {
                let presets = known.map(AlgorithmName.init).filter { $0.id == name.id }.compactMap(\.preset)
                throw field.error(noPreset(name.preset ?? "", of: name.id, among: presets))
            }
            let fix = nearest(text, among: known).map { "did you mean '\($0)'?" } ?? "see `zoo plugins list`"
            throw field.error("no plugin offers the algorithm '\(name.id)'; \(fix)")
        } write: {
            .text($0)
        }
    }
}
