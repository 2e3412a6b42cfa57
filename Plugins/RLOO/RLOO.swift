// REINFORCE Leave-One-Out: each sample is measured against the mean of the others of its prompt, and a whole completion is one action.
//
// Ahmadian et al. 2024, "Back to Basics", https://arxiv.org/abs/2402.14740 (the penalised return of eq. 3, the estimator of section
// 3.2); Kool et al. 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!", https://openreview.net/forum?id=r1lgTGL5DE.
//
// Departures:
// 1. Where a rollout is used more than once, the ratio of the whole completion to the policy that sampled it stands in the loss and is
//    clipped, as in TRL; the paper takes one step a rollout, where the ratio is 1 and the gradient is its own.
// 2. `normalize_advantages` and `reward_clip` are TRL's and off; rewards are clipped before the KL penalty comes in.
// 3. `importance_sampling_level: token` clips a ratio per action instead (OpenRLHF). Its loss is the sum over a sequence's actions, so
//    that at ratio 1 both have the same gradient, unless `loss_agg_mode` asks for OpenRLHF's mean over actions.
// 4. `importance_correction` weighs a sequence, or with a ratio per action each action; the KL in the reward is then of the trainer's
//    log-probabilities. TRL's RLOO has no such correction.
// 5. `kl_position: after_baseline` is OpenRLHF's: each action answers for the KL from itself on, which no baseline takes away again.
import ZooKit

struct RLOO: Algorithm {
    static let id = "rloo"
    static let title = "REINFORCE Leave-One-Out"
    static let summary = "Whole completions against the mean of the others of their prompt; the KL is part of the reward."
    static let paper = "Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 8
        @Parameter(
            "Group size k: sequences sampled for each prompt.", in: 2...1_000_000, counts: .samplesPerPrompt,
            aliases: ["num_generations"])
        var samples = 4
        @Parameter("Weight β of the KL to the reference in the reward, per nat.", in: 0...1000) var beta = 0.05
        @Parameter(
            "Where the KL comes in: the whole sequence's before the baseline (TRL), or after it that of each action and of those behind "
                + "it (OpenRLHF).")
        var klPosition = KLPosition.beforeBaseline
        @Parameter("What the ratio is taken of, and clipped: the whole sequence, or each token (action).", formerly: ["ratio"])
        var importanceSamplingLevel = Level.sequence
        @Parameter("The mean over sequences of the sums over their ratios, or the mean over ratios.")
        var lossAggMode = LossAggMode.seqMeanTokenSum
        @Parameter("ε: how far the ratio may fall below 1 and still earn.", in: 0...1, aliases: ["epsilon"]) var clipRange = 0.2
        @Parameter(
            "How far the ratio may rise above 1 and still earn; null means as far as clip_range.", in: 0...1000,
            aliases: ["epsilon_high"])
        var clipRangeHigh: Double? = nil
        @Parameter(
            "Limit ±c of a reward, before the KL; with kl_position 'after_baseline', after the baseline; null is none.",
            in: 0...1e6)
        var rewardClip: Double? = nil
        @Parameter("Centre the advantages of an iteration and scale them to standard deviation 1.") var normalizeAdvantages =
            false
        @Parameter(
            "What the loss does about samples of an older policy or of another program: nothing; the trainer's own log-probabilities in "
                + "the ratio; and with those a weight for each action, or one for the sequence.")
        var importanceCorrection = ImportanceCorrection.none
        @Parameter(
            "Cap of that weight, above which that of an action is the cap and that of a sequence 0: verl 2, TRL 3.",
            in: 0.01...1_000_000) var importanceCorrectionCap = 2.0
        @Parameter("Passes over the samples of an iteration.", in: 1...1000, counts: .passes, aliases: ["num_iterations"])
        var epochs = 1
        @Parameter("Minibatches that each pass is cut into, with an update each.", in: 1...1_000_000, counts: .minibatches)
        var minibatches = 1

