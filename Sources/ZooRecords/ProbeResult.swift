import ZooBase
import ZooPlugins
import ZooRecipe

/// What `zoo probe` found: the gradients of several algorithms on the same frozen samples; `probe.json`.
///
/// A figure comes with its 95% bootstrap interval over the resampled batches.
public struct ProbeResult: Codable, Sendable {
    /// The recipe's name.
    public var recipe: String
    /// The variant whose run was frozen at each point: its policy samples, its critic is the critic.
    public var driver: String
    public var seed: UInt64
    /// Resampled batches behind each figure.
    public var batches: Int
    /// Sequences in a batch, and how many of them share a prompt.
    public var sequences: Int
    public var samples: Int
    /// Strength of the KL in the objective whose gradient is the reference.
    public var beta: Double
    public var points: [Point]

    package init(
        recipe: String, driver: String, seed: UInt64, batches: Int, sequences: Int, samples: Int, beta: Double, points: [Point]
    ) {
        self.recipe = recipe
        self.driver = driver
        self.seed = seed
        self.batches = batches
        self.sequences = sequences
        self.samples = samples
        self.beta = beta
        self.points = points
    }

    /// A value over all batches and its interval; not a number if noise hides it.
    public struct Figure: Codable, Sendable {
        public var mean: Double
        public var low: Double
        public var high: Double

        package init(
            mean: Double, low: Double, high: Double
        ) {
            self.mean = mean
            self.low = low
            self.high = high
        }
    }

    /// One place along the driver's training.
    public struct Point: Codable, Sendable {
        /// Steps of the driver so far.
        public var step: Int
        /// KL of the frozen policy to the reference, in nats per sequence.
        public var kl: Double
        /// Mean reward of its samples.
        public var reward: Double
        /// Sequences behind the reference gradient; 0: it is exact.
        public var referenceSequences: Int
        public var estimators: [Estimator]
        /// Cosine between the mean gradients of each two estimators, in the order of `estimators`; not a number if noise hides
        /// it.
        public var cosines: [[Double]]
        public var baselines: [Baseline]

        package init(
            step: Int, kl: Double, reward: Double, referenceSequences: Int, estimators: [Estimator], cosines: [[Double]],
            baselines: [Baseline]
        ) {
            self.step = step
            self.kl = kl
            self.reward = reward
            self.referenceSequences = referenceSequences
            self.estimators = estimators
            self.cosines = cosines
            self.baselines = baselines
        }
    }

    /// The gradient that an algorithm would apply.
    public struct Estimator: Codable, Sendable {
        /// The variant's name, or the oracle's.
        public var name: String
        /// Id of the algorithm; nil for an oracle, which the host computes itself.
        public var algorithm: String?
        /// Norm of one batch's gradient.
        public var norm: Figure
        /// |E g|² / E|g − E g|²: power of the signal over power of the noise, of one batch.
        public var signalToNoise: Figure
        /// E|g − E g|² / |E g|²: the variance in units of the signal, as if every gradient were scaled to the same length.
        public var variance: Figure
        /// Cosine between E g and the reference gradient g*: 1 if the direction is unbiased.
        public var cosine: Figure
        /// 1 − cosine² = min over c of |c·E g − g*|² / |g*|²: the squared bias of the direction. The estimate is itself nearly
        /// unbiased, so that it may fall below 0.
        public var bias: Figure
        /// ⟨E g, g*⟩ / |g*|²: the gradient's length relative to the reference. 1 for a mean over sequences of whole
        /// log-likelihoods.
        public var scale: Figure
        /// Of the advantages that the algorithm handed to its loss, over actions; nil if it hands none.
        public var advantageVariance: Double?

        package init(
            name: String, algorithm: String? = nil, norm: Figure, signalToNoise: Figure, variance: Figure, cosine: Figure,
            bias: Figure, scale: Figure, advantageVariance: Double? = nil
        ) {
            self.name = name
            self.algorithm = algorithm
            self.norm = norm
            self.signalToNoise = signalToNoise
            self.variance = variance
            self.cosine = cosine
            self.bias = bias
            self.scale = scale
            self.advantageVariance = advantageVariance
        }
    }

    /// How well a baseline predicts the return: the critic, or what replaces it.
    public struct Baseline: Codable, Sendable {
        /// `critic`, `group-mean`, `leave-one-out`, `batch-mean`, `none`, or an oracle's.
        public var name: String
        /// Root of the mean squared error against Monte Carlo values, in reward.
        public var error: Figure
        /// Spearman's rank correlation with them; nil if the baseline is a constant.
        public var rankCorrelation: Figure?
        /// 1 − Var(return − baseline) / Var(return) over the sampled actions.
        public var explainedVariance: Double
        /// Variance of return − baseline over the sampled actions.
        public var advantageVariance: Double
        /// Intermediate states with a Monte Carlo value, and continuations behind each; 0: the values are exact.
        public var states: Int
        public var continuations: Int

        package init(
            name: String, error: Figure, rankCorrelation: Figure? = nil, explainedVariance: Double, advantageVariance: Double,
            states: Int, continuations: Int
        ) {
            self.name = name
            self.error = error
            self.rankCorrelation = rankCorrelation
            self.explainedVariance = explainedVariance
            self.advantageVariance = advantageVariance
            self.states = states
            self.continuations = continuations
        }
    }
}
