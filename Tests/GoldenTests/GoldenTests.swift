import Testing

@Suite("golden cases")
struct GoldenTests {
    @Test("every case gives the recorded numbers", arguments: try GoldenCase.all())
    func recorded(golden: GoldenCase) throws {
        if try !Families.check(golden) { Issue.record("\(golden.name) is mapped to no plugin; it has \(golden.keys)") }
    }

    @Test("the fixtures hold 74 cases of sources, 22 by hand and 11 of corrections, each with a name of its own")
    func complete() throws {
        let cases = try GoldenCase.fixtures()
        #expect(cases.count == 74 + 22 + 11)
        #expect(Set(cases.map(\.name)).count == cases.count)
    }
}

/// The golden cases by what they contain.
enum Families {
    /// Whose numbers they are, where the same inputs have several answers.
    enum Origin {
        case trl, verl, openRLHF, nemo, torchtune, drGRPO, flowGRPO, danceGRPO, ddpo
    }

    /// As its source, or else its name says; nil where neither does.
    static func origin(_ golden: GoldenCase) -> Origin? {
        let names: [(Origin, [String])] = [
            (.openRLHF, ["openrlhf"]),
            (.verl, ["verl-project", "verl/", "verl_"]), (.nemo, ["nemo"]), (.torchtune, ["torchtune"]),
            (.drGRPO, ["understand-r1-zero", "understand_r1_zero"]), (.danceGRPO, ["dancegrpo", "dance_grpo"]),
            (.flowGRPO, ["flow_grpo"]), (.ddpo, ["ddpo"]), (.trl, ["huggingface/trl", "trl_"]),
        ]
        for text in [golden.source ?? "", golden.name] {
            let text = text.lowercased()
            if let found = names.first(where: { $0.1.contains(where: text.contains) }) { return found.0 }
        }
        return nil
    }

    /// Checks the case; false where its keys are none that a plugin's mathematics answers to.
    static func check(_ golden: GoldenCase) throws -> Bool {
        if golden.has("error_w", "error_l") { return try squaredErrors(golden) }
        if golden.has("policy_chosen", "policy_rejected") {
            let isUnpaired = golden.has("policy_KL") || ["kto", "apo_zero_unpaired"].contains(golden.text("loss_type"))
            return try isUnpaired || golden.mentions("kto") ? unpaired(golden) : preference(golden)
        }
        if golden.has("kls") { return try adaptiveKL(golden) }
        if golden.has("last_token_index") { return try trlAdvantage(golden) }
        if golden.has("values", "old_values", "returns") { return try valueLoss(golden) }
        if golden.has("kl_k1", "score") { return try shapedReward(golden) }
        if golden.has("rewards", "values") { return try generalisedAdvantage(golden) }
        if golden.has("sampling_logp", "advantages") { return try correctedLoss(golden) }
        if golden.has("logp", "advantages") { return try policyLoss(golden) }
        if golden.has("logp", "ref_logp", "kl") { return try klEstimator(golden) }
        if golden.has("rewards") || golden.has("rewards_per_func") { return try outcomeAdvantage(golden) }
        return false
    }

    /// A loss of log-probabilities and advantages, by the trainer that has such inputs.
    private static func policyLoss(_ golden: GoldenCase) throws -> Bool {
        switch origin(golden) {
        case .ddpo: return try criticlessPresetLoss(golden)
        case .flowGRPO, .danceGRPO: return try golden.has("kl_factor") ? exactPenaltyLoss(golden) : gaussianLoss(golden)
        case .openRLHF: return try surrogate(golden)
        case .verl: return try verlLoss(golden)
        default: break
        }
        if golden.has("loss_type") { return try groupLoss(golden) }
        let isVerl = golden.has("loss_agg_mode") || golden.has("metrics")
        return try isVerl ? verlLoss(golden) : surrogate(golden)
    }

    /// Advantages of rewards alone, by the trainer.
    private static func outcomeAdvantage(_ golden: GoldenCase) throws -> Bool {
        switch origin(golden) {
        case .flowGRPO, .danceGRPO: return try gaussianAdvantage(golden)
        case .ddpo: return try criticlessPresetAdvantage(golden)
        case .openRLHF: return try criticlessAdvantage(golden)
        case .verl: return try verlAdvantage(golden)
        case .nemo: return try nemoAdvantage(golden)
        case .drGRPO: return try monteCarloAdvantage(golden)
        case .trl, .torchtune, nil: break
        }
        if golden.has("shaped") { return try criticlessAdvantage(golden) }
        if golden.has("leave_one_out") || golden.has("std") { return try nemoAdvantage(golden) }
        if golden.has("mask") && !golden.has("G") && !golden.has("groups") { return try returnAdvantage(golden) }
        return try golden.mentions("rloo") || golden.has("normalize") ? leaveOneOutAdvantage(golden) : groupAdvantage(golden)
    }
}
