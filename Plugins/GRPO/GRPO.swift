// Group Relative Policy Optimization: a group of samples per prompt stands in for the critic.
//
// Shao et al. 2024, "DeepSeekMath", https://arxiv.org/abs/2402.03300 (eq. 3 and 4, outcome supervision of section 4.1.2).
// Its variants are one line each: what a ratio is worth in Surrogates.swift, the means in Reductions.swift, all of them by the names
// of TRL's GRPOTrainer in Parameters.swift.
//
// Departures:
// 1. By default standard deviations of rewards have denominator G − 1 and 10⁻⁴ is added to them, as in TRL; the paper states neither.
// 2. `loss_type` and `scale_rewards` are separate, as in TRL: Dr. GRPO is `dr_grpo` with `none`, DAPO is `dapo` with `group`.
// 3. Every update is exact over its minibatch however the host cuts it, so TRL's `bnpo`, the token mean of one micro-batch, is
//    here the same number as `dapo`.
// 4. `luspo` weighs a sequence's mean by its length. TRL's, at the level of tokens, also averages over padding.
// 5. DAPO's dynamic sampling draws as many prompts again as it threw away; verl's draws whole batches and drops what is too much.
// 6. `importance_correction` weighs the surrogate and not the KL, as in TRL.
import ZooKit

struct GRPO: Algorithm {
    static let id = "grpo"
    static let title = "Group Relative Policy Optimization"
    static let summary = "Clipped policy gradient without a critic: each sample is measured against the others of its prompt."
    static let paper = "Shao et al. 2024, https://arxiv.org/abs/2402.03300"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    let parameters: Parameters
    let host: Host
    var state = State()

    /// Steps taken, by which the sampling policy is refreshed.
    struct State: Codable { var steps = 0 }

    init(parameters: Parameters, host: Host) {
        self.parameters = parameters
        self.host = host
    }

    // MARK: - The objective

    /// −J_GRPO (eq. 3 with the KL of eq. 4) of a slice, and its derivatives by log π and by an exact KL.
    ///
    /// `logp`, `oldLogp`, `corrections`, the weights of a correction, and `kl` are per step; `advantages` and `weights`, what one action of
    /// a sequence counts for in the loss (the reduction), per sequence.
    static func loss(
        _ batch: Batch, logp: [Double], oldLogp: [Double], corrections: [Double], kl: StepKL?, advantages: [Double],
        weights: [Double], _ parameters: Parameters
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        var byKL = gradient
        for (sequence, weight) in weights.enumerated() where weight != 0 {
            let advantage = advantages[sequence]
            let actions = batch.steps(of: sequence).filter { batch.mask[$0] }
            let change = actions.map { logp[$0] - oldLogp[$0] }
            let logRatios = logRatios(change, parameters.importanceSamplingLevel)
            let isVespo = parameters.lossType == .vespo
            let phi = isVespo ? parameters.vespoWeight(change, actions.map { corrections[$0] }, advantage: advantage) : 1
            var byLogRatio = 0.0
            func add(_ term: Term, at t: Int, times correction: Double = 1) {
                let counted = weight * correction
                loss += term.value * counted
                byKL[t] += term.byKL * counted
                switch parameters.importanceSamplingLevel {
                case .token: gradient[t] += (term.byLogRatio + term.byLogp) * counted
                case .sequence:
                    gradient[t] += term.byLogp * counted
                    byLogRatio += term.byLogRatio * counted
                }
            }
            for (t, logRatio) in zip(actions, logRatios) {
                let ratio = exp(logRatio)  // π_θ / π_θold
                let surrogate = parameters.surrogate(ratio: ratio, logp: logp[t], advantage: advantage, phi: phi)
                add(surrogate, at: t, times: isVespo ? 1 : corrections[t])  // vespo's φ has them already
                if let kl {
                    add(parameters.penalty(ratio: ratio, kl.term(t, logp: logp[t], limit: parameters.klClip ?? .infinity)), at: t)
                }
            }
            // The ratio of a sequence depends on each of its n actions by 1/n.
            if parameters.importanceSamplingLevel == .sequence {
                for t in actions { gradient[t] += byLogRatio / Double(actions.count) }
            }
        }
        return Loss(loss, [.logp: gradient, .klReference: byKL])
    }

    // MARK: - One iteration

