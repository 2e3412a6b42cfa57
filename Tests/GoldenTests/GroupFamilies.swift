import ZooHost
import ZooKit

extension Families {
    /// GRPO's advantages, read off the gradient at ratio 1: −A over the number of actions.
    static func groupAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard let scale = golden.text("scale_rewards"), ["group", "batch", "none"].contains(scale), golden.has("rewards"),
            let rewards = golden.inputs["rewards"]?.numbers
        else { return false }
        let size = Int(try golden.number("G"))
        let samples = Samples(groups: rewards.indices.map { $0 / size })
        let parameters = """
            {"prompts": \(rewards.count / size), "samples": \(size), "scale_rewards": "\(scale)", "loss_type": "dapo", "beta": 0, \
            "log_kl": false}
            """
        let record = try step(
            "GRPO", "grpo", parameters,
            samples.script(rewards: rewards, outputs: ["policy.logp": [rewards.map { _ in 0 }]]))
        let found = (record.losses[0].gradients["logp"] ?? []).map { -$0 * Double(rewards.count) }
        expect(found, try golden.list("advantages"), "advantages", in: golden)
        // Where the batch's deviation divides, TRL looks at that for dead groups, and finds none.
        if scale != "batch", golden.has("frac_reward_zero_std") {
            let share = record.metric("frac_reward_zero_std") ?? .nan
            expect([share], [try golden.number("frac_reward_zero_std")], "frac_reward_zero_std", in: golden)
        }
        return true
    }

    /// RLOO's advantages, read off the gradient at ratio 1: −A over the number of sequences. Each sequence is one action.
    static func leaveOneOutAdvantage(_ golden: GoldenCase) throws -> Bool {
        let options = ["rewards", "G", "normalize", "normalize_advantages"]
        guard Set(golden.inputs.keys).isSubset(of: options) else { return false }
        let rewards = try golden.list("rewards")
        let size = Int(try golden.number("G"))
        let normalize = golden.name.contains("normalize=True")
        let zeros = rewards.map { _ in 0.0 }
        let parameters = """
            {"prompts": \(rewards.count / size), "samples": \(size), "beta": 0, "normalize_advantages": \(normalize)}
            """
        let record = try step(
            "RLOO", "rloo", parameters,
            Samples(groups: rewards.indices.map { $0 / size }).script(
                rewards: rewards, outputs: ["policy.logp": [zeros], "reference.logp": [zeros]]))
        let found = (record.losses[0].gradients["logp"] ?? []).map { -$0 * Double(rewards.count) }
        expect(found, try golden.list("advantages"), "advantages", in: golden)
        return true
    }

    /// GRPO's loss and gradient, in its four reductions, with and without the KL term.
    static func groupLoss(_ golden: GoldenCase) throws -> Bool {
        let options = ["loss_type", "beta", "eps", "hi", "max_completion_length"]
        guard Set(golden.inputs.keys).isSubset(of: tensors + options), let type = golden.text("loss_type"),
            ["grpo", "bnpo", "dr_grpo", "dapo"].contains(type)
        else { return false }
        try clippedGroupLoss(golden, type: type)
        return true
    }

    private static let tensors = ["logp", "old_logp", "ref_logp", "advantages", "mask"]

    /// OpenRLHF's policy loss: per token it is PPO's, per sequence it is GRPO's.
    static func surrogate(_ golden: GoldenCase) throws -> Bool {
        let options = ["clip_eps_low", "clip_eps_high", "token_level_loss"]
        guard Set(golden.inputs.keys).isSubset(of: tensors + options) else { return false }
        let isPerSequence = golden.name.contains("seq") || golden.option("token_level_loss") == 0
        if isPerSequence || golden.option("clip_eps_low") != golden.option("clip_eps_high") {
            // PPO's clip is symmetric, and its mean is over actions.
            try clippedGroupLoss(golden, type: isPerSequence ? "grpo" : "dapo")
            return true
        }
        let samples = try Samples(mask: golden.rows("mask"), behaviour: golden.rows("old_logp"))
        let logp = try golden.rows("logp").flatMap { $0 }
        let parameters = """
            {"prompts": 4, "epochs": 1, "baseline": "none", "kl_coef": 0, "whiten_advantages": false, \
            "clip_range": \(golden.option("clip_eps_low") ?? 0.2)}
            """
        let outputs = ["policy.logp": [logp], "reference.logp": [logp.map { _ in 0 }]]
        let record = try step(
            "PPO", "ppo", parameters, samples.script(rewards: try golden.list("advantages"), outputs: outputs))
        expect([record.losses[0].value], [try golden.number("loss")], "loss", in: golden)
        expect(record.losses[0].gradients["logp"] ?? [], try golden.rows("d_logp").flatMap { $0 }, "d_logp", in: golden)
        if golden.has("ppo_clip_ratio") {
            expect(
                [record.metric("policy/clipfrac_avg") ?? .nan], [try golden.number("ppo_clip_ratio")], "clip fraction", in: golden
            )
        }
        return true
    }

    /// Given advantages need rewards of mean 0 within their group: a further sequence, which has no action, takes what is missing.
    /// The means over sequences then count one more of them.
    private static func clippedGroupLoss(_ golden: GoldenCase, type: String) throws {
        var samples = try Samples(
            mask: golden.rows("mask"), behaviour: golden.rows("old_logp"), groups: golden.list("advantages").map { _ in 0 })
        let count = Double(samples.count)
        try samples.addSequenceWithoutAction()
        let advantages = try golden.list("advantages")
        let low = golden.option("eps") ?? golden.option("clip_eps_low") ?? 0.2
        let high = golden.option("hi") ?? golden.option("clip_eps_high") ?? low
        // The recorded dr_grpo case was run with max_completion_length = 8.
        let parameters = """
            {"prompts": 1, "samples": \(samples.count), "scale_rewards": "none", "loss_type": "\(type)", "epsilon": \(low), \
            "epsilon_high": \(high), "beta": \(golden.option("beta") ?? 0), \
            "max_completion_length": \(Int(golden.option("max_completion_length") ?? 8))}
            """
        let record = try step(
            "GRPO", "grpo", parameters,
            samples.script(
                rewards: advantages + [-advantages.reduce(0, +)],
                outputs: [
                    "policy.logp": [try golden.rows("logp").flatMap { $0 } + [0]],
                    "reference.logp": [try golden.rows("ref_logp").flatMap { $0 } + [0]],
                ]))
        let factor = type == "grpo" || type == "dr_grpo" ? (count + 1) / count : 1
        let gradient = (record.losses[0].gradients["logp"] ?? []).dropLast()
        expect([record.losses[0].value * factor], [try golden.number("loss")], "loss", in: golden)
        expect(gradient.map { $0 * factor }, try golden.rows("d_logp").flatMap { $0 }, "d_logp", in: golden)
        if golden.has("mean_kl_tokens") {
            expect([record.metric("kl") ?? .nan], [try golden.number("mean_kl_tokens")], "kl", in: golden)
        }
    }
}
