import ZooKit
import ZooPlugins

extension Families {
    /// Losses of samples that another policy drew: each by the plugins that have it, with its weights' metrics.
    static func correctedLoss(_ golden: GoldenCase) throws -> Bool {
        guard let correction = golden.text("correction") else { return false }
        let loss = try PolicyLoss(golden)
        let own: Settings = [
            "importance_correction": text(correction), "importance_correction_cap": json(try golden.number("cap")),
        ]
        let answers: [PolicyLoss.Answer]
        if let type = golden.text("loss_type") {
            answers = [try loss.grpo(trlSettings(golden, type: type).with(own))]
        } else if golden.has("rewards") {
            let plain: Settings = [
                "prompts": json(Double(loss.advantages.count)), "beta": "0", "kl_loss_coef": "0", "dual_clip": "null",
            ]
            answers = [
                try loss.answer(
                    "ReinforcePlusPlus", "reinforce-plus-plus", plain.with(own), rewards: golden.list("rewards"))
            ]
        } else {
            answers = try perToken(golden, loss, own) + leaveOneOut(golden, loss, own)
        }
        for answer in answers {
            try expectAnswer(answer, in: golden)
            let metrics = [
                ("ratio_min", "sampling/importance_sampling_ratio/min"),
                ("ratio_mean", "sampling/importance_sampling_ratio/mean"),
                ("ratio_max", "sampling/importance_sampling_ratio/max"),
                ("difference_mean", "sampling/sampling_logp_difference/mean"),
                ("difference_max", "sampling/sampling_logp_difference/max"),
            ]
            for (key, metric) in metrics where golden.has(key) {
                expect([answer.record.metric(metric) ?? .nan], [try golden.number(key)], metric, in: golden)
            }
        }
        return !answers.isEmpty
    }

    /// The mean over tokens: GRPO's and PPO's.
    private static func perToken(_ golden: GoldenCase, _ loss: PolicyLoss, _ own: Settings) throws -> [PolicyLoss.Answer] {
        guard golden.text("level") == "token" else { return [] }
        let clips = own.with(["clip_range": "0.2", "dual_clip": json(golden.option("dual_clip"))])
        return [try loss.grpo(clips.with(["loss_type": text("dapo"), "beta": "0"])), try loss.ppo(clips)]
    }

    /// RLOO's. Advantages that add up to 0 are those of rewards (k − 1)/k times as large; its mean is over sequences or over tokens, and
    /// its clip has no second bound.
    private static func leaveOneOut(_ golden: GoldenCase, _ loss: PolicyLoss, _ own: Settings) throws -> [PolicyLoss.Answer] {
        let count = Double(loss.advantages.count)
        guard golden.option("dual_clip") == nil else { return [] }
        let settings: Settings = [
            "prompts": "1", "samples": json(count), "beta": "0", "importance_sampling_level": text(golden.text("level") ?? ""),
            "loss_agg_mode": text(golden.text("loss_agg_mode") == "token" ? "token_mean" : "seq_mean_token_sum"),
        ]
        return [
            try loss.answer(
                "RLOO", "rloo", settings.with(own), rewards: loss.advantages.map { $0 * (count - 1) / count })
        ]
    }
}