    mutating func step() throws {
        let rollout = try sample()
        state.steps += 1
        var isFirst = true
        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches) { minibatch in
            try update(minibatch, isFirst: isFirst)
            isFirst = false
        }
    }

    /// A rollout with the columns `advantage` [n] and, where it is wanted, `reference_logp` [steps].
    private func sample() throws -> Batch {
        if parameters.measuresKL { try parameters.klEstimator.check(host.model, parameter: "kl_estimator") }
        var sampler = Role.policy
        if parameters.refreshInterval > 1 {
            sampler = "rollout"
            if state.steps % parameters.refreshInterval == 0 { try host.model.blend(sampler, from: .policy) }
        }
        let drawn = try draw(sampler)
        let rewards = drawn.rewards
        var rollout = try host.corrected(
            drawn.rollout, by: parameters.importanceCorrection, cap: parameters.importanceCorrectionCap)
        let advantages = try advantages(rewards, rollout)
        rollout.set("advantage", perSequence: advantages)
        if parameters.maskZeroAdvantageGroups {
            rollout.set("alive", perSequence: Self.alive(advantages, groups: try rollout.integers("group")))
        }
        if parameters.measuresKL, parameters.klEstimator != .exact {
            rollout.set("reference_logp", perStep: try host.model.forward(.reference, rollout, [.logp])[.logp])
        }
        return rollout
    }

    /// Â of each sequence (section 4.1.2), [n]; 0 of one that cannot be scored.
    private func advantages(_ rewards: Rewards, _ rollout: Batch) throws -> [Double] {
        let groups = try rollout.integers("group")
        let (epsilon, variance) = (parameters.advantageEpsilon, parameters.scaleVariance)
        let limit = parameters.advantageClip ?? .infinity
        let advantages: [Double]
        switch parameters.multiObjectiveAggregation {
        case .sumThenNormalize:
            advantages = groupAdvantages(
                rewards.total, groups: groups, baseline: parameters.baseline, scale: parameters.scaleRewards, epsilon: epsilon,
                variance: variance, lengths: rollout.actionCounts, sizes: rewards.sizes)
        case .normalizeThenSum:
            let components = rewards.components.map { ($0.values, $0.weight) }
            advantages = normalizedSumAdvantages(
                components.isEmpty ? [(rewards.total, 1)] : components, groups: groups, epsilon: epsilon, variance: variance)
        }
        return advantages.map { min(max($0, -limit), limit) }
    }

    private func update(_ minibatch: Batch, isFirst: Bool) throws {
        var minibatch = minibatch
        let lengths = try countedLengths(minibatch)
        guard lengths.contains(where: { $0 > 0 }) else { return }
        minibatch.set("weight", perSequence: parameters.weights(lengths: lengths))
        let update = try host.model.update(
            .policy, minibatch, [.logp, .entropy] + (parameters.measuresKL ? parameters.klEstimator.outputs : []), .separable,
            stopsGradient: parameters.stopsGradient
        ) { slice, outputs in
            Self.loss(
                slice, logp: try outputs[.logp], oldLogp: try slice.oldLogp(), corrections: try slice.importanceWeights(),
                kl: parameters.beta > 0
                    ? try parameters.klEstimator.steps(outputs, referenceLogp: slice.steps("reference_logp")) : nil,
                advantages: try slice.sequences("advantage"), weights: try slice.sequences("weight"), parameters)
        }
        try logUpdate(minibatch, update, isFirst: isFirst)
    }

    /// 1 for each sequence of a group that has an advantage, 0 where all of its group's are 0, [n].
    static func alive(_ advantages: [Double], groups: [Int]) -> [Double] {
        var alive = [Double](repeating: 0, count: advantages.count)
        for group in members(of: groups) where group.contains(where: { advantages[$0] != 0 }) {
            for index in group { alive[index] = 1 }
        }
        return alive
    }

    /// The actions of each sequence that count in the loss: none of a truncated one where `mask_truncated` is set, and none of a group
    /// without an advantage where `mask_zero_advantage_groups` is.
    private func countedLengths(_ minibatch: Batch) throws -> [Int] {
        var lengths = minibatch.actionCounts
        if parameters.maskTruncated {
            lengths = zip(lengths, try minibatch.integers("finished")).map { $1 != 0 ? $0 : 0 }
        }
        if parameters.maskZeroAdvantageGroups {
            lengths = zip(lengths, try minibatch.sequences("alive")).map { $1 != 0 ? $0 : 0 }
        }
        return lengths
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(GRPO.self) }
