import ZooKit
import ZooPlugins

/// Outcome rewards of groups, and the advantages that the plugins make of them, read off the gradient at ratio 1.
struct GroupRewards {
    var rewards: [Double]
    var groups: [Int]
    /// Of the reward, where it has several.
    var components: [(values: [Double], weight: Double)] = []
    /// Rows of actions; one each unless the case says otherwise.
    var mask: [[Double]]

    /// A case with groups and either `rewards` or `rewards_per_func`, in which null is a reward that cannot be given.
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
            // Rows are groups; beside a mask they are steps, whose sum is the reward.
            let rows = golden.inputs["rewards"]?.rows
            rewards =
                try golden.has("mask") ? rows?.map { $0.reduce(0, +) } ?? golden.list("rewards") : golden.flattened("rewards")
            if rewards.contains(where: \.isNaN) { components = [(rewards, 1)] }
        }
        groups = try Self.groups(golden, count: rewards.count)
        if let rows = golden.inputs["mask"]?.rows {
            mask = rows
        } else if golden.has("lengths") {
            mask = try golden.list("lengths").map { Array(repeating: 1, count: Int($0)) }
        } else {
            mask = rewards.map { _ in [1] }
        }
    }

    /// By the group of each reward, by the rows that they stand in, or by the size of all groups.
    private static func groups(_ golden: GoldenCase, count: Int) throws -> [Int] {
        if golden.has("groups") { return try golden.list("groups").map { Int($0) } }
        if golden.has("G") {
            let size = Int(try golden.number("G"))
            return (0..<count).map { $0 / size }
        }
        guard let rows = golden.inputs["rewards"]?.rows, !golden.has("mask") else {
            throw GoldenError(description: "\(golden.name): nothing says which rewards are of one group; it has \(golden.keys)")
        }
        return rows.enumerated().flatMap { index, row in row.map { _ in index } }
    }

    private var size: Int { groups.count { $0 == groups[0] } }
    /// Whether these are the means of the others of each group, and not of all of it; nil where no group tells.
    func isBaselineOfOthers(_ baseline: [Double]) -> Bool? {
        let scored = rewards.indices.filter { !rewards[$0].isNaN }
        let means = groupMeans(scored.map { rewards[$0] }, groups: scored.map { groups[$0] })
        let tells = zip(scored, means).filter { abs(rewards[$0.0] - $0.1) > 1e-3 }
        return tells.isEmpty ? nil : tells.contains { abs(baseline[$0.0] - $0.1) > 1e-6 }
    }

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
        let mean: Settings = [
            "loss_type": text("dapo"), "loss_agg_mode": text("by_loss_type"), "beta": "0", "log_kl": "false", "minibatches": "1",
            "dynamic_sampling": "0",
        ]
        let (gradient, samples, record) = try answer("GRPO", "grpo", settings.with(mean))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }

    /// A gradient is −A over the number of sequences.
    func rloo(_ settings: Settings) throws -> Answer {
        let (gradient, samples, record) = try answer("RLOO", "rloo", settings.with(["beta": "0"]))
        let count = settings["loss_agg_mode"] == text("token_mean") ? samples.batch.actionCount : samples.count
        return Answer(advantages: samples.firsts(gradient).map { -$0 * Double(count) }, record: record)
    }

    func ppo(_ settings: Settings, whitens: Bool = false) throws -> Answer {
        let plain: Settings = ["epochs": "1", "beta": "0", "whiten_advantages": "\(whitens)"]
        let (gradient, samples, record) = try answer("PPO", "ppo", settings.with(plain))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }

    func reinforcePlusPlus(_ settings: Settings) throws -> Answer {
        let (gradient, samples, record) = try answer(
            "ReinforcePlusPlus", "reinforce-plus-plus", settings.with(["beta": "0", "kl_loss_coef": "0"]))
        let actions = Double(samples.batch.actionCount)
        return Answer(advantages: samples.firsts(gradient).map { -$0 * actions }, record: record)
    }
}

extension Families {
    /// Advantages of a list per sequence, or of rows of steps whose first counts.
    static func expectAdvantages(_ answer: GroupRewards.Answer, _ key: String = "advantages", in golden: GoldenCase)
        throws
    {
        let rows = golden.outputs[key]?.rows
        let count = answer.advantages.count
        // Rows are groups of sequences, or sequences of steps of which the first counts.
        let isByGroup = rows.map { $0.joined().count == count && $0.count < count } ?? false
        let expected = try isByGroup ? golden.flattened(key) : rows?.map { $0.first ?? .nan } ?? golden.list(key)
        // What has no advantage at the source, for it cannot be scored, has 0 here.
        expect(answer.advantages, expected.map { $0.isNaN ? 0 : $0 }, key, in: golden)
    }

