import ZooKit

extension PPO {
    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000, counts: .samplesPerPrompt) var samples = 1
        @Parameter("Passes over the samples of an iteration.", in: 1...1000, counts: .passes, aliases: ["num_ppo_epochs"])
        var epochs = 4
        @Parameter(
            "Minibatches that each pass is cut into, with an update each.", in: 1...1_000_000, counts: .minibatches,
            aliases: ["num_mini_batches"]) var minibatches = 1
        @Parameter("What the return is measured against; only 'critic' builds the critic network.") var baseline = Baseline.critic

        @Parameter(
            "First iterations that train the critic alone, on samples of the policy as it starts (verl): a fresh critic tells "
                + "the policy nothing.",
            in: 0...10_000) var criticWarmup = 0

        @Parameter(
            "ε of the clipped surrogate: how far the ratio may move from 1 and still earn.", in: 0...10, aliases: ["cliprange"])
        var clipRange = 0.2
        @Parameter("How far the ratio may rise above 1 and still earn; null means as far as clip_range.", in: 0...1000)
        var clipRangeHigh: Double? = nil
        @Parameter(
            "Dual clip c: a negative advantage costs at most c times itself (verl 3, NeMo-RL 10); null is off.", in: 1...1000)
        var dualClip: Double? = nil
        @Parameter(
            "How far a value may move from its old one, in units of the return, before its loss is clipped; null never "
                + "clips.",
            in: 0...1_000_000,
            aliases: ["cliprange_value"])
        var clipRangeValue: Double? = 0.2
        @Parameter("Weight of the entropy bonus in the loss.", in: 0...1000) var entropyCoef = 0.0
        @Parameter(
            "What the loss does about samples of an older policy or of another program: nothing; the trainer's own log-probabilities in "
                + "the ratio; and with those a weight for each action, or one for the sequence.")
        var importanceCorrection = ImportanceCorrection.none
        @Parameter(
            "Cap of that weight, above which that of an action is the cap and that of a sequence 0: verl 2, TRL 3.",
            in: 0.01...1_000_000) var importanceCorrectionCap = 2.0

        @Parameter("Discount γ per action.", in: 0...1) var gamma = 1.0
        @Parameter("λ of generalised advantage estimation; without a critic it has no effect.", in: 0...1, aliases: ["lam"])
        var lambda = 0.95
        @Parameter("λ of the returns that the critic learns (VAPO 1); null means lambda.", in: 0...1)
        var lambdaCritic: Double? = nil
        @Parameter(
            "α: the λ of each sequence's advantages is 1 − 1/(α·length) (VAPO 0.05); null means lambda.", in: 0.0001...1000)
        var lambdaLengthAlpha: Double? = nil
        @Parameter(
            "Carry values over steps between actions that are none, such as a tool's answer (verl); otherwise their value is 0 (OpenRLHF)."
        )
        var carryValues = true
        @Parameter("Where the score lands: on the last action, or one step after an end token, where values go on (N+, TRL).")
        var scorePosition = ScorePosition.lastAction

        @Parameter(
            "Weight β of the KL to the reference in the reward, per nat; its first value where it adapts.", in: 0...1000,
            aliases: ["kl_coef"])
        var beta = 0.05
        @Parameter("Estimator of that KL.") var klEstimator = KLEstimator.k1
        @Parameter("Limit ±c of a step's KL, in reward and loss; OpenRLHF, verl and NeMo-RL 10; null is none.", in: 0...1_000_000)
        var klClip: Double? = nil
        @Parameter("Whether β stays as it is or moves so that the KL comes to kl_target (Ziegler et al. 2019, section 2.2).")
        var klControl = KLControl.fixed
        @Parameter("KL that an adaptive β aims at, in nats per sequence.", in: 1e-6...1_000_000) var klTarget = 6.0
        @Parameter("Sequences over which an adaptive β moves.", in: 1...1e12) var klHorizon = 10_000.0
        @Parameter("Weight of a KL in the loss, per nat, beside or in place of the one in the reward.", in: 0...1000)
        var klLossCoef = 0.0
        @Parameter(
            "The KL in the loss: exact, where the policy can give it, or an estimator of it; a plus takes the gradient of k2 (verl)."
        )
        var klLossEstimator = LossKL.estimated(.k3)

        @Parameter("Scale the advantages of an iteration to variance 1, and with a critic centre them.") var whitenAdvantages =
            true
        @Parameter("Denominator of that variance, with a critic: n − 1 (TRL, verl) or n (OpenRLHF).")
        var whitenVariance = VarianceDenominator.unbiased
        @Parameter("With a critic, add the mean back after whitening, so that advantages are scaled but not centred (torchtune).")
        var whitenKeepsMean = false
        @Parameter(
            "Limit ±c of an advantage, after whitening (DDPO 5); null is none.", in: 0...1_000_000, formerly: ["adv_clip_max"])
        var advantageClip: Double? = nil
        @Parameter("Scale the rewards of an iteration's steps to variance 1, keeping their mean.") var whitenRewards = false
        @Parameter("Limit ±c of a sequence's score, after missing_eos_*; null is none.", in: 0...1_000_000) var rewardClip:
            Double? = nil
        @Parameter(
            "Taken off the score of a sequence that was cut at the length limit (TRL's example 1); null takes nothing.",
            in: 0...1_000_000, formerly: ["missing_eos", "missing_eos_value"])
        var missingEosPenalty: Double? = nil
        @Parameter(
            "The score of a sequence that was cut at the length limit, whatever it earned (N+ -1); null leaves it its own.",
            in: -1e6...1e6, formerly: ["missing_eos", "missing_eos_value"])
        var missingEosScore: Double? = nil

        func validate() throws {
            if missingEosPenalty != nil, missingEosScore != nil {
                throw ZooError(
                    .invalidArgument,
                    "parameters 'missing_eos_penalty' and 'missing_eos_score' are both set; a sequence that was cut loses the one or "
                        + "gets the other: set one of them to null")
            }
            if criticWarmup > 0, baseline != .critic {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'critic_warmup' is \(criticWarmup), and baseline '\(baseline.rawValue)' builds no critic; set it to 0, or "
                        + "baseline to 'critic'")
            }
            guard samples == 1, baseline == .groupMean || baseline == .leaveOneOut else { return }
            throw ZooError(.invalidArgument, "parameter 'samples' is 1; baseline '\(baseline.rawValue)' needs at least 2")
        }
    }

    enum Baseline: String, CaseIterable, ParameterValue {
        case critic
        case batchMean = "batch_mean"
        case groupMean = "group_mean"
        case leaveOneOut = "leave_one_out"
        case none
    }

    enum ScorePosition: String, CaseIterable, ParameterValue {
        case lastAction = "last_action"
        case afterEnd = "after_end"
    }

    enum KLControl: String, CaseIterable, ParameterValue { case fixed, adaptive }
}
