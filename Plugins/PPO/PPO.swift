// Proximal Policy Optimization, with a critic or without one.
//
// Schulman et al. 2017, https://arxiv.org/abs/1707.06347 (eq. 7); Schulman et al. 2016, https://arxiv.org/abs/1506.02438 (GAE);
// as applied to language models by Ziegler et al. 2019, https://arxiv.org/abs/1909.08593, and Huang et al. 2024,
// https://arxiv.org/abs/2403.17031 ("N+").
//
// Deviations:
// 1. The score lands on the last action, and values live on actions alone; N+ and TRL put it one step after the end token.
// 2. Policy and critic are separate networks with an optimizer each, so there is no value-loss coefficient.
// 3. Advantages are whitened once per rollout, not per minibatch (as the language-model implementations do).
// 4. Without a critic, A_t is the return-to-go minus a baseline of whole sequences' returns, which is REINFORCE with that baseline
//    under the clipped surrogate; λ has no meaning then. Whitening divides by the root mean square and does not centre, so that the
//    baseline alone decides the centre and `none` stays none.
// 5. The advantages of `leave-one-out` are RLOO's (Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740); the ratio is per action.
import ZooKit

struct PPO: Algorithm {
    static let id = "ppo"
    static let title = "Proximal Policy Optimization"
    static let summary = "Clipped policy gradient on fresh samples; the baseline is a critic, or a mean of returns, or nothing."
    static let paper = "Schulman et al. 2017, https://arxiv.org/abs/1707.06347"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference, .critic], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of a rollout.", in: 1...1_000_000) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000) var samples = 1
        @Parameter("Passes over a rollout.", in: 1...1000) var epochs = 4
        @Parameter("Updates per pass.", in: 1...1_000_000) var minibatches = 1
        @Parameter("What the return is measured against; only 'critic' builds the critic network.") var baseline = Baseline.critic
        @Parameter("ε of the clipped surrogate: the ratio's distance from 1 beyond which it earns no more.", in: 0...10)
        var clipRange = 0.2
        @Parameter("How far a value may move from its old one before its loss is clipped.", in: 0...1_000_000)
        var clipRangeValue = 0.2
        @Parameter("Discount γ per action.", in: 0...1) var gamma = 1.0
        @Parameter("λ of generalised advantage estimation; without a critic it has no effect.", in: 0...1) var lambda = 0.95
        @Parameter("Strength β of the KL penalty in the reward, reward per nat; the first value where it adapts.", in: 0...1000)
        var klCoef = 0.05
        @Parameter("Estimator of the KL penalty.") var klEstimator = KLEstimator.k1
        @Parameter("Whether the KL coefficient stays or moves towards kl_target.") var klControl = KLControl.fixed
        @Parameter("KL that the adaptive coefficient aims at, nats per sequence.", in: 1e-6...1_000_000) var klTarget = 6.0
        @Parameter("Sequences over which the adaptive coefficient moves.", in: 1...1e12) var klHorizon = 10_000.0
        @Parameter("Scale advantages to variance 1 over the rollout, and with a critic centre them.") var whitenAdvantages = true
        @Parameter("Scale the rewards of steps to variance 1 over the rollout, keeping their mean.") var whitenRewards = false
        @Parameter("Weight of the entropy bonus.", in: 0...1000) var entropyCoef = 0.0
        @Parameter("A sequence cut at the length limit: 'penalty' subtracts missing_eos_value from its score, 'set' replaces it.")
        var missingEos = MissingEOS.none
        @Parameter("The number that missing_eos subtracts or sets.", in: -1_000_000...1_000_000) var missingEosValue = 1.0

        func validate() throws {
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

    enum KLControl: String, CaseIterable, ParameterValue { case fixed, adaptive }
    enum MissingEOS: String, CaseIterable, ParameterValue { case none, penalty, set }

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
        state = State(kl: AdaptiveKL(coefficient: parameters.klCoef))
    }

    // MARK: - The objective

    /// −L^CLIP − c·H over `actions` actions, and its derivatives (eq. 7, and S[π] of eq. 9). All arrays are per step.
    static func policyLoss(
        logp: [Double], behaviourLogp: [Double], entropy: [Double], advantages: [Double], mask: [Bool], actions: Int,
        clipRange: Double, entropyCoef: Double
    ) -> Loss {
        var loss = 0.0
        var byLogp = [Double](repeating: 0, count: logp.count)
        var byEntropy = byLogp
        let share = 1 / Double(actions)
        for t in mask.indices where mask[t] {
            let ratio = exp(logp[t] - behaviourLogp[t])  // r_t(θ)
            let surrogate = ratio * advantages[t]
            let clipped = min(max(ratio, 1 - clipRange), 1 + clipRange) * advantages[t]
            loss -= min(surrogate, clipped) * share
            if surrogate <= clipped { byLogp[t] = -surrogate * share }  // where the clip binds, the gradient stops
            loss -= entropyCoef * entropy[t] * share
            byEntropy[t] = -entropyCoef * share
        }
        return Loss(loss, [.logp: byLogp, .entropy: byEntropy])
    }

    /// ½·mean max((V − R)², (clip(V, V_old ± ε) − R)²) over `actions` actions, and its derivative by V.
    static func valueLoss(
        values: [Double], oldValues: [Double], returns: [Double], mask: [Bool], actions: Int, clipRange: Double
    ) -> Loss {
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

    /// The score after the rule for sequences that were cut at the length limit, [n].
    static func scores(_ rewards: [Double], finished: [Int], _ rule: MissingEOS, value: Double) -> [Double] {
        zip(rewards, finished).map { reward, finished in
            switch rule {
            case _ where finished != 0: reward
            case .none: reward
            case .penalty: reward - value
            case .set: value
            }
        }
    }

    /// r_t = −β·KL_t, plus the score at the last action (Ziegler et al. 2019, eq. 2), [steps].
    static func stepRewards(scores: [Double], kl: [Double], coefficient: Double, batch: Batch) -> [Double] {
        var rewards = kl.map { -coefficient * $0 }
        for (sequence, score) in scores.enumerated() {
            if let last = batch.steps(of: sequence).last(where: { batch.mask[$0] }) { rewards[last] += score }
        }
        return rewards
    }

    /// Return-to-go minus the baseline of its sequence, [steps].
    static func advantagesWithoutCritic(rewards: [Double], batch: Batch, gamma: Double, baseline: Baseline) throws -> [Double] {
        // With V = 0 and λ = 1 the advantage of GAE is the return-to-go.
        let zeros = [Double](repeating: 0, count: rewards.count)
        let toGo = generalizedAdvantages(rewards: rewards, values: zeros, batch: batch, gamma: gamma, lambda: 1).returns
        let totals = (0..<batch.sequenceCount).map { sequence in
            batch.steps(of: sequence).first { batch.mask[$0] }.map { toGo[$0] } ?? 0
        }
        let baselines: [Double] =
            switch baseline {
            case .critic, .none: totals.map { _ in 0 }
            case .batchMean: totals.map { _ in mean(totals) }
            case .groupMean: groupMeans(totals, groups: try batch.integers("group"))
            case .leaveOneOut: leaveOneOutBaselines(totals, groups: try batch.integers("group"))
            }
        return zip(zip(toGo, batch.perStep(baselines)), batch.mask).map { $1 ? $0.0 - $0.1 : 0 }
    }

    // MARK: - One iteration

    mutating func step() throws {
        let rollout = try sample()
        var generator = try host.random
        for _ in 0..<parameters.epochs {
            for minibatch in rollout.minibatches(parameters.minibatches, using: &generator) where minibatch.actionCount > 0 {
                try host.checkCancellation()
                try updatePolicy(minibatch)
                if parameters.baseline == .critic { try updateCritic(minibatch) }
            }
        }
        if parameters.klControl == .adaptive {
            let kl = mean(rollout.sequenceSums(try rollout.steps("kl")))
            state.kl.update(
                kl: kl, target: parameters.klTarget, horizon: parameters.klHorizon, episodes: rollout.sequenceCount)
        }
        state.episodes += rollout.sequenceCount
        try host.log("episode", Double(state.episodes), .last)
    }

    /// A rollout with the columns `kl` (k1), `advantage` and, with a critic, `return` and `value`, all per step.
    private func sample() throws -> Batch {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        let logp = try rollout.steps("behaviour_logp")
        let reference = try host.model.forward(.reference, rollout, [.logp])[.logp]
        let finished = try rollout.integers("finished")

        let scores = Self.scores(rewards.total, finished: finished, parameters.missingEos, value: parameters.missingEosValue)
        let penalty = zip(logp, reference).map { parameters.klEstimator.value($0, reference: $1) }
        var stepRewards = Self.stepRewards(scores: scores, kl: penalty, coefficient: state.kl.coefficient, batch: rollout)
        if parameters.whitenRewards { stepRewards = whiten(stepRewards, rollout.mask, shiftMean: false) }
        try logSamples(rollout, rewards, scores: scores, penalty: penalty, reference: reference)

        var advantages: [Double]
        if parameters.baseline == .critic {
            let values = try host.model.forward(.critic, rollout, [.value])[.value]
            let estimate = generalizedAdvantages(
                rewards: stepRewards, values: values, batch: rollout, gamma: parameters.gamma, lambda: parameters.lambda)
            advantages = parameters.whitenAdvantages ? whiten(estimate.advantages, rollout.mask) : estimate.advantages
            rollout.set("value", perStep: values)
            rollout.set("return", perStep: estimate.returns)
            try logCritic(values: values, returns: estimate.returns, mask: rollout.mask)
        } else {
            advantages = try Self.advantagesWithoutCritic(
                rewards: stepRewards, batch: rollout, gamma: parameters.gamma, baseline: parameters.baseline)
            if parameters.whitenAdvantages {
                let scale = 1 / (maskedMean(advantages.map { $0 * $0 }, rollout.mask) + 1e-8).squareRoot()
                advantages = advantages.map { $0 * scale }
            }
        }
        rollout.set("kl", perStep: zip(logp, reference).map { $0 - $1 })
        rollout.set("advantage", perStep: advantages)
        return rollout
    }

    private func updatePolicy(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.accumulate(.policy, minibatch, [.logp, .entropy], .separable) { slice, outputs in
            Self.policyLoss(
                logp: try outputs[.logp], behaviourLogp: try slice.steps("behaviour_logp"), entropy: try outputs[.entropy],
                advantages: try slice.steps("advantage"), mask: slice.mask, actions: actions,
                clipRange: parameters.clipRange, entropyCoef: parameters.entropyCoef)
        }
        let info = try host.model.step(.policy)
        try logPolicy(minibatch, update, info)
    }

    private func updateCritic(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.accumulate(.critic, minibatch, [.value], .separable) { slice, outputs in
            Self.valueLoss(
                values: try outputs[.value], oldValues: try slice.steps("value"), returns: try slice.steps("return"),
                mask: slice.mask, actions: actions, clipRange: parameters.clipRangeValue)
        }
        try host.model.step(.critic)
        try logValue(minibatch, update)
    }
}
