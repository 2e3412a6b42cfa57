import Foundation
import ZooBase
import ZooData
import ZooModels
import ZooPlugins

/// A YAML file that describes a whole experiment: stages, models, data, rewards, budget, evaluation and variants.
///
/// A stage makes a model that later stages name by `from`. The last stage is the one that `--algorithm` and the variants change.
public struct Recipe: Codable, Sendable, Equatable {
    public var name: String
    /// One line for people.
    public var about = ""
    /// Where the recipe was read from.
    public var file: URL
    public var seed: UInt64 = 0
    public var device = "cpu"
    /// Threads of each worker process.
    public var threads = 1
    /// A built-in task that makes the data; nil if the recipe names files of its own.
    public var task: TaskSpec?
    public var stages: [Stage]
    public var evaluation: Evaluation?
    public var compare: Comparison?
    public var probe: Probe?
}

/// A built-in task and its settings.
public struct TaskSpec: Codable, Sendable, Equatable {
    public var name: String
    /// All that the task has, defaults included.
    public var settings: [String: Double] = [:]
}

/// One training run inside a recipe.
public struct Stage: Codable, Sendable, Equatable {
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
    /// Iterations between checkpoints; 0: only at the end.
    public var checkpointEvery = 50
    /// Whether a finished run keeps its last checkpoint, from which a larger budget can continue.
    public var keepCheckpoint = false
    /// Steps (tokens) in one forward and backward pass; longer batches are cut where the loss allows it.
    public var microbatchSteps = 16_384

    /// A stage with the default of everything that a recipe may leave out.
    package init(name: String, algorithm: String, policy: ModelSource, budget: Budget) {
        (self.name, self.algorithm, self.policy, self.budget) = (name, algorithm, policy, budget)
    }
}

/// A network that a stage may save in addition to the trained one, in a folder of the run with that name.
public enum SavedRole: String, Codable, Sendable, CaseIterable { case critic }

/// Where a network comes from.
public enum ModelSource: Codable, Sendable, Equatable {
    /// The model of an earlier stage; `STAGE/critic` is the critic that it saved.
    case stage(String)
    /// A model folder in Hugging Face's layout.
    case folder(URL)
    /// Initialised here: family, its configuration, and the tokenizer to train for it.
    case new(NewModel)
}

public struct NewModel: Codable, Sendable, Equatable {
    /// `tabular`, `flow-image`, or a language model's family by its `model_type`: `llama`, `qwen3`, `gpt2`, ...
    public var family: String
    /// Keys of the family's `config.json` (`hidden_size`, `num_hidden_layers`, ...).
    public var config: [String: JSONValue] = [:]
    /// A tokenizer folder or `tokenizer.json`; nil: trained on the stage's data.
    public var tokenizer: URL?
    /// Size of the vocabulary to train.
    public var vocabularySize = 1024
}

/// The critic's network: a copy of `source` with a value head, or a head on the policy's own trunk.
public struct CriticSource: Codable, Sendable, Equatable {
    public enum Trunk: String, Codable, Sendable, CaseIterable { case separate, shared }
    /// nil: the initial policy.
    public var source: ModelSource?
    public var trunk: Trunk = .separate

    package init(
        source: ModelSource? = nil, trunk: Trunk = .separate
    ) {
        self.source = source
        self.trunk = trunk
    }
}

/// One component of the reward.
public struct RewardSpec: Codable, Sendable, Equatable {
    /// A function of the registry (`lexicon`, `exact-match`, ...), `model` for a trained reward model, or `table` for the tabular
    /// task.
    public var function: String
    /// Name in logs; by default the function's.
    public var name: String
    public var weight = 1.0
    /// For `model`.
    public var source: ModelSource?
    /// Shift and scale so that samples of this model (if true, the stage's initial policy) have mean 0 and standard deviation 1.
    public var normalize = false
    /// The function's own parameters.
    public var parameters: [String: JSONValue] = [:]
}

/// A dataset by kind. A source is a JSONL file, `TASK:FILE` for a file that the task makes.
public struct DataSources: Codable, Sendable, Equatable {
    public var prompts: DataSource?
    public var pairs: DataSource?
    public var examples: DataSource?
    /// Largest numbers of tokens of a prompt and of a sequence (cut prompts keep their end, sequences their start).
    public var maxPromptSteps = 512
    public var maxSteps = 1024
    /// Share of a dataset's rows that these limits may cut; beyond it a run is refused.
    public var maxCut = 0.5
    /// How conversations become text; by default the tokenizer's own chat template.
    public var chat: ChatSettings?
}

public struct ChatSettings: Codable, Sendable, Equatable {
    /// The template's file.
    public var template: URL?
    /// Further variables for the template, such as `enable_thinking`.
    public var variables: [String: JSONValue] = [:]

    package init(
        template: URL? = nil, variables: [String: JSONValue] = [:]
    ) {
        self.template = template
        self.variables = variables
    }
}

public enum DataSource: Codable, Sendable, Equatable {
    case file(URL)
    /// A file that the task makes.
    case task(String)
    /// Preference pairs from the base policy's samples, ranked by the stage's reward.
    case build(PairBuilding)
}

