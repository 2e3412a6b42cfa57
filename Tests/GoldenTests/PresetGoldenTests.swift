import Testing
import ZooData
import ZooKit
import ZooPlugins

/// Each preset's own parameters give the numbers of the source that it is called after. What a case fixes otherwise than the source's
/// default, such as another ε, is changed and stands beside it.
@Suite("presets against golden cases")
struct PresetGoldenTests {
    private func golden(_ name: String) throws -> GoldenCase {
        try #require(GoldenCase.fixtures().first { $0.name == name })
    }

    @Test(
        "a policy loss of grpo",
        arguments: [
            ("deepseekmath", "trl_grpo_loss/grpo_beta0.04", [:]), ("trl", "trl_grpo_loss/dapo", [:]),
            ("dr-grpo", "trl_grpo_loss/dr_grpo", ["max_completion_length": "8"]),
            ("dapo", "trl_grpo_loss/dapo", ["clip_range_high": "0.2"]), ("cispo", "trl_grpo_loss/cispo_hi5", [:]),
            ("gspo", "trl_grpo_loss/gspo(grpo,sequence)", ["clip_range": "0.05", "clip_range_high": "0.05"]),
            ("verl", "verl_loss/vanilla/token-mean", [:]),
            ("verl", "verl_loss/vanilla/seq-mean-token-mean", ["loss_agg_mode": text("seq_mean_token_mean")]),
            ("verl", "verl_loss/vanilla/seq-mean-token-sum-norm", ["loss_agg_mode": text("seq_mean_token_sum_norm")]),
            ("verl", "verl_loss/cispo/token-mean", ["loss_type": text("cispo"), "clip_range_high": "0.5"]),
            ("openrlhf", "openrlhf_loss/ppo_token", ["beta": "0"]), ("nemo", "openrlhf_loss/ppo_token", ["beta": "0"]),
        ] as [(String, String, Settings)])
    func policyLoss(preset: String, name: String, changes: Settings) throws {
        let golden = try golden(name)
        let answer = try PolicyLoss(golden).grpo(Settings.preset("GRPO", "grpo@\(preset)", changes))
        try Families.expectAnswer(answer, in: golden)
    }

    @Test(
        "advantages of grpo",
        arguments: [
            ("deepseekmath", "trl_grpo_adv/group"), ("trl", "trl_grpo_adv/group"), ("dapo", "trl_grpo_adv/group"),
            ("dr-grpo", "trl_grpo_adv/none"), ("verl", "verl_adv/grpo"), ("nemo", "nemo_adv/loo=True"),
        ])
    func groupAdvantage(preset: String, name: String) throws {
        let golden = try golden(name)
        let answer = try GroupRewards(golden).grpo(Settings.preset("GRPO", "grpo@\(preset)", [:]))
        try Families.expectAdvantages(answer, in: golden)
    }

    @Test("a policy loss of ppo", arguments: [("verl", "verl_loss/vanilla/token-mean"), ("openrlhf", "openrlhf_loss/ppo_token")])
    func ppoLoss(preset: String, name: String) throws {
        let golden = try golden(name)
        try Families.expectAnswer(PolicyLoss(golden).ppo(Settings.preset("PPO", "ppo@\(preset)", [:])), in: golden)
    }

    @Test(
        "values, returns and advantages of ppo",
        arguments: [
            ("openrlhf", "openrlhf_value_loss/clip0.5", [:]), ("openrlhf", "openrlhf_shaped_reward", [:]),
            ("openrlhf", "openrlhf_gae/lam0.95", ["lambda": "0.95"]),
            ("verl", "verl_value_loss/clip0.2", ["clip_range_value": "0.2"]),
            ("verl", "verl_gae/lam0.95", ["lambda": "0.95"]), ("torchtune", "torchtune_gae/lam0.95", [:]),
            ("trl", "trl_ppo_adv/k1_whitenrewards=False", [:]), ("trl", "verl_value_loss/clip0.2", [:]),
            ("nemo", "verl_value_loss/clip0.2", [:]),
            // The cases have no penalty for a missing end.
            ("n-plus", "trl_ppo_adv/k1_whitenrewards=False", ["missing_eos_score": "null"]),
        ] as [(String, String, Settings)])
    func critic(preset: String, name: String, changes: Settings) throws {
        let golden = try golden(name)
        let settings = try Settings.preset("PPO", "ppo@\(preset)", changes)
        let isChecked =
            switch golden.name.prefix(while: { $0 != "/" }) {
            case "openrlhf_value_loss", "verl_value_loss":
                // The steps of a value loss's cases all count; none is behind an end.
                try Families.valueLoss(golden, variant: settings.with(["score_position": text("last_action")]))
            case "openrlhf_shaped_reward": try Families.shapedReward(golden, variant: settings)
            case "trl_ppo_adv": try Families.trlAdvantage(golden, variant: settings)
            default: try Families.generalisedAdvantage(golden, variant: settings)
            }
        #expect(isChecked)
    }

    @Test(
        "advantages of rloo",
        arguments: [
            ("trl", "trl_rloo_adv/normalize=False", "advantages"), ("paper", "trl_rloo_adv/normalize=False", "advantages"),
            ("openrlhf", "openrlhf_shape/rloo", "shaped"),
        ])
    func leaveOneOut(preset: String, name: String, key: String) throws {
        let golden = try golden(name)
        let answer = try GroupRewards(golden).rloo(Settings.preset("RLOO", "rloo@\(preset)", [:]))
        try Families.expectAdvantages(answer, key, in: golden)
    }

    @Test("advantages of reinforce-plus-plus", arguments: ["paper", "verl"])
    func reinforcePlusPlus(preset: String) throws {
        let settings = try Settings.preset("ReinforcePlusPlus", "reinforce-plus-plus@\(preset)", [:])
        #expect(try Families.returnAdvantage(golden("verl_adv/reinforce_plus_plus"), variant: settings))
    }
}
