// Group Relative Policy Optimization: a group of samples per prompt stands in for the critic.
//
// Shao et al. 2024, "DeepSeekMath", https://arxiv.org/abs/2402.03300 (eq. 3 and 4, outcome supervision of section 4.1.2).
// Variants: Liu et al. 2025, "Dr. GRPO", https://arxiv.org/abs/2503.20783; Yu et al. 2025, "DAPO",
// https://arxiv.org/abs/2503.14476 (token mean, ε_high, truncated samples masked).
//
// Deviations:
// 1. Deviations of rewards have denominator G − 1 and 10⁻⁴ is added to them, as in TRL; the paper states neither.
// 2. `loss_type` and `scale_rewards` are separate, as in TRL: Dr. GRPO is `dr_grpo` with `none`, DAPO is `dapo` with `group`.
// 3. Every update is exact over its minibatch however the host cuts it, so TRL's `bnpo`, the token mean of one micro-batch, is
//    here the same number as `dapo`.
// 4. DAPO's dynamic sampling and overlong penalty are not here; `mask_truncated` is.
import ZooKit

struct GRPO: Algorithm {
    static let id = "grpo"
    static let title = "Group Relative Policy Optimization"
    static let summary = "Clipped policy gradient without a critic: each sample is measured against the others of its prompt."
    static let paper = "Shao et al. 2024, https://arxiv.org/abs/2402.03300"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    static let presets = [
        Preset(
            "deepseekmath", source: "Shao et al. 2024, https://arxiv.org/abs/2402.03300, section 4.2",
            summary: "The run of DeepSeekMath-RL: 64 samples a prompt, one update, the KL in the loss.",
            parameters: ["samples": 64, "scale_rewards": "group", "loss_type": "grpo", "num_iterations": 1, "beta": 0.04],
            notes: ["The learning rate is 1e-6 and the batch 1024 sequences; both are the recipe's to set."])
    ]

    struct Parameters: ParameterSet {
        @Parameter("Prompts of a rollout.", in: 1...1_000_000) var prompts = 8
        @Parameter("Group size G: sequences sampled for each prompt.", in: 2...1_000_000) var samples = 8
        @Parameter("What a centred reward is divided by: the deviation of its group, of the batch, or nothing.")
        var scaleRewards = AdvantageScale.group
        @Parameter("Mean over sequences of token means (grpo), over tokens (bnpo, dapo), or a constant denominator (dr_grpo).")
        var lossType = LossType.grpo
        @Parameter("The constant L of dr_grpo, the sampler's length limit in steps.", in: 1...10_000_000)
        var maxCompletionLength: Int? = nil
        @Parameter("ε: how far the ratio may fall below 1 and still earn.", in: 0...1) var epsilon = 0.2
        @Parameter("How far the ratio may rise above 1 and still earn; null is epsilon.", in: 0...1000)
        var epsilonHigh: Double? = nil
        @Parameter("Strength β of the KL to the reference in the loss, per nat.", in: 0...1000) var beta = 0.04
        @Parameter("Estimator of that KL; on fresh samples k2 pulls as KL(π‖π_ref) does, k3 as KL(π_ref‖π), and k1 nowhere.")
        var klEstimator = KLEstimator.k3
        @Parameter("Updates μ on the whole of a rollout, whose policy stays frozen.", in: 1...1000) var numIterations = 1
        @Parameter("Parts that each iteration is cut into, with an update each.", in: 1...1_000_000) var minibatches = 1
        @Parameter("Steps between refreshes of the policy that samples; 1 samples from the policy itself.", in: 1...1_000_000)
        var refreshInterval = 1
        @Parameter("Leave sequences that were cut at the length limit out of the loss.") var maskTruncated = false
        @Parameter("Measure the KL to the reference even where beta is 0: a forward pass of the reference each step.")
        var logKl = true

        func validate() throws {
            guard lossType == .drGRPO, maxCompletionLength == nil else { return }
            throw ZooError(
                .invalidArgument, "parameter 'max_completion_length' is null; loss_type 'dr_grpo' needs the length limit")
        }
    }

    enum LossType: String, CaseIterable, ParameterValue {
        case grpo, bnpo, dapo
        case drGRPO = "dr_grpo"
    }

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

