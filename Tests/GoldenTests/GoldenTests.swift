import Testing

@Suite("golden cases")
struct GoldenTests {
    @Test("every case gives the recorded numbers", arguments: try GoldenCase.all())
    func recorded(golden: GoldenCase) throws {
        if try !Families.check(golden) { Issue.record("\(golden.name) is mapped to no plugin") }
    }

    @Test("the fixtures hold 74 cases, each with a name of its own")
    func complete() throws {
        let cases = try GoldenCase.fixtures()
        #expect(cases.count == 74)
        #expect(Set(cases.map(\.name)).count == cases.count)
    }
}

/// The golden cases by family.
enum Families {
    /// Checks the case; false where nothing here is of its name.
    static func check(_ golden: GoldenCase) throws -> Bool {
        switch golden.family {
        case "dpo_ref", "openrlhf_dpo", "trl_dpo": try preference(golden)
        case "trl_kto": try unpaired(golden)
        case "trl_grpo_adv": try groupAdvantage(golden)
        case "verl_adv": try verlAdvantage(golden)
        case "nemo_adv": try nemoAdvantage(golden)
        case "understand_r1_zero_adv": try monteCarloAdvantage(golden)
        case "trl_rloo_adv": try leaveOneOutAdvantage(golden)
        case "openrlhf_shape": try criticlessAdvantage(golden)
        case "trl_grpo_loss": try groupLoss(golden)
        case "verl_loss": try verlLoss(golden)
        case "openrlhf_loss": try surrogate(golden)
        case "openrlhf_kl", "verl_kl": try klEstimator(golden)
        case "verl_value_loss", "openrlhf_value_loss": try valueLoss(golden)
        case "openrlhf_shaped_reward": try shapedReward(golden)
        case "verl_gae", "openrlhf_gae", "torchtune_gae": try generalisedAdvantage(golden)
        case "trl_ppo_adv": try trlAdvantage(golden)
        case "adaptive_kl": try adaptiveKL(golden)
        case "diffusion_dpo", "sfo", "flow_dpo": try squaredErrors(golden)
        case "flow_grpo_adv", "dance_grpo_adv": try gaussianAdvantage(golden)
        case "flow_grpo_loss": try exactPenaltyLoss(golden)
        case "dance_grpo_loss": try gaussianLoss(golden)
        case "ddpo_adv": try criticlessPresetAdvantage(golden)
        case "ddpo_loss": try criticlessPresetLoss(golden)
        default: false
        }
    }
}
