// Proximal Policy Optimization, with a critic or without one.
//
// Schulman et al. 2017, https://arxiv.org/abs/1707.06347 (eq. 7); Schulman et al. 2016, https://arxiv.org/abs/1506.02438 (GAE);
// as applied to language models by Ziegler et al. 2019, https://arxiv.org/abs/1909.08593, and Huang et al. 2024,
// https://arxiv.org/abs/2403.17031 ("N+").
//
// Departures:
// 1. The score lands on the last action unless `score_position` says otherwise; N+ and TRL put it one step after the end token.
// 2. Policy and critic are separate networks with an optimizer each, so there is no value-loss coefficient.
// 3. Advantages are whitened once per rollout, not per minibatch (as the language-model implementations do).
// 4. Without a critic, A_t is the return-to-go minus a baseline of whole sequences' returns, which is REINFORCE with that baseline
//    under the clipped surrogate; λ has no meaning then. Whitening divides by the root mean square and does not centre, so that the
//    baseline alone decides the centre and `none` stays none.
// 5. `importance_correction` weighs what the policy earns and not its KL or entropy, as in TRL and verl; the KL in the reward is then
//    of the trainer's log-probabilities, and the critic learns from all samples alike, as in verl.
// 6. The advantages of `leave_one_out` are RLOO's (Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740); the ratio is per action.
import ZooKit

