import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Sets up a stage: its services, from the recipe.
struct StageSetup {
    let spec: RunSpec
    let recipe: Recipe
    let stage: Stage
    let needs: AlgorithmNeeds
    let factory: ModelFactory
    /// How the policy reads its input.
    let reader: any Reader
    /// What the policy's sequences are.
    let modality: any Modality
    let files: TaskFiles
    let device: Device
    /// What the task lends its own rewards.
    private let rewardSource: (any RewardSource)?
    private let adapters: AdaptedModels?
    /// A model that is only measured trains no adapter.
    private var adapted: AdaptedModels? { trained == nil ? adapters : nil }
    /// Replaces the policy when a trained model is measured; nil: the initial policy.
    var trained: URL?
    /// Makes less of what is prepared once; nil: all of it.
    var rehearsal: RehearsedPreparation?
    /// Reports surprising facts.
    var say: @Sendable (String) -> Void = { RunEvent.send(.message($0)) }

    /// - Parameter device: of this rank; nil: the recipe's.
    init(_ spec: RunSpec, needs: AlgorithmNeeds, device own: String? = nil) throws {
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }) else {
            throw ZooError(.notFound, "\(spec.recipe.file.path) has no stage '\(spec.stage)'")
        }
        guard stage.lora == nil || needs.roles.contains("policy") else {
            throw ZooError(
                .invalidArgument,
                "\(spec.recipe.file.path): stage '\(stage.name)': algorithm '\(stage.algorithm)' trains no policy: remove policy.lora"
            )
        }
        var images = try RecipeImages.of(spec.recipe)
        rewardSource = try images?.task.map(ImageJudge.init) ?? TabularTask(spec.recipe)
        var files = TaskFiles(recipe: spec.recipe, images: images)
        self.spec = spec
        self.recipe = spec.recipe
        self.stage = stage
        self.needs = needs
        device = try Device(own ?? spec.recipe.device)
        if device != .cpu { Engine.isDeterministic = spec.recipe.deterministic }
        factory = ModelFactory(
            recipe: spec.recipe, models: spec.models, device: device, seed: spec.recipe.seed, memory: stage.memory,
            images: images, schedule: FlowSchedule(shift: stage.rollout.denoising?.shift ?? 1)
        ) { [files] in try Self.corpus(stage, files) }
        adapters = stage.lora.map { [factory] in AdaptedModels(stage, config: $0, factory: factory) }
        if let config = try factory.imageConfig(stage.policy) { images = try images?.fitting(config, spec.recipe) }
        files.images = images
        self.files = files
        let own = try factory.reader(stage.policy)
        reader = (own as? TokenizerCodec)?.with(stage.data.chat) ?? own
        modality = try Self.modality(reader, spec, stage, images)
        try checkTokens()
    }

    /// Refuses a network that would misread the policy's tokens: all its numbers would be about a different text.
    private func checkTokens() throws {
        // The evaluation needs the reference whatever the algorithm does.
        let needed = needs.roles + ["reference"]
        let sources = [
            ("reference", stage.reference), ("teacher", stage.teacher), ("reward", stage.reward),
            // A shared trunk reads what the policy reads.
            ("critic", stage.critic?.trunk == .separate ? stage.critic?.source : nil),
        ]
        for case (let role, let source?) in sources where needed.contains(role) {
            guard let fault = try reader.misreading(by: factory.reader(source)) else { continue }
            throw ZooError(
                .invalidArgument,
                "\(recipe.file.path): stage '\(stage.name)': '\(role)' has a different tokenizer than the policy, whose tokens it reads: "
                    + "\(fault); choose a model with the policy's tokenizer")
        }
    }

    /// Text to train a new model's tokenizer on: the stage's examples.
    static func corpus(_ stage: Stage, _ files: TaskFiles) throws -> [String] {
        guard let source = stage.data.examples else {
            throw ZooError(.invalidArgument, "stage '\(stage.name)' trains a tokenizer: it needs 'data.examples'")
        }
        return try files.dataset(source, for: .examples).rows.map { row in
            guard let chat = row.chat else { return row.text ?? (row.prompt ?? "") + (row.completion ?? "") }
            let messages = chat.messages ?? chat.prompt + (chat.completion ?? [])
            return messages.map { "\($0.role)\n\($0.content)" }.joined(separator: "\n")
        }
    }

    /// The stage's services, before the first step.
    func services(folder: RunFolder, stop: StopSignal) throws -> RunServices {
        endWithoutMemory(in: folder)
        try checkDeviceMemory()
        if reader is TokenizerCodec, case .folder(let url) = stage.policy {
            let base = AdapterFolder.isOne(url) ? try AdapterFolder(url).base() : url
            for note in try ModelNotes.read(base) { say("policy: \(note)") }
        }
        let model = NetworkService(
            roles: roles(), modality, microbatchTokens: stage.microbatchTokens, activations: stage.memory.activations,
            device: device)
        model.notice = say
        let rewards = try rewards(stage.rewards, stop: stop, environment: stage.environment)
        let data = RowService(try datasets(rewards, model, stop), modality, seed: spec.seed)
        data.notice = say
        let services = RunServices(
            model: model, data: data, rewards: rewards, modality: modality, settings: stage.rollout, ema: stage.ema,
            trainedRole: needs.trainedRole, seed: spec.seed, stop: stop)
        services.server = try server(folder)
        return services
    }

    /// The server that samples, which gets weights in a folder of its own; nil if the stage has none.
    private func server(_ run: RunFolder) throws -> RolloutServer? {
        guard let settings = stage.rollout.server else { return nil }
        guard reader is TokenizerCodec else { throw Self.notServed(stage, recipe) }
        let own = run.url.appending(path: "rollout-server", directoryHint: .isDirectory)
        let shared = settings.folder?.appending(
            path: "policyzoo-\(sha256(Data(run.url.path.utf8)).prefix(12))", directoryHint: .isDirectory)
        return try RolloutServer(settings, folder: shared ?? own)
    }

    static func notServed(_ stage: Stage, _ recipe: Recipe) -> ZooError {
        ZooError(
            .invalidArgument,
            "\(recipe.file.path): stage '\(stage.name)': a server samples language models, and the policy is none; remove "
                + "'rollout.server'")
    }

    /// The modality that a stage's policy has by its task and the way it reads.
    private static func modality(_ reader: any Reader, _ spec: RunSpec, _ stage: Stage, _ images: RecipeImages?) throws
        -> any Modality
    {
        let table = try TabularTask(spec.recipe)
        if stage.environment != nil, images != nil || table != nil {
            throw ZooError(
                .invalidArgument,
                "\(spec.recipe.file.path): stage '\(stage.name)': an environment answers text, and "
                    + "\(spec.recipe.task.map { "task '\($0.name)' has none" } ?? "'images' are none"); remove 'environment'")
        }
        if let images {
            guard reader is PixelReader else {
                throw ZooError(
                    .invalidArgument,
                    "\(spec.recipe.file.path): stage '\(stage.name)': the recipe's data is images, and its policy reads text; expected an image "
                        + "model, such as FLUX's folder or {new: {family: flow-image}}")
            }
            return ImageModality(images, stage, seed: spec.seed)
        }
        if let table { return TableModality(table, limits: stage.data) }
        guard let codec = reader as? any TextCodec else {
            throw ZooError(
                .invalidArgument,
                "\(spec.recipe.file.path): an image model needs 'images' with stored prompt embeddings, or an image task, such as 'task: "
                    + "digits'")
        }
        return TextModality(codec, limits: stage.data, environment: stage.environment.map(EnvironmentProgram.init))
    }

    // MARK: - Roles

    private func roles() -> Roles {
        let base = stage.policy
        let trained = trained.map(ModelSource.folder) ?? base
        let factory = factory
        let adapted = adapted
        let own = stage.optimizer["policy"] ?? OptimizerSettings()
        func settings(_ role: String) -> OptimizerSettings { stage.optimizer[role] ?? own }
        var plans: [String: Roles.Plan] = [
            "policy": .init(settings: own, outputs: modality.outputs) {
                try adapted?.policy() ?? factory.network(trained, head: .languageModel, trainable: true)
            },
            "reference": .init(settings: nil, outputs: [.logp, .entropy, .score]) {
                let source = stage.reference ?? base
                return try adapted?.reference(source) ?? factory.network(source, head: .languageModel, trainable: false)
            },
        ]
        if let reward = stage.reward {
            plans["reward"] = .init(settings: settings("reward"), outputs: [.score]) {
                try factory.network(reward, head: .score, trainable: true, pooling: stage.pooling)
            }
        }
        if let teacher = stage.teacher {
            plans["teacher"] = .init(settings: nil, outputs: [.logp, .entropy, .score]) {
                try factory.network(teacher, head: .languageModel, trainable: false)
            }
        }
        let roles = SharedTrunk()
        let critic = stage.critic ?? CriticSource()
        plans["critic"] = .init(settings: settings("critic"), outputs: [.value]) {
            guard critic.trunk == .shared else {
                let source = critic.source ?? base
                return try adapted?.critic(source) ?? factory.network(source, head: .value, trainable: true)
            }
            guard case let policy as CausalLM = try roles.policy() else {
                throw ZooError(.invalidArgument, "stage '\(stage.name)': critic.trunk 'shared' needs a causal-lm policy")
            }
            guard let source = critic.source, let folder = try factory.folder(source) else { return ValueHead(trunk: policy) }
            do { return try ValueHead.load(from: folder, trunk: policy) } catch { throw ZooError(plain: error) }
        }
        let made = Roles(plans)
        roles.roles = made
        return made
    }

    /// Gives the critic's plan access to the policy, which is built later.
    private final class SharedTrunk {
        weak var roles: Roles?

        func policy() throws -> any Network {
            guard let roles else { throw ZooError(.internal, "the roles are gone") }
            return try roles.role("policy").network
        }
    }

    // MARK: - Rewards

    /// The reward of some specs, normalised on samples of the stage's initial policy, and of the environment that gives some itself.
    func rewards(_ specs: [RewardSpec], stop: StopSignal, environment: EnvironmentSettings? = nil) throws -> ScoringService {
        var components = try specs.map { spec in
            var component = ScoringService.Component(name: spec.name, weight: spec.weight, scorer: try scorer(spec))
            if spec.normalize { component.normalization = try Preparation(self, stop).normalization(spec, component) }
            return component
        }
        if let environment {
            components.append(
                .init(
                    name: EnvironmentSettings.name, weight: environment.weight,
                    scorer: .environment(isVerifier: environment.isVerifier)))
        }
        return ScoringService(components, modality, microbatchTokens: stage.microbatchTokens)
    }

    private func scorer(_ spec: RewardSpec) throws -> ScoringService.Scorer {
        if let program = spec.program { return .program(RewardProgram(spec, program)) }
        if let library = spec.library { return .library(try LibraryReward(spec, library)) }
        switch spec.function {
        case RewardSpec.model:
            guard let source = spec.source else {
                throw ZooError(.invalidArgument, "reward '\(spec.name)': 'model' needs 'from'")
            }
            let network = try MemoryUse.noting(.reading("reward '\(spec.name)'")) {
                try adapted?.reward(source) ?? factory.network(source, head: .score, trainable: false)
            }
            let other = try factory.reader(source)
            return .model(network, reader: reader.misreading(by: other) == nil ? nil : other)
        default:
            return .function(
                try RewardKind.make(
                    spec.function, parameters: files.resolve(spec.parameters), folder: recipe.file.deletingLastPathComponent(),
                    source: rewardSource))
        }
    }

    // MARK: - Data

    private func datasets(_ rewards: ScoringService, _ model: NetworkService, _ stop: StopSignal) throws -> RowService.Datasets {
        var datasets = RowService.Datasets()
        if needs.data.contains(.prompts), stage.data.prompts != nil { datasets.prompts = try checked(prompts(), .prompts) }
        if needs.data.contains(.examples), let source = stage.data.examples {
            datasets.examples = try checked(
                files.dataset(source, for: .examples), .examples)
        }
        if needs.data.contains(.pairs), let source = stage.data.pairs {
            if case .build(let building) = source {
                let built = try Preparation(self, stop).pairs(building, rewards)
                datasets.pairs = built.dataset
                model.ledger.add(built.cost)
            } else {
                datasets.pairs = try checked(files.dataset(source, for: .pairs), .pairs)
            }
        }
        return datasets
    }

    /// A dataset after reading every row once, without the rows that teach nothing; reports what the limits cut.
    ///
    /// - Parameter name: the recipe's key; `data.KIND` unless given.
    func checked(_ dataset: Dataset, _ kind: DataKind, name: String? = nil) throws -> Dataset {
        guard let counts = modality.check(dataset, kind) else { return dataset }
        let name = name ?? "data.\(kind.rawValue)"
        try counts.require("stage '\(stage.name)': \(name)", stage.data, dataset)
        say("\(name): \(counts.sentence(stage.data, dataset))")
        return dataset.removing(counts.leftOut)
    }

    /// The stage's prompts.
    func prompts() throws -> Dataset {
        guard let source = stage.data.prompts else {
            throw ZooError(
                .invalidArgument, "\(recipe.file.path): stage '\(stage.name)' samples its policy: it needs 'data.prompts'")
        }
        return try files.dataset(source, for: .prompts)
    }
}

extension DataSources {
    /// Whether the stage names a source of that kind.
    func has(_ kind: DataKind) -> Bool { self[kind] != nil }
}
