import ZooKit

extension GRPO {
    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 8
        @Parameter(
            "Group size G: sequences sampled for each prompt.", in: 2...1_000_000, counts: .samplesPerPrompt,
            aliases: ["num_generations"])
        var samples = 8

        @Parameter(
            "What a reward is measured against: its group's mean, the others' mean, a mean weighted by length, or nothing.")
        var baseline = GroupBaseline.groupMean
        @Parameter("What a centred reward is divided by: the standard deviation of its group, of the batch, or nothing.")
        var scaleRewards = AdvantageScale.group
        @Parameter("ε added to that standard deviation: TRL 1e-4, verl and NeMo-RL 1e-6, OpenRLHF 1e-9.", in: 0...1)
        var advantageEpsilon = 1e-4
        @Parameter("Denominator of its variance: n − 1 (TRL, verl, NeMo-RL) or n (Flow-GRPO).")
        var scaleVariance = VarianceDenominator.unbiased
        @Parameter(
            "Limit ±c of an advantage, after scaling (Flow-GRPO, DanceGRPO 5); null is none.", in: 0...1_000_000,
            formerly: ["adv_clip_max"])
        var advantageClip: Double? = nil
        @Parameter("Several rewards: add, then normalise; or normalise each within its group, add, and again over the batch.")
        var multiObjectiveAggregation = Aggregation.sumThenNormalize

        @Parameter("The surrogate, and with loss_agg_mode 'by_loss_type' also its mean over actions and sequences.")
        var lossType = LossType.grpo
        @Parameter("verl's means over actions and sequences, in place of those of loss_type.")
        var lossAggMode = LossAggMode.byLossType
        @Parameter(
            "Constant length L, the sampler's limit: dr_grpo and overlong_buffer need it; seq_mean_token_sum_norm otherwise takes the "
                + "longest sequence of the minibatch.",
            in: 1...10_000_000)
        var maxCompletionLength: Int? = nil
        @Parameter("What the ratio is taken of: each token, or the whole sequence (GSPO).")
        var importanceSamplingLevel = Level.token
        @Parameter("ε: how far the ratio may fall below 1 and still earn.", in: 0...1, aliases: ["epsilon"]) var clipRange = 0.2
        @Parameter(
            "How far the ratio may rise above 1 and still earn; null means as far as clip_range (DAPO 0.28). For cispo with "
                + "cispo_clip 'upper' it is the cap itself.", in: 0...1000, aliases: ["epsilon_high"])
        var clipRangeHigh: Double? = nil
        @Parameter(
            "Cap of the ratio where the advantage is negative (the two-sided clip of INTELLECT-2, 4); null is none.", in: 1...1000
        )
        var delta: Double? = nil
        @Parameter("Dual clip c: a negative advantage costs at most c times itself (verl 3); null is off.", in: 1...1000)
        var dualClip: Double? = nil
        @Parameter(
            "Bounds of cispo's weight: only the cap clip_range_high (TRL), or 1 − clip_range to 1 + clip_range_high (verl).")
        var cispoClip = CISPOClip.upper
        @Parameter("τ of sapo where the advantage is positive.", in: 0.001...1000) var sapoTemperaturePos = 1.0
        @Parameter("τ of sapo where it is not.", in: 0.001...1000) var sapoTemperatureNeg = 1.05
        @Parameter("k of vespo's weight where the advantage is not negative.", in: 0...1000) var vespoKPos = 2.0
        @Parameter("λ of vespo's weight where the advantage is not negative.", in: 0.0001...1000) var vespoLambdaPos = 3.0
        @Parameter("k of vespo's weight where the advantage is negative.", in: 0...1000) var vespoKNeg = 3.0
        @Parameter("λ of vespo's weight where the advantage is negative.", in: 0.0001...1000) var vespoLambdaNeg = 2.0

        @Parameter("Weight β of the KL to the reference in the loss, per nat.", in: 0...1000) var beta = 0.04
        @Parameter(
            "That KL: exact, where the policy can give it, or estimated. On fresh samples k2 pulls as KL(π‖π_ref) does, as the exact "
                + "one, k3 as KL(π_ref‖π), and k1 nowhere; a plus takes the gradient of k2 (verl).") var klEstimator =
            LossKL.estimated(.k3)
        @Parameter("Limit ±c of a step's KL; verl, NeMo-RL and OpenRLHF 10; null is none.", in: 0...1_000_000)
        var klClip: Double? = nil
        @Parameter("Multiply the KL by the ratio, for samples of an older policy (DeepSeek-V3.2); not for an exact one.")
        var useBiasCorrectionKl = false

