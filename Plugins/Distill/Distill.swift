// On-policy distillation: the student answers, and a teacher says of each token how much likelier it would have been.
//
// Agarwal et al. 2024, https://arxiv.org/abs/2306.13649 (generalised knowledge distillation with λ = 1 and the reverse KL); Gu et al.
// 2024, "MiniLLM", https://arxiv.org/abs/2306.08543 (the reverse KL as a policy gradient, section 2.2); Lu et al. 2025, "On-Policy
// Distillation", https://thinkingmachines.ai/blog/on-policy-distillation/ (per-token advantages, no discounting by default).
//
//   r_t = log π_T(a_t|s_t) − log π_old(a_t|s_t),   A_t = Σ_{k ≥ t} γ^{k−t} r_k
//   L = −(1/N) Σ_t min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t),   ρ_t = π(a_t|s_t) / π_old(a_t|s_t),  N actions
//
// γ = 0 lowers KL(π‖π_T) in the states that the student visits, γ = 1 the KL of whole answers. At π = π_T every advantage is 0.
//
// Departures:
// 1. One sampled token stands for the KL of a step: the papers sum over the vocabulary, the blog does as here.
// 2. No mixing in of the pretraining loss, teacher-sampled answers, or MiniLLM's length normalisation.
import ZooKit

struct Distill: Algorithm {
    static let id = "distill"
    static let title = "On-policy distillation"
    static let summary =
        "The policy's own samples, each token judged by a frozen teacher: the reverse KL to it, without a reward."
    static let paper = "Agarwal et al. 2024, https://arxiv.org/abs/2306.13649"
    static let needs = Needs(
        data: .prompts, roles: [.policy, .teacher],
        services: ["zoo.data/1", "zoo.rollout/1", "zoo.model/1", "zoo.log/1", "zoo.rng/1"])

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000, counts: .samplesPerPrompt) var samples = 1
        @Parameter(
            "Discount γ: how much of a token's advantage comes from the tokens after it.", in: 0...1, formerly: ["discount"])
        var gamma = 0.0
        @Parameter("ε: how far a ratio may move from 1 and still earn; null does not clip.", in: 0...1000, formerly: ["epsilon"])
        var clipRange: Double? = nil
        @Parameter("Passes over the samples of an iteration.", in: 1...1000, counts: .passes, formerly: ["num_iterations"])
        var epochs = 1
        @Parameter("Minibatches that each pass is cut into, with an update each.", in: 1...1_000_000, counts: .minibatches)
        var minibatches = 1
    }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// The clipped surrogate over `actions` N, and its derivative by log π. All arrays are per step.
    static func loss(
        logp: [Double], behaviourLogp: [Double], advantages: [Double], mask: [Bool], actions: Int, clipRange: Double?
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        let (low, high) = (1 - (clipRange ?? .infinity), 1 + (clipRange ?? .infinity))
        for t in logp.indices where mask[t] {
            let ratio = exp(logp[t] - behaviourLogp[t])  // ρ_t
            let surrogate = ratio * advantages[t]
            let clipped = min(max(ratio, low), high) * advantages[t]
            loss -= min(surrogate, clipped) / Double(actions)
            if surrogate <= clipped { gradient[t] = -surrogate / Double(actions) }  // where the clip binds, the gradient stops
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
        let teacher = try host.model.forward(.teacher, rollout, [.logp])[.logp]
        let gains = zip(teacher, try rollout.steps("behaviour_logp")).map { $0 - $1 }
        let (advantages, _) = generalizedAdvantages(
            rewards: gains, values: gains.map { _ in 0 }, batch: rollout, gamma: parameters.gamma, lambda: 1)
        rollout.set("advantage", perStep: advantages)
        try host.log("teacher_kl", -maskedMean(gains, rollout.mask), over: rollout.actionCount)
        try host.log("teacher_kl/sequence", -mean(rollout.sequenceSums(gains)), over: rollout.sequenceCount)
        try host.logCompletions(rollout)
        return rollout
    }

    private func update(_ minibatch: Batch) throws {
        let actions = minibatch.actionCount
        let update = try host.model.update(.policy, minibatch, [.logp, .entropy], .separable) { slice, outputs in
            Self.loss(
                logp: try outputs[.logp], behaviourLogp: try slice.steps("behaviour_logp"),
                advantages: try slice.steps("advantage"), mask: slice.mask, actions: actions, clipRange: parameters.clipRange)
        }
        try host.log("policy_loss", update.loss, over: actions)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: actions)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(Distill.self) }