    /// GRPO's advantages by TRL's names.
    static func groupAdvantage(_ golden: GoldenCase) throws -> Bool {
        let order =
            golden.text("multi_objective_aggregation") ?? (golden.mentions("normalize_then_sum") ? "normalize_then_sum" : "")
        let normalizesFirst = order == "normalize_then_sum"
        // TRL takes true for its groups, and false for nothing.
        let scale =
            golden.text("scale_rewards") ?? golden.flag("scale_rewards").map { $0 ? "group" : "none" }
            ?? ["batch", "none"].first { golden.name.hasSuffix($0) || golden.name.contains("/\($0)") } ?? "group"
        let answer = try GroupRewards(golden).grpo([
            "scale_rewards": text(scale),
            "multi_objective_aggregation": text(normalizesFirst ? "normalize_then_sum" : "sum_then_normalize"),
            // Without a policy an ε is the deviation's.
            "advantage_epsilon": json(golden.option("low") ?? 1e-4),
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
        let normalize = golden.flag("normalize") ?? golden.mentions("normalize=true")
        let answer = try GroupRewards(golden).rloo(["normalize_advantages": "\(normalize)"])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// verl's estimators by name, each by the plugin that has it.
    static func verlAdvantage(_ golden: GoldenCase) throws -> Bool {
        // The longer names first, for they contain others.
        let names = ["reinforce_plus_plus_baseline", "reinforce_plus_plus", "opo", "rloo", "dr_grpo", "grpo"]
        let asked = golden.text("adv_estimator")
        guard let name = names.first(where: { asked == $0 || asked == nil && golden.mentions($0) }) else { return false }
        if name == "reinforce_plus_plus" { return try returnAdvantage(golden) }
        let samples = try GroupRewards(golden)
        switch name {
        case "grpo" where golden.flag("by_std") ?? !golden.mentions("=false"):
            try expectAdvantages(samples.grpo(["scale_rewards": text("group"), "advantage_epsilon": "1e-6"]), in: golden)
        case "grpo", "dr_grpo": try expectAdvantages(samples.grpo(["scale_rewards": text("none")]), in: golden)
        case "opo":
            try expectAdvantages(
                samples.grpo(["scale_rewards": text("none"), "baseline": text("length_weighted")]), in: golden)
        case "rloo": try expectAdvantages(samples.rloo([:]), in: golden)
        default: try expectAdvantages(samples.reinforcePlusPlus(["baseline": text("group_mean")]), in: golden)
        }
        return true
    }

    /// NeMo-RL's, with the mean and the deviation of the others or of all.
    static func nemoAdvantage(_ golden: GoldenCase) throws -> Bool {
        let samples = try GroupRewards(golden)
        // A recorded baseline says whose mean it is.
        let ofOthers = golden.has("baseline") ? try samples.isBaselineOfOthers(golden.flattened("baseline")) : nil
        let isLeaveOneOut = golden.flag("leave_one_out") ?? ofOthers ?? golden.mentions("true")
        let answer = try samples.grpo([
            "baseline": text(isLeaveOneOut ? "leave_one_out" : "group_mean"), "scale_rewards": text("group"),
            "advantage_epsilon": "1e-6",
        ])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// The two of the Dr. GRPO authors' code.
    static func monteCarloAdvantage(_ golden: GoldenCase) throws -> Bool {
        let isScaled = !["drgrpo", "dr_grpo"].contains { golden.name.contains($0) }
        let answer = try GroupRewards(golden).grpo([
            "scale_rewards": text(isScaled ? "group" : "none"), "advantage_epsilon": "1e-8",
        ])
        try expectAdvantages(answer, in: golden)
        return true
    }

    /// OpenRLHF's shaping of rewards before the KL: RLOO and PPO without a critic, GRPO.
    static func criticlessAdvantage(_ golden: GoldenCase) throws -> Bool {
        let samples = try GroupRewards(golden)
        let names = ["rloo", "reinforce_baseline", "dr_grpo", "group_norm"]
        let asked = golden.text("advantage_estimator")
        let name = names.first { asked == $0 || asked == nil && golden.name.contains($0) }
        let answers: [GroupRewards.Answer]
        switch name {
        case "rloo":
            let openRLHF: Settings = [
                "kl_position": text("after_baseline"), "importance_sampling_level": text("token"),
                "loss_agg_mode": text("token_mean"),
            ]
            answers = try [samples.ppo(["baseline": text("leave_one_out")]), samples.rloo(openRLHF), samples.rloo([:])]
        case "reinforce_baseline", "dr_grpo":
            answers = try [samples.ppo(["baseline": text("group_mean")]), samples.grpo(["scale_rewards": text("none")])]
        case "group_norm":
            answers = try [samples.grpo(["scale_rewards": text("group"), "advantage_epsilon": "1e-9"])]
        default: return false
        }
        for answer in answers { try expectAdvantages(answer, "shaped", in: golden) }
        return answers.allSatisfy { !$0.record.roles.contains("critic") }
    }
}
