// REINFORCE++: PPO's clipped ratio per token without a critic; advantages are normalised over the whole batch, not within a prompt.
//
// Hu et al. 2025, https://arxiv.org/abs/2501.03262: the KL of each token in the reward, the return-to-go as advantage, normalised over
// the batch, PPO's clip. `baseline: group_mean` is its REINFORCE++-baseline: the mean of the prompt's samples is taken off first, and
// the KL stands in the loss, as k2, in place of the reward.
//
// Departures:
// 1. The variance that advantages are divided by has denominator n − 1 (verl) unless `whiten_variance` says n (OpenRLHF); the paper
//    does not say which.
// 2. With `baseline: group_mean` the KL in the reward is what `beta` says: OpenRLHF's form, which keeps it there, and the paper's,
//    with `beta: 0` and `kl_loss_coef`, are both there.
// 3. That mean has the sample's own reward in it and the KL comes after, so the β that is followed is `beta`·G/(G − 1).
// 4. `importance_correction` weighs what an action earns and not the KL of the loss; the KL in the reward is then of the trainer's
//    log-probabilities, as in verl.
import ZooKit

struct ReinforcePlusPlus: Algorithm {
    static let id = "reinforce-plus-plus"
    static let title = "REINFORCE++"
    static let summary = "Returns-to-go normalised over the batch under PPO's clipped ratio; no critic, and no group is needed."
    static let paper = "Hu et al. 2025, https://arxiv.org/abs/2501.03262"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000, counts: .samplesPerPrompt) var samples = 1
        @Parameter("What is taken off a reward first: nothing, or the mean of its prompt's samples (REINFORCE++-baseline).")
        var baseline = Baseline.none
        @Parameter("Discount γ per action.", in: 0...1) var gamma = 1.0
        @Parameter("Limit ±c of a sequence's reward, after the baseline; null is none.", in: 0...1_000_000)
        var rewardClip: Double? = nil
        @Parameter(
            "Weight β of the KL to the reference in the reward of each action, per nat.", in: 0...1000, formerly: ["kl_coef"])
        var beta = 0.01
        @Parameter("Estimator of that KL.") var klEstimator = KLEstimator.k1
        @Parameter("Weight of a KL in the loss, per nat.", in: 0...1000) var klLossCoef = 0.0
        @Parameter("Estimator of the KL in the loss.") var klLossEstimator = KLEstimator.k2
        @Parameter("Limit ±c of a step's KL, in reward and loss; OpenRLHF and verl 10; null is none.", in: 0...1_000_000)
        var klClip: Double? = nil
        @Parameter("Denominator of the batch's variance: n − 1 (verl) or n (OpenRLHF).")
        var whitenVariance = VarianceDenominator.unbiased
        @Parameter("ε: how far the ratio may fall below 1 and still earn.", in: 0...1, formerly: ["epsilon"]) var clipRange = 0.2
        @Parameter(
            "How far the ratio may rise above 1 and still earn; null means as far as clip_range.", in: 0...1000,
            formerly: ["epsilon_high"])
        var clipRangeHigh: Double? = nil
        @Parameter("Dual clip c: a negative advantage costs at most c times itself (verl 3); null is off.", in: 1...1000)
        var dualClip: Double? = nil
        @Parameter(
            "What the loss does about samples of an older policy or of another program: nothing; the trainer's own log-probabilities in "
                + "the ratio; and with those a weight for each action, or one for the sequence.")
        var importanceCorrection = ImportanceCorrection.none
        @Parameter(
            "Cap of that weight, above which that of an action is the cap and that of a sequence 0: verl 2, TRL 3.",
            in: 0.01...1_000_000) var importanceCorrectionCap = 2.0
        @Parameter("Passes over the samples of an iteration.", in: 1...1000, counts: .passes, formerly: ["num_iterations"])
        var epochs = 1
        @Parameter("Minibatches that each pass is cut into, with an update each.", in: 1...1_000_000, counts: .minibatches)
        var minibatches = 1

        func validate() throws {
            guard samples == 1, baseline == .groupMean else { return }
            throw ZooError(.invalidArgument, "parameter 'samples' is 1; baseline 'group_mean' needs at least 2")
        }
    }

    enum Baseline: String, CaseIterable, ParameterValue {
        case none
        case groupMean = "group_mean"
    }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// A_t = Σ_{i ≥ t} γ^{i−t}·(−β·KL_i), plus the reward at the last action, [steps]: before it is normalised.
    static func returns(rewards: [Double], kl: [Double], batch: Batch, _ parameters: Parameters) throws -> [Double] {
        var rewards = rewards
        if parameters.baseline == .groupMean {
            let means = groupMeans(rewards, groups: try batch.integers("group"))
            rewards = zip(rewards, means).map { difference($0, $1, count: rewards.count) }
        }
        let limit = parameters.rewardClip ?? .infinity
        var steps = kl.map { -parameters.beta * $0 }
        for (sequence, reward) in rewards.enumerated() {
            guard let last = batch.steps(of: sequence).last(where: { batch.mask[$0] }) else { continue }
            steps[last] += min(max(reward, -limit), limit)
        }
        return returnsToGo(rewards: steps, batch: batch, gamma: parameters.gamma)
    }

    /// −mean w·min(r·A, clip(r, 1 − ε, 1 + ε_high)·A) + β_loss·mean KL over `actions` actions, and its derivative by log π; w are the
    /// `weights` of a correction.
    static func loss(
        logp: [Double], oldLogp: [Double], weights: [Double], referenceLogp: [Double], advantages: [Double], mask: [Bool],
        actions: Int, _ parameters: Parameters
    ) -> Loss {
        let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
        let (estimator, limit) = (parameters.klLossEstimator, parameters.klClip ?? .infinity)
        let share = 1 / Double(actions)
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        for t in mask.indices where mask[t] {
            let ratio = exp(logp[t] - oldLogp[t])  // π_θ / π_θold
            let surrogate = ratio * advantages[t]
            let clipped = min(max(ratio, 1 - parameters.clipRange), ceiling) * advantages[t]
            // The dual clip's bound (Ye et al. 2020, https://arxiv.org/abs/1912.09729, eq. 5).
            let bound = advantages[t] < 0 ? (parameters.dualClip ?? .infinity) * advantages[t] : -.infinity
            let counted = weights[t] * share
            loss -= max(min(surrogate, clipped), bound) * counted
            if surrogate <= clipped, surrogate >= bound { gradient[t] = -surrogate * counted }  // where a clip binds, it stops
            guard parameters.klLossCoef > 0 else { continue }
            let scale = parameters.klLossCoef * share
            loss += scale * estimator.value(logp[t], reference: referenceLogp[t], limit: limit)
            gradient[t] += scale * estimator.gradient(logp[t], reference: referenceLogp[t], limit: limit)
        }
        return Loss(loss, [.logp: gradient])
    }

    // MARK: - One iteration

    func step() throws {
        let rollout = try sample()
        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches, update: update)
    }

    /// A rollout with the columns `reference_logp` and `advantage`, [steps] each.
    private func sample() throws -> Batch {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        rollout = try host.corrected(rollout, by: parameters.importanceCorrection, cap: parameters.importanceCorrectionCap)
        let logp = try rollout.oldLogp()
        let reference = try host.model.forward(.reference, rollout, [.logp])[.logp]
        let kl = zip(logp, reference).map {
            parameters.klEstimator.value($0, reference: $1, limit: parameters.klClip ?? .infinity)
        }
        let returns = try Self.returns(rewards: rewards.total, kl: kl, batch: rollout, parameters)
        rollout.set(
            "advantage",
            perStep: whiten(returns, rollout.mask, ddof: parameters.whitenVariance.ddof, scale: largest(rewards.sizes)))
        rollout.set("reference_logp", perStep: reference)
        try host.logGroupSamples(rollout, rewards)
        try host.log("return", maskedMean(returns, rollout.mask), over: rollout.actionCount)
        return rollout
    }

    private func update(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.update(
            .policy, minibatch, [.logp, .entropy], .separable,
            stopsGradient: parameters.klLossCoef > 0 && parameters.klLossEstimator.isStraightThrough
        ) { slice, outputs in
            Self.loss(
                logp: try outputs[.logp], oldLogp: try slice.oldLogp(), weights: try slice.importanceWeights(),
                referenceLogp: try slice.steps("reference_logp"), advantages: try slice.steps("advantage"), mask: slice.mask,
                actions: actions, parameters)
        }
        try logUpdate(minibatch, update)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(ReinforcePlusPlus.self) }
