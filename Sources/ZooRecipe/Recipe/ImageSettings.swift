import ZooBase
import ZooPlugins

/// The sampler of a policy that makes images: from noise at t = 1 to an image at t = 0.
public struct DenoisingSettings: Codable, Sendable, Equatable {
    /// How a denoising step adds noise: Flow-GRPO's or DanceGRPO's stochastic form of the flow, or not at all.
    public enum Noise: String, Codable, Sendable, CaseIterable {
        case flowGRPO = "flow-grpo"
        case danceGRPO = "dance-grpo"
        case none
    }

    /// Denoising steps of a rollout.
    public var steps = 8
    /// Denoising steps of an evaluation, which adds no noise after the initial one (Flow-GRPO's "denoising reduction").
    public var evaluationSteps = 12
    /// Of the schedule: σ' = shift·σ / (1 + (shift − 1)·σ); 1 is even steps.
    public var shift = 1.0
    /// Classifier-free guidance; 1 is none.
    public var guidance = 1.0
    public var noise = Noise.flowGRPO
    /// Flow-GRPO's a, DanceGRPO's η.
    public var noiseLevel = 0.7
    /// Number of steps with noise, from a start that moves by one every `windowEvery` rollouts (MixGRPO); nil: all that can.
    public var window: Int?
    public var windowEvery = 25
    /// Whether the samples of a prompt begin at the same noise (DanceGRPO).
    public var sharesNoise = false

    package init() {}
}

/// The substitute for an image's log-likelihood: minus the denoising error, at times and noise shared by pairs and networks.
public struct ImageScoring: Codable, Sendable, Equatable {
    public enum Times: String, Codable, Sendable, CaseIterable {
        case uniform
        case logitNormal = "logit-normal"
    }

    /// Over an image's elements: the mean, as in image papers, or the sum, the unit of a text's log-likelihood.
    public enum Reduction: String, Codable, Sendable, CaseIterable { case mean, sum }

    public var times = Times.logitNormal
    public var reduction = Reduction.mean
    /// Of the logit of t, for `logit-normal`.
    public var mean = 0.0
    public var width = 1.0
    /// Times and noises for each image.
    public var draws = 1
    /// The chance that a supervised example drops a condition, independently for each.
    public var conditionDrop = 0.1

    package init() {}
}

/// Preference pairs of images.
public struct ImagePairs: Codable, Sendable, Equatable {
    /// The source of one side of a pair.
    public enum Side: String, Codable, Sendable, CaseIterable {
        /// The dataset's own image.
        case target
        /// A sample of the initial policy, for the whole prompt.
        case generated
        /// A sample for the prompt made worse.
        case degraded
    }

    /// How a prompt is made worse (Shin et al. 2025, arXiv:2506.03621, "condition-degradation negative sampling").
    public enum Words: String, Codable, Sendable, CaseIterable {
        case full
        /// The class alone.
        case generic
        case none
    }

    public var chosen = Side.target
    public var rejected = Side.generated
    /// Standard deviation of the blur of the reference image, in pixels.
    public var blur = 0.0
    /// Standard deviation of noise on the reference image.
    public var noise = 0.0
    public var words = Words.full
}