        func validate() throws {
            guard importanceSamplingLevel == .sequence else { return }
            if klPosition == .afterBaseline {
                throw ZooError(
                    .invalidArgument, "parameter 'kl_position' is 'after_baseline'; that needs importance_sampling_level 'token'")
            }
            if importanceCorrection == .tokenTruncate {
                throw ZooError(
                    .invalidArgument,
                    "parameter 'importance_correction' is 'token_truncate', a weight for each token; that needs "
                        + "importance_sampling_level 'token', or 'sequence_mask' in its place, a weight for the sequence")
            }
        }
    }

    enum Level: String, CaseIterable, ParameterValue { case sequence, token }

    enum KLPosition: String, CaseIterable, ParameterValue {
        case beforeBaseline = "before_baseline"
        case afterBaseline = "after_baseline"
    }

    enum LossAggMode: String, CaseIterable, ParameterValue {
        case seqMeanTokenSum = "seq_mean_token_sum"
        case tokenMean = "token_mean"
    }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// R(x, y) = clip(r(x, y), ±c) − β·log(π(y|x) / π_ref(y|x)), [n] (eq. 3). `kl` is the log-ratio of whole sequences, [n].
    static func returns(rewards: [Double], kl: [Double], beta: Double, rewardClip: Double?) -> [Double] {
        zip(clipped(rewards, rewardClip), kl).map { reward, kl in reward - beta * kl }
    }

    private static func clipped(_ rewards: [Double], _ limit: Double?) -> [Double] {
        let limit = limit ?? .infinity
        return rewards.map { min(max($0, -limit), limit) }
    }

    /// R_i − 1/(k − 1)·Σ_{j≠i} R_j, [n] (section 3.2), and where it is wanted (A − mean) / (std + 10⁻⁴) over all of them.
    ///
    /// - Parameter sizes: Of what each return was added up from, [n], which rounding is measured by.
    static func advantages(_ returns: [Double], groups: [Int], normalize: Bool, sizes: [Double]) -> [Double] {
        let baselines = leaveOneOutBaselines(returns, groups: groups)
        let advantages = returns.indices.map {
            difference(returns[$0], baselines[$0], count: returns.count, scale: sizes[$0])
        }
        guard normalize else { return advantages }
        let (center, scale) = (mean(advantages), standardDeviation(advantages) + 1e-4)
        return advantages.map { ($0 - center) / scale }
    }

    /// OpenRLHF's, [steps]: clip(r_i − baseline, ±c) at the last action, −β·KL_t at each, added up from each action on.
    static func stepAdvantages(
        rewards: [Double], kl: [Double], batch: Batch, beta: Double, rewardClip: Double?
    ) throws -> [Double] {
        let groups = try batch.integers("group")
        let shaped = zip(rewards, leaveOneOutBaselines(rewards, groups: groups)).map {
            difference($0, $1, count: rewards.count)
        }
        var steps = kl.map { -beta * $0 }
        for (sequence, reward) in clipped(shaped, rewardClip).enumerated() {
            if let last = batch.steps(of: sequence).last(where: { batch.mask[$0] }) { steps[last] += reward }
        }
        return returnsToGo(rewards: steps, batch: batch, gamma: 1)
    }

    /// The actions that share a ratio: all of a sequence, or each for itself.
    static func units(_ batch: Batch, of sequence: Int, _ level: Level) -> [[Int]] {
        let actions = batch.steps(of: sequence).filter { batch.mask[$0] }
        switch level {
        case .sequence: return actions.isEmpty ? [] : [actions]
        case .token: return actions.map { [$0] }
        }
    }

    /// −1/n·Σ_s w_s min(ρ_s A_s, clip(ρ_s, 1 − ε, 1 + ε_high) A_s) over `count` n, and its derivative by log π. All arrays are per step;
    /// w are the `weights` of a correction.
    static func loss(
        _ batch: Batch, logp: [Double], oldLogp: [Double], weights: [Double], advantages: [Double], count: Int, level: Level,
        epsilonLow: Double, epsilonHigh: Double
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        let share = 1 / Double(count)
        for sequence in 0..<batch.sequenceCount {
            for unit in units(batch, of: sequence, level) {
                let advantage = advantages[unit[0]]
                let rho = exp(unit.reduce(0) { $0 + logp[$1] - oldLogp[$1] })  // π(y|x) / π_old(y|x)
                let counted = weights[unit[0]] * share
                let surrogate = rho * advantage
                let clipped = min(max(rho, 1 - epsilonLow), 1 + epsilonHigh) * advantage
                loss -= min(surrogate, clipped) * counted
                guard surrogate <= clipped else { continue }  // where the clip binds, the gradient stops
                for t in unit { gradient[t] = -surrogate * counted }
            }
        }
        return Loss(loss, [.logp: gradient])
    }

    // MARK: - One iteration

    func step() throws {
        let rollout = try sample()
        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches, update: update)
    }

    /// A rollout with the column `advantage` [steps].
    private func sample() throws -> Batch {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        rollout = try host.corrected(rollout, by: parameters.importanceCorrection, cap: parameters.importanceCorrectionCap)
        let logp = try rollout.oldLogp()
        let reference = try host.model.forward(.reference, rollout, [.logp])[.logp]
        let kl = zip(logp, reference).map { $0 - $1 }
        rollout.set("advantage", perStep: try advantages(rewards, kl: kl, rollout))
        try host.logGroupSamples(rollout, rewards)
        let total = rollout.sequenceSums(kl).reduce(0, +)
        try host.log("kl", total / Double(max(rollout.actionCount, 1)), over: rollout.actionCount)
        return rollout
    }

    /// The advantage of each action, [steps]; `kl` holds the log-ratio to the reference of each.
    private func advantages(_ rewards: Rewards, kl: [Double], _ rollout: Batch) throws -> [Double] {
        switch parameters.klPosition {
        case .beforeBaseline:
            let kl = rollout.sequenceSums(kl)
            let returns = Self.returns(
                rewards: rewards.total, kl: kl, beta: parameters.beta, rewardClip: parameters.rewardClip)
            return rollout.perStep(
                Self.advantages(
                    returns, groups: try rollout.integers("group"), normalize: parameters.normalizeAdvantages,
                    sizes: zip(rewards.sizes, kl).map { $0 + abs(parameters.beta * $1) }))
        case .afterBaseline:
            return try Self.stepAdvantages(
                rewards: rewards.total, kl: kl, batch: rollout, beta: parameters.beta, rewardClip: parameters.rewardClip)
        }
    }

    private func update(_ minibatch: Batch) throws {
        let count = parameters.lossAggMode == .tokenMean ? minibatch.actionCount : minibatch.sequenceCount
        let update = try host.model.update(.policy, minibatch, [.logp, .entropy], .separable) { slice, outputs in
            Self.loss(
                slice, logp: try outputs[.logp], oldLogp: try slice.oldLogp(), weights: try slice.importanceWeights(),
                advantages: try slice.steps("advantage"), count: count, level: parameters.importanceSamplingLevel,
                epsilonLow: parameters.clipRange, epsilonHigh: parameters.clipRangeHigh ?? parameters.clipRange)
        }
        try logUpdate(minibatch, update)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(RLOO.self) }