    /// −J_GRPO (eq. 3 with the KL of eq. 4) and its derivative by log π. All arrays are per step.
    ///
    /// `weights` holds the reduction: what one action of a sequence counts for in the loss.
    static func loss(
        logp: [Double], behaviourLogp: [Double], referenceLogp: [Double]?, advantages: [Double], weights: [Double], mask: [Bool],
        epsilonLow: Double, epsilonHigh: Double, beta: Double, estimator: KLEstimator
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        for t in mask.indices where mask[t] {
            let ratio = exp(logp[t] - behaviourLogp[t])  // π_θ / π_θold
            let surrogate = ratio * advantages[t]
            let clipped = min(max(ratio, 1 - epsilonLow), 1 + epsilonHigh) * advantages[t]
            loss -= min(surrogate, clipped) * weights[t]
            if surrogate <= clipped { gradient[t] -= surrogate * weights[t] }  // where the clip binds, the gradient stops
            if let referenceLogp, beta > 0 {
                loss += beta * estimator.value(logp[t], reference: referenceLogp[t]) * weights[t]
                gradient[t] += beta * estimator.gradient(logp[t], reference: referenceLogp[t]) * weights[t]
            }
        }
        return Loss(loss, [.logp: gradient])
    }

    /// What one action of each sequence counts for in the loss of a minibatch, [n]. `lengths` are the actions that count.
    static func weights(_ type: LossType, lengths: [Int], maxCompletionLength: Int?) -> [Double] {
        let sequences = Double(lengths.count)
        let tokens = Double(max(lengths.reduce(0, +), 1))
        return lengths.map { length in
            guard length > 0 else { return 0 }
            switch type {
            case .grpo: return 1 / (sequences * Double(length))
            case .bnpo, .dapo: return 1 / tokens
            case .drGRPO: return 1 / (sequences * Double(maxCompletionLength ?? length))
            }
        }
    }

    // MARK: - One iteration

    mutating func step() throws {
        let rollout = try sample()
        state.steps += 1
        var generator = try host.random
        for iteration in 0..<parameters.numIterations {
            let minibatches = rollout.minibatches(parameters.minibatches, using: &generator)
            for (index, minibatch) in minibatches.enumerated() {
                try host.checkCancellation()
                try update(minibatch, isFirst: iteration == 0 && index == 0)
            }
        }
    }

    /// A rollout with the columns `advantage` [n] and, where it is wanted, `reference_logp` [steps].
    private func sample() throws -> Batch {
        var sampler = Role.policy
        if parameters.refreshInterval > 1 {
            sampler = "rollout"
            if state.steps % parameters.refreshInterval == 0 { try host.model.blend(sampler, from: .policy) }
        }
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(sampler, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        rollout.set(
            "advantage",
            perSequence: groupAdvantages(rewards.total, groups: try rollout.integers("group"), scale: parameters.scaleRewards))
        if parameters.beta > 0 || parameters.logKl {
            rollout.set("reference_logp", perStep: try host.model.forward(.reference, rollout, [.logp])[.logp])
        }
        try host.logGroupSamples(rollout, rewards)
        return rollout
    }

    private func update(_ minibatch: Batch, isFirst: Bool) throws {
        var minibatch = minibatch
        let lengths = try countedLengths(minibatch)
        guard lengths.contains(where: { $0 > 0 }) else { return }
        let weights = Self.weights(parameters.lossType, lengths: lengths, maxCompletionLength: parameters.maxCompletionLength)
        minibatch.set("weight", perSequence: weights)
        let update = try host.model.accumulate(.policy, minibatch, [.logp, .entropy], .separable) { slice, outputs in
            Self.loss(
                logp: try outputs[.logp], behaviourLogp: try slice.steps("behaviour_logp"),
                referenceLogp: slice.column("reference_logp")?.doubles,
                advantages: slice.perStep(try slice.sequences("advantage")),
                weights: slice.perStep(try slice.sequences("weight")), mask: slice.mask,
                epsilonLow: parameters.epsilon, epsilonHigh: parameters.epsilonHigh ?? parameters.epsilon,
                beta: parameters.beta, estimator: parameters.klEstimator)
        }
        let info = try host.model.step(.policy)
        try logUpdate(minibatch, update, info, isFirst: isFirst)
    }

    /// The actions of each sequence that count in the loss: none of a truncated one where `mask_truncated` is set.
    private func countedLengths(_ minibatch: Batch) throws -> [Int] {
        guard parameters.maskTruncated else { return minibatch.actionCounts }
        return zip(minibatch.actionCounts, try minibatch.integers("finished")).map { $1 != 0 ? $0 : 0 }
    }
}
