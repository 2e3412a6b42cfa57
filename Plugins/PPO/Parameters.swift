import ZooKit

extension PPO {
    struct Parameters: ParameterSet {
        @Parameter("Prompts of a rollout.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000, counts: .samplesPerPrompt) var samples = 1
        @Parameter("Passes over a rollout.", in: 1...1000, counts: .passes) var epochs = 4
        @Parameter("Updates per pass.", in: 1...1_000_000, counts: .minibatches) var minibatches = 1
        @Parameter("What the return is measured against; only 'critic' builds the critic network.") var baseline = Baseline.critic

        @Parameter("ε of the clipped surrogate: the ratio's distance from 1 beyond which it earns no more.", in: 0...10)
        var clipRange = 0.2
        @Parameter("How far the ratio may rise above 1 and still earn; null is clip_range.", in: 0...1000)
        var clipRangeHigh: Double? = nil
        @Parameter("c: a negative advantage costs no more than c times itself (dual clip; verl 3); null is off.", in: 1...1000)
        var dualClip: Double? = nil
        @Parameter("How far a value may move from its old one before its loss is clipped; null never clips.", in: 0...1_000_000)
        var clipRangeValue: Double? = 0.2
        @Parameter("Weight of the entropy bonus.", in: 0...1000) var entropyCoef = 0.0

        @Parameter("Discount γ per action.", in: 0...1) var gamma = 1.0
        @Parameter("λ of generalised advantage estimation; without a critic it has no effect.", in: 0...1) var lambda = 0.95
        @Parameter("λ of the returns that the critic learns (VAPO); null is that of the advantages.", in: 0...1)
        var lambdaCritic: Double? = nil
        @Parameter("α: the advantages' λ is 1 − 1/(α·length) of each sequence (VAPO 0.05); null is lambda.", in: 0.0001...1000)
        var lambdaLengthAlpha: Double? = nil
        @Parameter("Pass over steps between actions that are none, so values carry over them (verl); else their value is 0.")
        var carryValues = true
        @Parameter("Where the score lands: on the last action, or one step after an end token, where values go on (N+, TRL).")
        var scorePosition = ScorePosition.lastAction

        @Parameter("Strength β of the KL penalty in the reward, reward per nat; the first value where it adapts.", in: 0...1000)
        var klCoef = 0.05
        @Parameter("Estimator of the KL penalty.") var klEstimator = KLEstimator.k1
        @Parameter("Limit ±c of the KL, of reward and loss; OpenRLHF, verl and NeMo-RL 10; null is none.", in: 0...1_000_000)
        var klClip: Double? = nil
        @Parameter("Whether the KL coefficient stays or moves towards kl_target.") var klControl = KLControl.fixed
        @Parameter("KL that the adaptive coefficient aims at, nats per sequence.", in: 1e-6...1_000_000) var klTarget = 6.0
        @Parameter("Sequences over which the adaptive coefficient moves.", in: 1...1e12) var klHorizon = 10_000.0
        @Parameter("Strength of a KL in the loss, per nat, beside or in place of that in the reward.", in: 0...1000)
        var klLossCoef = 0.0
        @Parameter("The KL in the loss: exact, where the policy can tell it, or its estimator.")
        var klLossEstimator = LossKL.estimated(.k3)

        @Parameter("Scale advantages to variance 1 over the rollout, and with a critic centre them.") var whitenAdvantages = true
        @Parameter("Denominator of that variance: n − 1 (TRL, verl) or n (OpenRLHF).")
        var whitenVariance = VarianceDenominator.unbiased
        @Parameter("Add the mean back after whitening, so that advantages are scaled but not centred (torchtune).")
        var whitenKeepsMean = false
        @Parameter("Limit ±c of an advantage after that; DDPO 5; null is none.", in: 0...1_000_000)
        var advClipMax: Double? = nil
        @Parameter("Scale the rewards of steps to variance 1 over the rollout, keeping their mean.") var whitenRewards = false
        @Parameter("Limit ±c of a sequence's score; null is none.", in: 0...1_000_000) var rewardClip: Double? = nil
        @Parameter("A sequence cut at the length limit: 'penalty' subtracts missing_eos_value from its score, 'set' replaces it.")
        var missingEos = MissingEOS.none
        @Parameter("What missing_eos subtracts (from 0) or sets; null subtracts 1 (TRL) or sets -1 (N+).", in: -1e6...1e6)
        var missingEosValue: Double? = nil

        /// What `missing_eos` subtracts or sets.
        var eosValue: Double { missingEosValue ?? (missingEos == .set ? -1 : 1) }

        func validate() throws {
            if missingEos == .penalty, eosValue < 0 {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'missing_eos_value' is \(eosValue); missing_eos 'penalty' subtracts it, so that below 0 it rewards "
                        + "sequences for being cut: give a number from 0, or missing_eos 'set'")
            }
            guard samples == 1, baseline == .groupMean || baseline == .leaveOneOut else { return }
            throw ZooError(.invalidArgument, "parameter 'samples' is 1; baseline '\(baseline.rawValue)' needs at least 2")
        }
    }

    enum Baseline: String, CaseIterable, ParameterValue {
        case critic
        case batchMean = "batch-mean"
        case groupMean = "group-mean"
        case leaveOneOut = "leave-one-out"
        case none
    }

    enum ScorePosition: String, CaseIterable, ParameterValue {
        case lastAction = "last-action"
        case afterEnd = "after-end"
    }

    enum KLControl: String, CaseIterable, ParameterValue { case fixed, adaptive }
    enum MissingEOS: String, CaseIterable, ParameterValue { case none, penalty, set }
}
