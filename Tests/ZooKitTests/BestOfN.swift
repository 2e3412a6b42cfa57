import ZooKit

/// Best-of-n imitation: samples a group for each prompt and raises the likelihood of its best member.
struct BestOfN: Algorithm {
    static let id = "best-of-n"
    static let title = "Best-of-n imitation"
    static let summary = "Raises the likelihood of the best of n samples."
    static let paper = "Dong et al. 2023, https://arxiv.org/abs/2304.06767"
    static let needs = Needs(data: .prompts, roles: [.policy], services: Needs.samplingServices)

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an iteration.", in: 1...10_000, counts: .prompts) var prompts = 8
        @Parameter("Samples of a prompt, of which the best is kept.", in: 2...1000, counts: .samplesPerPrompt) var samples = 4
    }

    static let presets = [
        Preset(
            "wide", source: "this page", summary: "Many samples of few prompts.", parameters: ["prompts": 2, "samples": 32],
            notes: ["The learning rate is the recipe's to set."])
    ]

    let parameters: Parameters
    let host: Host

    /// −(1/N) Σ log π over the N actions of the best samples, and its derivative.
    static func loss(logp: [Double], mask: [Bool], actions: Int) -> Loss {
        let share = 1 / Double(actions)
        return Loss(-masked(logp, mask).reduce(0, +) * share, [.logp: mask.map { $0 ? -share : 0 }])
    }

    func step() throws {
        let prompts = try host.data.prompts(parameters.prompts)
        let rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout).total
        let groups = members(of: try rollout.integers("group"))
        let best = rollout.selecting(groups.compactMap { $0.max { rewards[$0] < rewards[$1] } })

        let actions = best.actionCount
        let update = try host.model.update(.policy, best, [.logp], .separable) { slice, outputs in
            Self.loss(logp: try outputs[.logp], mask: slice.mask, actions: actions)
        }
        try host.log("loss", update.loss, over: actions)
        try host.log("reward", mean(rewards), over: rewards.count)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(BestOfN.self) }
