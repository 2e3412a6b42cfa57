import ZooKit
import ZooPlugins

// Trainers whose policies take Gaussian steps, with log-probabilities and KL that are means over the numbers of an action. Each case is
// run with the parameters of the preset that is called after its source.
extension Families {
    /// A whole rollout in one update.
    private static let whole: Settings = ["minibatches": "1"]

    private static func preset(_ golden: GoldenCase, _ changes: Settings) throws -> Settings {
        try .preset("GRPO", origin(golden) == .danceGRPO ? "grpo@dance-grpo" : "grpo@flow-grpo", changes)
    }

    static func gaussianAdvantage(_ golden: GoldenCase) throws -> Bool {
        try expectAdvantages(GroupRewards(golden).grpo(preset(golden, whole)), in: golden)
        return true
    }

    static func gaussianLoss(_ golden: GoldenCase) throws -> Bool {
        try expectAnswer(PolicyLoss(golden).grpo(preset(golden, [:])), in: golden)
        return true
    }

    /// GRPO's loss with the exact KL, and PPO's. `kl_factor` is what the source's term is of the KL that the case gives: 1 where it
    /// gives the source's own term.
    static func exactPenaltyLoss(_ golden: GoldenCase) throws -> Bool {
        let factor = try golden.number("kl_factor")
        let beta = json(try golden.number("beta") * factor)
        let loss = try PolicyLoss(golden)
        let grpo = try loss.grpo(preset(golden, factor == 1 ? [:] : ["beta": beta]))
        let ppo = try loss.ppo(
            .preset("PPO", "ppo@ddpo", ["kl_loss_coef": beta, "kl_loss_estimator": text("exact")]))
        for (answer, metric) in [(grpo, "kl"), (ppo, "actor/kl_loss")] {
            try expectAnswer(answer, in: golden)
            expect(
                answer.record.losses[0].gradients["kl:reference"] ?? [], try golden.rows("d_kl").flatMap { $0 }, "d_kl",
                in: golden)
            expect([answer.record.metric(metric) ?? .nan], [try golden.number("kl_mean")], metric, in: golden)
        }
        return true
    }

    /// DDPO's statistics: those of a prompt whose buffer these rewards fill, or of the batch.
    static func criticlessPresetAdvantage(_ golden: GoldenCase) throws -> Bool {
        let baseline: Settings = golden.mentions("young_buffer") ? ["baseline": text("batch_mean")] : [:]
        let settings = try Settings.preset("PPO", "ppo@ddpo", whole.with(baseline))
        try expectAdvantages(GroupRewards(golden).ppo(settings, whitens: settings["whiten_advantages"] == "true"), in: golden)
        return true
    }

    static func criticlessPresetLoss(_ golden: GoldenCase) throws -> Bool {
        try expectAnswer(PolicyLoss(golden).ppo(.preset("PPO", "ppo@ddpo")), in: golden)
        return true
    }
}
