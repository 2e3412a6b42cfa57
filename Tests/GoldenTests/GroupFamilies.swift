import ZooHost
import ZooKit

/// Outcome rewards of groups, and the advantages that the plugins make of them, read off the gradient at ratio 1.
struct GroupRewards {
    var rewards: [Double]
    var groups: [Int]
    /// Of the reward, where it has several.
    var components: [(values: [Double], weight: Double)] = []
    /// Rows of actions; one each unless the case says otherwise.
    var mask: [[Double]]

    /// A case with `G` and either `rewards` or `rewards_per_func`, in which null is a reward that cannot be given.
    init(_ golden: GoldenCase) throws {
        if golden.has("rewards_per_func") {
            let rows = try golden.rows("rewards_per_func")
            let count = rows.first?.count ?? 0
            let weights = golden.has("weights") ? try golden.list("weights") : Array(repeating: 1, count: count)
            components = (0..<count).map { k in (rows.map { $0[k] }, weights[k]) }
            rewards = rows.map { row in
                let scored = zip(row, weights).filter { !$0.0.isNaN }
                return scored.isEmpty ? .nan : scored.reduce(0) { $0 + $1.0 * $1.1 }
            }
        } else {
            rewards = try golden.list("rewards")
            if rewards.contains(where: \.isNaN) { components = [(rewards, 1)] }
        }
        let size = Int(try golden.number("G"))
        groups = rewards.indices.map { $0 / size }
        if golden.has("mask") {
            mask = try golden.rows("mask")
        } else if let key = ["lengths", "lens", "len", "response_lengths", "response_length"].first(where: golden.has) {
            mask = try golden.list(key).map { Array(repeating: 1, count: Int($0)) }
        } else {
            mask = rewards.map { _ in [1] }
        }
    }

    private var size: Int { groups.count { $0 == 0 } }
    private var zeros: [[Double]] { mask.map { $0.map { _ in 0 } } }

    /// The first gradient of the policy by log π and everything else that the plugin did.
    private func answer(_ library: String, _ id: String, _ settings: Settings) throws -> (
        gradient: [Double], samples: Samples, record: ScriptedHost.Record
    ) {
        let samples = Samples(mask: mask, behaviour: zeros, groups: groups)
        let all = settings.with(["prompts": json(Double(groups.count / size)), "samples": json(Double(size))])
        let flat = zeros.flatMap { $0 }
        let record = try step(
            library, id, all.object,
            samples.script(
                rewards: rewards, components: components, outputs: ["policy.logp": [flat], "reference.logp": [flat]]))
        return (record.losses[0].gradients["logp"] ?? [], samples, record)
    }

    struct Answer {
        /// Per sequence.
        let advantages: [Double]
        let record: ScriptedHost.Record
    }

    /// With the mean over tokens a gradient is −A over the number of actions.
    func grpo(_ settings: Settings) throws -> Answer {
        let mean: Settings = ["loss_type": text("dapo"), "loss_agg_mode": text("by-loss-type"), "beta": "0", "log_kl": "false"]
        let (gradient, samples, record) = try answer("GRPO", "grpo", settings.with(mean))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }

    /// A gradient is −A over the number of sequences.
    func rloo(_ settings: Settings) throws -> Answer {
        let (gradient, samples, record) = try answer("RLOO", "rloo", settings.with(["beta": "0"]))
        let count = settings["loss_agg_mode"] == text("token-mean") ? samples.batch.actionCount : samples.count
        return Answer(advantages: samples.firsts(gradient).map { -$0 * Double(count) }, record: record)
    }

    func ppo(_ settings: Settings, whitens: Bool = false) throws -> Answer {
        let plain: Settings = ["epochs": "1", "kl_coef": "0", "whiten_advantages": "\(whitens)"]
        let (gradient, samples, record) = try answer("PPO", "ppo", settings.with(plain))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }

    func reinforcePlusPlus(_ settings: Settings) throws -> Answer {
        let (gradient, samples, record) = try answer(
            "ReinforcePlusPlus", "reinforce-plus-plus", settings.with(["kl_coef": "0", "kl_loss_coef": "0"]))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }
}

extension Families {
    /// Advantages of a list per sequence, or of rows of steps whose first counts.
    static func expectAdvantages(_ answer: GroupRewards.Answer, _ key: String = "advantages", in golden: GoldenCase)
        throws
    {
        let expected = try golden.outputs[key]?.rows?.map { $0.first ?? .nan } ?? golden.list(key)
        expect(answer.advantages, expected, key, in: golden)
    }