/// How the host builds preference pairs: `samples` completions per prompt, the best against the worst by the stage's reward.
public struct PairBuilding: Codable, Sendable, Equatable {
    /// Prompts to sample for; nil if the stage's budget determines it (``Budget/Axis/paysForSamples``).
    public var prompts: Int?
    public var samples = 4
    /// Passes over the pairs after which a stage ends if its budget was spent on building them.
    public var epochs = 2
    /// Of images: what is chosen over what. nil: the best of the samples over the worst.
    public var images: ImagePairs?
}

/// The sampler, the same for every algorithm.
public struct RolloutSettings: Codable, Sendable, Equatable {
    public var maxNewTokens = 64
    public var temperature = 1.0
    /// Of a policy that makes images; nil for any other.
    public var denoising: DenoisingSettings?
}

public struct OptimizerSettings: Codable, Sendable, Equatable {
    public enum Optim: String, Codable, Sendable, CaseIterable { case adamw, sgd }
    public enum Schedule: String, Codable, Sendable, CaseIterable { case constant, linear, cosine }
    /// The rule: `adamw` (Loshchilov and Hutter 2019), or `sgd`, which reads neither `beta1`, `beta2` nor `epsilon`.
    public var optim = Optim.adamw
    public var learningRate = 1e-5
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8
    /// Not applied to norms, biases and other vectors.
    public var weightDecay = 0.0
    /// 0: gradients are not clipped.
    public var maxGradientNorm = 1.0
    public var schedule: Schedule = .constant
    /// Share of the budget over which the learning rate rises from 0, update by update.
    public var warmup = 0.0

    public init() {}
}

/// When a stage ends: the first of the given limits.
public struct Budget: Codable, Sendable, Equatable {
    public enum Axis: String, Codable, Sendable, CaseIterable {
        /// Iterations.
        case steps
        /// Optimizer updates of the trained network: the policy, or the reward model.
        case updates
        /// Passes, possibly fractional, over the rows that the algorithm reads: prompts, pairs or examples.
        case epochs
        /// Sampled tokens (or denoising steps).
        case sampledSteps = "sampled_steps"
        case rewardQueries = "reward_queries"
        /// Floating-point operations of all roles.
        case flops
        case seconds

        /// Whether an algorithm that learns from built pairs spends such a budget on building them.
        public var paysForSamples: Bool { self == .sampledSteps || self == .rewardQueries }
    }
    public var axis: Axis
    public var amount: Double

    package init(
        axis: Axis, amount: Double
    ) {
        self.axis = axis
        self.amount = amount
    }
}

/// What the host measures of every model, on held-out prompts.
public struct Evaluation: Codable, Sendable, Equatable {
    /// nil: nothing is sampled.
    public var prompts: DataSource?
    /// Held-out preference pairs and examples, for the loss of the last stage's algorithm if it learns from such rows.
    public var pairs: DataSource?
    public var examples: DataSource?
    /// Held-out prompts to use, from the first; 0: all. Where their rows have a column `split`, each figure is given by split too, as
    /// `NAME@SPLIT`.
    public var count = 128
    public var samplesPerPrompt = 1
    /// Iterations between evaluations during training; 0: only at the end.
    public var every = 0
    /// Rewards that training never sees.
    public var gold: [RewardSpec] = []
}

/// How `zoo probe` compares the gradients of the variants of `compare` on frozen samples.
public struct Probe: Codable, Sendable, Equatable {
    /// The variant whose training is frozen at each of `at`: its policy samples, and its critic is the critic.
    public var driver: String
    /// Iterations of the driver, ascending.
    public var at: [Int] = [0]
    /// A batch: prompts, and samples of each.
    public var prompts = 16
    public var samples = 4
    /// Batches to sample, for means, variances and intervals.
    public var batches = 32
    /// Strength of the KL in the objective E[reward] − β KL whose gradient and values are the reference.
    public var beta = 0.0
    /// Sequences behind the reference gradient where it is not known exactly.
    public var reference = 4096
    /// Intermediate states whose value is measured, and the continuations of each.
    public var states = 64
    public var continuations = 32
    public var threads: Int?
}

/// Named variants of the last stage, each over the seeds.
public struct Comparison: Codable, Sendable, Equatable {
    public var variants: [Variant]
    public var seeds: [UInt64] = [0, 1, 2]
    /// How many times the stages before the last are trained, with the recipe's seed and those after it; each has runs of all
    /// seeds.
    public var bases = 1
    /// Worker processes at a time.
    public var jobs = 2
    /// The variants are rungs in order: what changes from one to the next is shown.
    public var ladder = false
}

public struct Variant: Codable, Sendable, Equatable {
    public var name: String
    public var algorithm: String
    /// Over the stage's parameters of that algorithm.
    public var parameters: [String: JSONValue] = [:]
    /// `--set` style changes of the last stage, by path: `optimizer.learning_rate: 1e-4`.
    public var set: [String: JSONValue] = [:]
    /// For one point of a sweep: the variant that was swept, the path that it was swept along, and the point's value there.
    public var series: String?
    public var axis: String?
    public var value: Double?
    /// Tasks on which it makes no sense and is left out.
    public var exceptTasks: [String] = []
}
