// Online DPO: the policy answers, the reward says which of two answers is better, and DPO's loss is taken on that pair.
//
// Guo et al. 2024, "Direct Language Model Alignment from Online AI Feedback", https://arxiv.org/abs/2402.04792 (algorithm 1); the loss
// is eq. 7 of Rafailov et al. 2023, https://arxiv.org/abs/2305.18290, or eq. 17 of Azar et al. 2023, https://arxiv.org/abs/2310.12036.
//
//   y_1 … y_G ~ π(·|x),  y_w = argmax r(x, y),  y_l = argmin r(x, y)
//   h = [log π(y_w) − log π_ref(y_w)] − [log π(y_l) − log π_ref(y_l)]
//   L = mean −log σ(βh)   or   mean (h − 1/(2β))²
//
// Departures:
// 1. The judge is the recipe's reward: the paper prompts a language model, TRL takes either.
// 2. `samples` above 2 takes the best against the worst of G; with 2 it is the paper's.
// 3. `ipo` takes sums of log-probabilities, as TRL does here; `dpo` divides them by the number of actions.
// 4. Where all rewards of a prompt are equal the first answer counts as the better one, as in TRL; with a reward that often ties, this
//    teaches noise. `frac_reward_zero_std` says how often.
import ZooKit

struct OnlineDPO: Algorithm {
    static let id = "online-dpo"
    static let title = "Online DPO"
    static let summary = "DPO's loss on pairs that the policy samples and the reward orders, fresh in each update."
    static let paper = "Guo et al. 2024, https://arxiv.org/abs/2402.04792"
    static let needs = Needs(
        data: .prompts, roles: [.policy, .reference],
        services: ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", "zoo.model/1", "zoo.log/1"])

    struct Parameters: ParameterSet {
        @Parameter("Prompts of an update, with a pair each.", in: 1...1_000_000, counts: .prompts) var prompts = 32
        @Parameter(
            "Sequences sampled for each prompt; the best and the worst are its pair.", in: 2...1_000_000,
            counts: .samplesPerPrompt)
        var samples = 2
        @Parameter("The loss of a pair.") var lossType = LossType.sigmoid
        @Parameter("Weight β of the KL to the reference, per nat; for ipo the τ of its paper.", in: 1e-6...1_000_000)
        var beta = 0.1
        @Parameter("Taken off the reward of a sequence that was cut at the length limit; null takes nothing.", in: 0...1_000_000)
        var missingEosPenalty: Double? = nil
    }

    enum LossType: String, CaseIterable, ParameterValue { case sigmoid, ipo }

    static let presets = [
        Preset(
            "trl", source: "huggingface/trl@f2cd577 trl/experimental/online_dpo/online_dpo_config.py",
            summary: "OnlineDPOConfig as it comes.",
            parameters: ["samples": 2, "loss_type": "sigmoid", "beta": 0.1, "missing_eos_penalty": nil],
            notes: [
                "Learning rate 5e-7; 64 new tokens at temperature 0.9 (rollout.max_new_tokens, rollout.temperature).",
                "A list of β, one an epoch, is not offered.",
            ])
    ]

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// The first of the best and the last of the worst of each group; rewards that differ by rounding alone are equal.
    static func pairs(rewards: [Double], groups: [Int]) throws -> [Pair] {
        try members(of: groups).map { group in
            guard group.count > 1, let first = group.first else {
                throw ZooError(.invalidArgument, "a prompt has \(group.count) sample; expected at least two to compare")
            }
            let best = group.reduce(first) { difference(rewards[$1], rewards[$0]) > 0 ? $1 : $0 }
            let worst = group.reversed().reduce(group[group.count - 1]) { difference(rewards[$1], rewards[$0]) < 0 ? $1 : $0 }
            return Pair(chosen: best, rejected: worst)
        }
    }

    /// The loss of a slice of whole pairs out of `count`, and its derivative by log π of each action. `logp` is per step, `references`
    /// the reference's log-probability of each sequence.
    static func loss(_ slice: Batch, logp: [Double], references: [Double], count: Int, _ parameters: Parameters) throws -> Loss {
        let ratios = zip(slice.sequenceSums(logp), references).map { $0 - $1 }
        var loss = 0.0
        var slopes = [Double](repeating: 0, count: slice.sequenceCount)
        for pair in try Pair.all(in: slice) {
            let h = ratios[pair.chosen] - ratios[pair.rejected]
            let (value, slope): (Double, Double)
            switch parameters.lossType {
            case .sigmoid:  // −log σ(βh)
                (value, slope) = (-logSigmoid(parameters.beta * h), -parameters.beta * sigmoid(-parameters.beta * h))
            case .ipo:  // (h − 1/(2β))²
                let error = h - 1 / (2 * parameters.beta)
                (value, slope) = (error * error, 2 * error)
            }
            loss += value / Double(count)
            slopes[pair.chosen] += slope / Double(count)
            slopes[pair.rejected] -= slope / Double(count)
        }
        // The log-probability of a sequence is the sum over its actions: each has the sequence's slope.
        return Loss(loss, [.logp: zip(slice.perStep(slopes), slice.mask).map { $1 ? $0 : 0 }])
    }

    // MARK: - One iteration

    func step() throws {
        let prompts = try host.data.prompts(parameters.prompts)
        var rollout = try host.rollout.generate(.policy, prompts, samples: parameters.samples)
        let rewards = try host.reward.score(rollout)
        try host.checkCancellation()
        let finished = try rollout.integers("finished")
        let judged = zip(rewards.total, finished).map { $1 != 0 ? $0 : $0 - (parameters.missingEosPenalty ?? 0) }
        let reference = rollout.sequenceSums(try host.model.forward(.reference, rollout, [.logp])[.logp])
        rollout.set("reference", perSequence: reference)

        let pairs = try Self.pairs(rewards: judged, groups: try rollout.integers("group"))
        var batch = rollout.selecting(pairs.flatMap { [$0.chosen, $0.rejected] })
        batch.set(Column("pair", perStep: false, .i64(pairs.indices.flatMap { [Int64($0), Int64($0)] })))
        batch.set(Column("chosen", perStep: false, .u8(pairs.flatMap { _ in [1, 0] })))
        let update = try host.model.update(.policy, batch, [.logp], .grouped) { slice, outputs in
            try Self.loss(
                slice, logp: try outputs[.logp], references: try slice.sequences("reference"), count: pairs.count, parameters)
        }
        try host.logGroupSamples(rollout, rewards)
        try logSamples(rollout, judged, pairs)
        try logUpdate(batch, update)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(OnlineDPO.self) }