    /// GRPO's advantages by TRL's names.
    static func groupAdvantage(_ golden: GoldenCase) throws -> Bool {
        let known: Set = ["rewards", "rewards_per_func", "weights", "G", "scale_rewards", "multi_objective_aggregation"]
        guard Set(golden.inputs.keys).isSubset(of: known) else { return false }
        let normalizesFirst =
            golden.text("multi_objective_aggregation") == "normalize_then_sum" || golden.name.contains("normalize_then_sum")
        let scale = golden.text("scale_rewards") ?? ["batch", "none"].first(where: golden.variant.hasPrefix) ?? "group"
        let answer = try GroupRewards(golden).grpo([
            "scale_rewards": text(scale),
            "multi_objective_aggregation": text(normalizesFirst ? "normalize_then_sum" : "sum_then_normalize"),
        ])
        try expectAdvantages(answer, in: golden)
        // Where the batch's deviation divides, TRL looks at that for dead groups, and finds none.
        if scale != "batch", !normalizesFirst, golden.has("frac_reward_zero_std") {
            let share = answer.record.metric("frac_reward_zero_std") ?? .nan
            expect([share], [try golden.number("frac_reward_zero_std")], "frac_reward_zero_std", in: golden)
        }
        return true
    }

    /// RLOO's advantages.
    static func leaveOneOutAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard Set(golden.inputs.keys).isSubset(of: ["rewards", "G", "normalize", "normalize_advantages"]) else { return false }
        let normalize =
            golden.option("normalize", "normalize_advantages").map { $0 != 0 } ?? golden.name.contains("normalize=True")
        let answer = try GroupRewards(golden).rloo(["normalize_advantages": "\(normalize)"])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// verl's estimators by name, each by the plugin that has it.
    static func verlAdvantage(_ golden: GoldenCase) throws -> Bool {
        if golden.variant == "reinforce_plus_plus" { return try returnAdvantage(golden) }
        let known: Set = ["rewards", "G", "mask", "lengths", "lens", "len", "response_lengths", "response_length"]
        guard Set(golden.inputs.keys).isSubset(of: known) else { return false }
        let samples = try GroupRewards(golden)
        switch golden.variant.prefix(while: { $0 != "(" && $0 != "/" }) {
        case "grpo" where !golden.name.contains("=False"):
            try expectAdvantages(samples.grpo(["scale_rewards": text("group"), "advantage_epsilon": "1e-6"]), in: golden)
        case "grpo", "dr_grpo": try expectAdvantages(samples.grpo(["scale_rewards": text("none")]), in: golden)
        case let name where name.hasPrefix("opo"):
            try expectAdvantages(
                samples.grpo(["scale_rewards": text("none"), "baseline": text("length-weighted")]), in: golden)
        case "rloo": try expectAdvantages(samples.rloo([:]), in: golden)
        case "reinforce_plus_plus_baseline":
            try expectAdvantages(samples.reinforcePlusPlus(["baseline": text("group-mean")]), in: golden)
        default: return false
        }
        return true
    }

    /// NeMo-RL's, with the mean and the deviation of the others or of all.
    static func nemoAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard Set(golden.inputs.keys).isSubset(of: ["rewards", "G", "loo", "use_leave_one_out_baseline"]) else { return false }
        let isLeaveOneOut =
            golden.option("loo", "use_leave_one_out_baseline").map { $0 != 0 } ?? golden.name.contains("True")
        let answer = try GroupRewards(golden).grpo([
            "baseline": text(isLeaveOneOut ? "leave-one-out" : "group-mean"), "scale_rewards": text("group"),
            "advantage_epsilon": "1e-6",
        ])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// The two of the Dr. GRPO authors' code.
    static func monteCarloAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard Set(golden.inputs.keys).isSubset(of: ["rewards", "G"]) else { return false }
        let isScaled = golden.variant == "grpo"
        guard isScaled || ["drgrpo", "dr_grpo"].contains(golden.variant) else { return false }
        let answer = try GroupRewards(golden).grpo([
            "scale_rewards": text(isScaled ? "group" : "none"), "advantage_epsilon": "1e-8",
        ])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// OpenRLHF's shaping of rewards before the KL: RLOO and PPO without a critic, GRPO.
    static func criticlessAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard Set(golden.inputs.keys).isSubset(of: ["rewards", "G"]) else { return false }
        let samples = try GroupRewards(golden)
        let answers: [GroupRewards.Answer]
        switch golden.variant {
        case "rloo":
            let openRLHF: Settings = [
                "kl_position": text("after-baseline"), "ratio": text("token"), "loss_agg_mode": text("token-mean"),
            ]
            answers = try [samples.ppo(["baseline": text("leave-one-out")]), samples.rloo(openRLHF), samples.rloo([:])]
        case "reinforce_baseline", "dr_grpo":
            answers = try [samples.ppo(["baseline": text("group-mean")]), samples.grpo(["scale_rewards": text("none")])]
        case "group_norm":
            answers = try [samples.grpo(["scale_rewards": text("group"), "advantage_epsilon": "1e-9"])]
        default: return false
        }
        for answer in answers { try expectAdvantages(answer, "shaped", in: golden) }
        return answers.allSatisfy { !$0.record.roles.contains("critic") }
    }
}
