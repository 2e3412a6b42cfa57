/// The sampler of a policy that makes images: from noise at t = 1 to an image at t = 0.
public struct DenoisingSettings: Sendable, Equatable {
    /// How a denoising step adds noise: Flow-GRPO's or DanceGRPO's stochastic form of the flow, or not at all.
    public enum Noise: String, Sendable, CaseIterable {
        case flowGRPO = "flow_grpo"
        case danceGRPO = "dance_grpo"
        case none
    }

    /// Denoising steps of a rollout.
    public var steps = 8
    /// Denoising steps of an evaluation, which adds no noise after the initial one (Flow-GRPO's "denoising reduction").
    public var evaluationSteps = 12
    /// Of the schedule: σ' = shift·σ / (1 + (shift − 1)·σ); 1 is even steps, nil the model's own schedule.
    public var shift: Double?
    /// Classifier-free guidance, or what a guidance-distilled model reads; 1 is none.
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
public struct ImageScoring: Sendable, Equatable {
    public enum Times: String, Sendable, CaseIterable {
        case uniform
        case logitNormal = "logit_normal"
    }

    /// Over an image's elements: the mean, as in image papers, or the sum, the unit of a text's log-likelihood.
    public enum Reduction: String, Sendable, CaseIterable { case mean, sum }

    public var times = Times.logitNormal
    public var reduction = Reduction.mean
    /// Of the logit of t, for `logit_normal`.
    public var mean = 0.0
    public var width = 1.0
    /// Times and noises for each image.
    public var draws = 1
    /// The chance that a supervised example drops a condition, independently for each; nil until the recipe is read.
    public var conditionDrop: Double?
    /// What a guidance-distilled model reads where an image is scored.
    public var guidance = 1.0

    package init() {}
}

/// Preference pairs of images.
public struct ImagePairs: Sendable, Equatable {
    /// The source of one side of a pair.
    public enum Side: String, Sendable, CaseIterable {
        /// The dataset's own image.
        case target
        /// A sample of the initial policy, for the whole prompt.
        case generated
        /// A sample for the prompt made worse.
        case degraded
    }

    /// How a prompt is made worse (Shin et al. 2025, arXiv:2506.03621, "condition-degradation negative sampling").
    public enum Words: String, Sendable, CaseIterable {
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

// MARK: - Keys

extension Stage {
    /// The stage of a policy of images: with the defaults of the settings that only images have.
    func withImageSettings(conditionDrop: Double) -> Stage {
        var stage = self
        stage.rollout.denoising = rollout.denoising ?? DenoisingSettings()
        var scoring = score ?? ImageScoring()
        scoring.conditionDrop = scoring.conditionDrop ?? conditionDrop
        stage.score = scoring
        return stage
    }
}

extension DenoisingSettings {
    static let schema = Schema("the image sampler's settings", blank: DenoisingSettings()) {
        Key("steps", \.steps, .whole(from: 1, to: RecipeLimits.denoisingSteps), "Denoising steps of a rollout.")
        Key(
            "evaluation_steps", \.evaluationSteps, .whole(from: 1, to: RecipeLimits.denoisingSteps),
            "Denoising steps of evaluations and built pairs, which add no noise after the initial one.")
        Key(
            "shift", optional: \.shift, .positive(to: 1000), standard: "the model's",
            "Of the schedule: σ' = shift·σ / (1 + (shift − 1)·σ). 1, a new model's: even denoising steps.")
        Key(
            "guidance", \.guidance, .positive(to: 1000),
            "Classifier-free guidance. 1: none; above it each denoising step costs two passes, or one of a guidance-distilled model."
        )
        Key("noise", \.noise, .choice, "Noise of a denoising step but the last: Flow-GRPO's or DanceGRPO's form, or none.")
        Key("noise_level", \.noiseLevel, .positive(to: 1000), "Flow-GRPO's a, DanceGRPO's η.")
        Key(
            "window", optional: \.window, .whole(from: 1, to: RecipeLimits.denoisingSteps), standard: "all that can",
            "Denoising steps with noise, from a start that moves (MixGRPO); the others are masked.")
        Key(
            "window_every", \.windowEvery, .whole(from: 1, to: RecipeLimits.iterations),
            "Rollouts after which the window moves by one denoising step.")
        Key("shares_noise", \.sharesNoise, .flag, "Whether the samples of a prompt begin at the same noise (DanceGRPO).")
    }
}

extension ImageScoring {
    static let schema = Schema("how an image is scored", blank: ImageScoring()) {
        Key("times", \.times, .choice, "The distribution of the times at which the denoising error is measured.")
        Key("reduction", \.reduction, .choice, "Over pixels. β of a mean is that of the sum times the number of pixels.")
        Key(
            "mean", \.mean, .within(100),
            "Mean of the logit of the time, which is 1 at noise: a lower one is nearer to the image.")
        Key("width", \.width, .positive(to: 100), "Standard deviation of the logit of the time.")
        Key("draws", \.draws, .whole(from: 1, to: 10_000), "Times and noises for each image.")
        Key(
            "condition_drop", optional: \.conditionDrop, .fromZeroToOne(), standard: "0.1; 0 with `images`",
            "The chance that a supervised example drops a condition, independently for each.")
        Key(
            "guidance", \.guidance, .positive(to: 1000),
            "What a guidance-distilled model, such as FLUX.1-dev, reads as its guidance; others read none.")
    }
}

extension ImagePairs {
    package var node: RecipeNode { Self.schema.node(self) }

    static let schema = Schema(
        "{chosen: target | generated, rejected: generated | degraded}", blank: ImagePairs()
    ) {
        Key(
            "chosen", \.chosen, .choice,
            "`target`: the dataset's image. `generated`: a sample. `degraded`: a sample for the prompt made worse.")
        Key("rejected", \.rejected, .choice, "Likewise, and another.")
        Key("blur", \.blur, .fromZero(to: 100), "`degraded`: standard deviation of the reference image's blur, in pixels.")
        Key("noise", \.noise, .fromZero(to: 1000), "`degraded`: standard deviation of noise on the reference image.")
        Key("words", \.words, .choice, "`degraded`: the words that are left of the prompt; `generic` is the class alone.")
    } check: { pairs, section in
        guard pairs.chosen != pairs.rejected else {
            throw section.field.error("chosen and rejected are both '\(pairs.chosen.rawValue)'; expected two different ones")
        }
    }
}
