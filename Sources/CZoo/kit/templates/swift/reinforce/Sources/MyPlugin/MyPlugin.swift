// REINFORCE with a moving-average baseline, the starting point of this plugin.
//
// Williams 1992, https://doi.org/10.1007/BF00992696.
//
//   R_s = reward_s − β Σ_t (log π(a_t) − log π_ref(a_t))        return of sequence s
//   L   = −(1/S) Σ_s (R_s − b) Σ_t log π(a_t)                     S sequences of the iteration
//   b   ← decay·b + (1 − decay)·mean R                            after the iteration
import ZooKit

struct Method: Algorithm {
    static let id = "my-plugin"
    static let title = "MyPlugin"
    static let summary = "Policy gradient against a moving average of past returns."
    static let paper = "Williams 1992, https://doi.org/10.1007/BF00992696"
    static let needs = Needs(data: .prompts, roles: [.policy, .reference], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter("Sequences sampled for each prompt.", in: 1...1_000_000, counts: .samplesPerPrompt) var samples = 1
        @Parameter("How much of the baseline stays at each step; 1 keeps it at 0.", in: 0...1) var baselineDecay = 0.9
        @Parameter("Weight of the KL to the reference in the reward, per nat.", in: 0...1000) var beta = 0.05
    }

    /// Of past returns: their decayed sum, and the sum of the weights in it.
    struct State: Codable {
        var sum = 0.0
        var weight = 0.0
    }

    let parameters: Parameters
    let host: Host
    var state = State()

    init(parameters: Parameters, host: Host) {
        self.parameters = parameters
        self.host = host
    }

    /// The loss of a slice, and its derivative by log π of each action. A pure function: the host may call it on any slice.
    static func loss(_ slice: Batch, logp: [Double], advantages: [Double], sequences: Int) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: logp.count)
        for (sequence, advantage) in advantages.enumerated() {
            for t in slice.steps(of: sequence) where slice.mask[t] {
                loss -= advantage * logp[t] / Double(sequences)
                gradient[t] = -advantage / Double(sequences)
            }
        }
        return Loss(loss, [.logp: gradient])
    }

    mutating func step() throws {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout).total
        let reference = try host.model.forward(.reference, rollout, [.logp])[.logp]
        let kl = rollout.sequenceSums(zip(try rollout.steps("behaviour_logp"), reference).map { $0 - $1 })
        let returns = zip(rewards, kl).map { $0 - parameters.beta * $1 }

        let baseline = state.weight > 0 ? state.sum / state.weight : 0
        rollout.set("advantage", perSequence: returns.map { $0 - baseline })
        let sequences = rollout.sequenceCount
        let update = try host.model.update(.policy, rollout, [.logp], .separable) { slice, outputs in
            Self.loss(slice, logp: try outputs[.logp], advantages: try slice.sequences("advantage"), sequences: sequences)
        }
        let decay = parameters.baselineDecay
        state.sum = decay * state.sum + (1 - decay) * mean(returns)
        state.weight = decay * state.weight + (1 - decay)

        try host.log("return", mean(returns), over: sequences)
        try host.log("reward", mean(rewards), over: sequences)
        try host.log("baseline", baseline, .last)
        try host.log("policy_loss", update.loss, over: sequences)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(Method.self) }
