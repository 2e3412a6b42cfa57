// Group Relative Policy Optimization, the starting point of this plugin.
//
// Shao et al. 2024, https://arxiv.org/abs/2402.03300 (eq. 3 and 4).
//
//   A_s = (reward_s − mean of its group) / (standard deviation of its group + 10⁻⁴)
//   L   = (1/N) Σ_t [β (exp(g_t) − g_t − 1) − min(r_t A, clip(r_t, 1 − ε, 1 + ε) A)]       N actions of the minibatch
//   r_t = π(a_t) / π_old(a_t),   g_t = log π_ref(a_t) − log π(a_t)
import ZooKit

struct Method: Algorithm {
    static let id = "my-plugin"
    static let title = "MyPlugin"
    static let summary = "Clipped policy gradient, each sample measured against the others of its prompt."
    static let paper = "Shao et al. 2024, https://arxiv.org/abs/2402.03300"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 16
        @Parameter("Sequences sampled for each prompt.", in: 2...1_000_000, counts: .samplesPerPrompt) var samples = 8
        @Parameter("Passes over each rollout.", in: 1...100, counts: .passes) var epochs = 1
        @Parameter("Minibatches of a pass, with an update each.", in: 1...1000, counts: .minibatches) var minibatches = 1
        @Parameter("How far a ratio may leave 1 before its gradient stops.", in: 0...1) var clip = 0.2
        @Parameter("Weight of the KL to the reference, per nat.", in: 0...1000) var beta = 0.04
    }

    let parameters: Parameters
    let host: Host

    /// The loss of a slice, and its derivative by log π of each action. A pure function: the host may call it on any slice.
    static func loss(
        _ slice: Batch, logp: [Double], behaviourLogp: [Double], referenceLogp: [Double], advantages: [Double], actions: Int,
        _ parameters: Parameters
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        let (clip, beta, share) = (parameters.clip, parameters.beta, 1 / Double(actions))
        for (sequence, advantage) in advantages.enumerated() {
            for t in slice.steps(of: sequence) where slice.mask[t] {
                let (ratio, gap) = (exp(logp[t] - behaviourLogp[t]), referenceLogp[t] - logp[t])
                let clipped = min(max(ratio, 1 - clip), 1 + clip) * advantage
                loss += (beta * (exp(gap) - gap - 1) - min(ratio * advantage, clipped)) * share
                gradient[t] = (beta * (1 - exp(gap)) - (clipped < ratio * advantage ? 0 : ratio * advantage)) * share
            }
        }
        return Loss(loss, [.logp: gradient])
    }

    func step() throws {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout).total
        let advantages = groupAdvantages(
            rewards, groups: try rollout.integers("group"), scale: .group)
        rollout.set("advantage", perSequence: advantages)
        rollout.set("reference_logp", perStep: try host.model.forward(.reference, rollout, [.logp])[.logp])
        try host.log("reward", mean(rewards), over: rewards.count)

        try host.train(on: rollout, epochs: parameters.epochs, minibatches: parameters.minibatches) { minibatch in
            let actions = max(minibatch.actionCount, 1)
            let update = try host.model.update(.policy, minibatch, [.logp], .separable) { slice, outputs in
                Self.loss(
                    slice, logp: try outputs[.logp], behaviourLogp: try slice.steps("behaviour_logp"),
                    referenceLogp: try slice.steps("reference_logp"), advantages: try slice.sequences("advantage"),
                    actions: actions, parameters)
            }
            try host.log("policy_loss", update.loss, over: actions)
        }
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(Method.self) }