        @Parameter(
            "What the loss does about samples of an older policy or of another program: nothing; the trainer's own log-probabilities in "
                + "the ratio; and with those a weight for each action, or one for the sequence.")
        var importanceCorrection = ImportanceCorrection.none
        @Parameter(
            "Cap of that weight, above which that of an action is the cap and that of a sequence 0: verl 2, TRL 3.",
            in: 0.01...1_000_000) var importanceCorrectionCap = 2.0

        @Parameter("μ: passes over the samples of an iteration.", in: 1...1000, counts: .passes, aliases: ["num_iterations"])
        var epochs = 1
        @Parameter("Minibatches that each pass is cut into, with an update each.", in: 1...1_000_000, counts: .minibatches)
        var minibatches = 1
        @Parameter(
            "Iterations between refreshes of the policy that samples; 1 samples from the policy itself.", in: 1...1_000_000)
        var refreshInterval = 1
        @Parameter("Leave sequences that were cut at the length limit out of the loss.", aliases: ["mask_truncated_completions"])
        var maskTruncated = false
        @Parameter(
            "Draws of an iteration at most, of which prompts whose samples all earn the same are thrown away and drawn anew (DAPO; verl's "
                + "max_num_gen_batches 10); 0 draws once and keeps all.",
            in: 0...1000)
        var dynamicSampling = 0
        @Parameter(
            "Actions before max_completion_length within which a sequence is punished for its length (DAPO 4096 of 20480); null is none.",
            in: 1...10_000_000)
        var overlongBuffer: Int? = nil
        @Parameter("What a sequence of max_completion_length loses by overlong_buffer.", in: 0...1_000_000) var overlongPenalty =
            1.0
        @Parameter("Leave groups whose advantages are all 0 out of the loss, KL included.")
        var maskZeroAdvantageGroups = false
        @Parameter("Measure the KL to the reference even where beta is 0: a forward pass of the reference each iteration.")
        var logKl = true

        func validate() throws {
            if lossType == .drGRPO, lossAggMode == .byLossType, maxCompletionLength == nil {
                throw ZooError(
                    .invalidArgument, "parameter 'max_completion_length' is null; loss_type 'dr_grpo' needs the length limit")
            }
            if let overlongBuffer, overlongBuffer > maxCompletionLength ?? 0 {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'overlong_buffer' is \(overlongBuffer), and 'max_completion_length' "
                        + "\(maxCompletionLength.map(String.init) ?? "null"); it needs the length limit, which is no smaller")
            }
            if lossType == .cispo, cispoClip == .upper, clipRangeHigh == nil {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'clip_range_high' is null; loss_type 'cispo' needs the cap of its weight, for example 5")
            }
            if lossType == .vespo, importanceCorrection == .sequenceMask {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'importance_correction' is 'sequence_mask'; loss_type 'vespo' takes the weight of a sequence from those of "
                        + "its tokens: set it to 'token_truncate'")
            }
            if klEstimator == .exact, useBiasCorrectionKl {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'use_bias_correction_kl' is true; kl_estimator 'exact' is no estimate to correct: set it to false")
            }
        }

        /// Whether the KL to the reference is wanted, for the loss or for its metric alone.
        var measuresKL: Bool { beta > 0 || logKl }

        /// Whether the loss counts a weight as a constant, or takes the gradient of another KL estimator.
        var stopsGradient: Bool {
            lossType == .cispo || lossType == .vespo || (beta > 0 && klEstimator.isStraightThrough)
        }
    }

    enum LossType: String, CaseIterable, ParameterValue {
        case grpo, bnpo, dapo
        case drGRPO = "dr_grpo"
        case cispo, sapo, luspo, vespo
    }

    enum LossAggMode: String, CaseIterable, ParameterValue {
        case byLossType = "by_loss_type"
        case tokenMean = "token_mean"
        case seqMeanTokenSum = "seq_mean_token_sum"
        case seqMeanTokenMean = "seq_mean_token_mean"
        case seqMeanTokenSumNorm = "seq_mean_token_sum_norm"
    }

    enum Level: String, CaseIterable, ParameterValue { case token, sequence }
    enum CISPOClip: String, CaseIterable, ParameterValue { case upper, both }

    enum Aggregation: String, CaseIterable, ParameterValue {
        case sumThenNormalize = "sum_then_normalize"
        case normalizeThenSum = "normalize_then_sum"
    }
}