struct PPO: Algorithm {
    static let id = "ppo"
    static let title = "Proximal Policy Optimization"
    static let summary = "Clipped policy gradient on fresh samples; the baseline is a critic, or a mean of returns, or nothing."
    static let paper = "Schulman et al. 2017, https://arxiv.org/abs/1707.06347"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference, .critic], services: Needs.samplingServices)

    let parameters: Parameters
    let host: Host
    var state: State

    /// What a resumed run takes up: the KL coefficient and the number of sequences sampled so far.
    struct State: Codable {
        var kl: AdaptiveKL
        var episodes = 0
    }

    init(parameters: Parameters, host: Host) {
        self.parameters = parameters
        self.host = host
        state = State(kl: AdaptiveKL(coefficient: parameters.beta))
        if let score = parameters.missingEosScore, score > 0 {
            host.message(
                .warning,
                "missing_eos_score \(score) becomes the score of every sequence cut at the length limit: it rewards being "
                    + "cut wherever scores lie below")
        }
    }

    // MARK: - The objective

    /// −L^CLIP − c·H over `actions` actions, and its derivatives (eq. 7, and S[π] of eq. 9), with a KL where there is one. All arrays
    /// are per step; `weights` are those of a correction.
    static func policyLoss(
        logp: [Double], oldLogp: [Double], weights: [Double], kl: StepKL?, entropy: [Double], advantages: [Double], mask: [Bool],
        actions: Int, _ parameters: Parameters
    ) -> Loss {
        let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
        var loss = 0.0
        var byLogp = [Double](repeating: 0, count: logp.count)
        var (byEntropy, byKL) = (byLogp, byLogp)
        let share = 1 / Double(actions)
        for t in mask.indices where mask[t] {
            let ratio = exp(logp[t] - oldLogp[t])  // r_t(θ)
            let surrogate = ratio * advantages[t]
            let clipped = min(max(ratio, 1 - parameters.clipRange), ceiling) * advantages[t]
            // The dual clip's bound (Ye et al. 2020, https://arxiv.org/abs/1912.09729, eq. 5).
            let bound = advantages[t] < 0 ? (parameters.dualClip ?? .infinity) * advantages[t] : -.infinity
            let counted = weights[t] * share
            loss -= max(min(surrogate, clipped), bound) * counted
            // Where a clip binds, the gradient stops.
            if surrogate <= clipped, surrogate >= bound { byLogp[t] = -surrogate * counted }
            loss -= parameters.entropyCoef * entropy[t] * share
            byEntropy[t] = -parameters.entropyCoef * share
            if let kl {
                let scale = parameters.klLossCoef * share
                let term = kl.term(t, logp: logp[t], limit: parameters.klClip ?? .infinity)
                loss += scale * term.value
                byLogp[t] += scale * term.byLogp
                byKL[t] = scale * term.byExact
            }
        }
        return Loss(loss, [.logp: byLogp, .entropy: byEntropy, .klReference: byKL])
    }

    /// ½·mean max((V − R)², (clip(V, V_old ± ε) − R)²) over `actions` actions, and its derivative by V.
    static func valueLoss(
        values: [Double], oldValues: [Double], returns: [Double], mask: [Bool], actions: Int, clipRange: Double?
    ) -> Loss {
        let clipRange = clipRange ?? .infinity
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: values.count)
        let share = 1 / Double(actions)
        for t in mask.indices where mask[t] {
            let error = values[t] - returns[t]
            let clippedError = min(max(values[t], oldValues[t] - clipRange), oldValues[t] + clipRange) - returns[t]
            loss += max(error * error, clippedError * clippedError) / 2 * share
            if error * error >= clippedError * clippedError { gradient[t] = error * share }
        }
        return Loss(loss, [.value: gradient])
    }

    // MARK: - One iteration

    mutating func step() throws {
        let (rollout, states) = try sample()
        let isWarmup = state.episodes < parameters.criticWarmup * parameters.prompts * parameters.samples
        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches) { minibatch in
            if !isWarmup { try updatePolicy(minibatch) }
            if parameters.baseline == .critic { try updateCritic(states.selecting(minibatch.integers("place"))) }
        }
        if parameters.klControl == .adaptive {
            let kl = mean(rollout.sequenceSums(try rollout.steps("kl")))
            state.kl.update(
                kl: kl, target: parameters.klTarget, horizon: parameters.klHorizon, episodes: rollout.sequenceCount)
        }
        state.episodes += rollout.sequenceCount
        try host.log("episode", Double(state.episodes), .last)
    }

    /// A rollout with the columns `kl` (k1) and `advantage` per step and `place` per sequence; and, with a critic, the states that it
    /// values, with `value` and `return`: those of the same sequences, in which the score may have a step of its own.
    private func sample() throws -> (rollout: Batch, states: Batch) {
        if parameters.klLossCoef > 0 { try parameters.klLossEstimator.check(host.model, parameter: "kl_loss_estimator") }
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        rollout = try host.corrected(rollout, by: parameters.importanceCorrection, cap: parameters.importanceCorrectionCap)
        let logp = try rollout.oldLogp()
        let reference = try host.model.forward(.reference, rollout, [.logp])[.logp]
        let finished = try rollout.integers("finished")

        let scores = Self.scores(rewards.total, finished: finished, parameters)
        let penalty = zip(logp, reference).map {
            parameters.klEstimator.value($0, reference: $1, limit: parameters.klClip ?? .infinity)
        }
        try logSamples(rollout, rewards, scores: scores, penalty: penalty, reference: reference)
        var states = parameters.scorePosition == .afterEnd ? try Self.withEndStates(rollout) : rollout
        var stepRewards = Self.stepRewards(
            scores: scores, earned: rewards.steps.map { Self.aligned($0, of: rollout, to: states) },
            kl: Self.aligned(penalty, of: rollout, to: states), coefficient: state.kl.coefficient, batch: states)
        if parameters.whitenRewards { stepRewards = whiten(stepRewards, states.mask, shiftMean: false) }

        var advantages: [Double]
        var size = largest(stepRewards)
        if parameters.baseline == .critic {
            let values = try host.model.forward(.critic, states, [.value])[.value]
            let estimate = Self.estimate(rewards: stepRewards, values: values, states, parameters)
            advantages = estimate.advantages
            size = max(size, largest(masked(values, states.mask)))
            states.set("value", perStep: values)
            states.set("return", perStep: estimate.returns)
            try logCritic(values: values, returns: estimate.returns, mask: states.mask)
        } else {
            advantages = try Self.advantagesWithoutCritic(
                rewards: stepRewards, batch: states, gamma: parameters.gamma, baseline: parameters.baseline)
        }
        advantages = Self.scaled(Self.aligned(advantages, of: states, to: rollout), rollout.mask, size: size, parameters)
        rollout.set("kl", perStep: zip(logp, reference).map { $0 - $1 })
        rollout.set("advantage", perStep: advantages)
        if parameters.klLossCoef > 0, parameters.klLossEstimator != .exact {
            rollout.set("reference_logp", perStep: reference)
        }
        rollout.set(Column("place", perStep: false, .i64((0..<Int64(rollout.sequenceCount)).map { $0 })))
        return (rollout, states)
    }

    private func updatePolicy(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.update(
            .policy, minibatch, [.logp, .entropy] + (parameters.klLossCoef > 0 ? parameters.klLossEstimator.outputs : []),
            .separable, stopsGradient: parameters.klLossCoef > 0 && parameters.klLossEstimator.isStraightThrough
        ) { slice, outputs in
            Self.policyLoss(
                logp: try outputs[.logp], oldLogp: try slice.oldLogp(), weights: try slice.importanceWeights(),
                kl: try lossKL(slice, outputs), entropy: try outputs[.entropy], advantages: try slice.steps("advantage"),
                mask: slice.mask, actions: actions, parameters)
        }
        try logPolicy(minibatch, update)
    }

    /// The KL of the loss; nil where it has none.
    func lossKL(_ batch: Batch, _ outputs: Outputs) throws -> StepKL? {
        guard parameters.klLossCoef > 0 else { return nil }
        return try parameters.klLossEstimator.steps(outputs, referenceLogp: batch.steps("reference_logp"))
    }

    private func updateCritic(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.update(.critic, minibatch, [.value], .separable) { slice, outputs in
            Self.valueLoss(
                values: try outputs[.value], oldValues: try slice.steps("value"), returns: try slice.steps("return"),
                mask: slice.mask, actions: actions, clipRange: parameters.clipRangeValue)
        }
        try logValue(minibatch, update)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(PPO.self) }
