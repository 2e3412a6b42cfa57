import ZooHost
import ZooKit

/// The tensors of a policy loss, and a plugin's answer to them: its loss, its gradient and its metrics.
struct PolicyLoss {
    var mask: [[Double]]
    var logp: [[Double]]
    var oldLogp: [[Double]]
    var referenceLogp: [[Double]]
    /// The exact KL of each step, where the case has one.
    var kl: [[Double]]?
    /// Per sequence.
    var advantages: [Double]

    init(_ golden: GoldenCase) throws {
        mask = try golden.rows("mask")
        logp = try golden.rows("logp")
        oldLogp = try golden.rows("old_logp")
        referenceLogp = golden.has("ref_logp") ? try golden.rows("ref_logp") : logp
        kl = golden.has("kl") ? try golden.rows("kl") : nil
        advantages = try golden.list("advantages")
    }

    /// One sequence by itself.
    func sequence(_ index: Int) -> PolicyLoss {
        var one = self
        one.mask = [mask[index]]
        one.logp = [logp[index]]
        one.oldLogp = [oldLogp[index]]
        one.referenceLogp = [referenceLogp[index]]
        one.kl = kl.map { [$0[index]] }
        one.advantages = [advantages[index]]
        return one
    }

    struct Answer {
        var loss: Double
        /// One after the other, as the case's rows are.
        var gradient: [Double]
        let record: ScriptedHost.Record
    }

    private func answer(_ library: String, _ id: String, _ settings: Settings) throws -> Answer {
        let samples = Samples(mask: mask, behaviour: oldLogp, groups: advantages.map { _ in 0 })
        let record = try step(
            library, id, settings.object,
            samples.script(
                rewards: advantages,
                outputs: [
                    "policy.logp": [logp.flatMap { $0 }], "reference.logp": [referenceLogp.flatMap { $0 }],
                    "policy.kl:reference": [(kl ?? []).flatMap { $0 }],
                ]))
        return Answer(loss: record.losses[0].value, gradient: record.losses[0].gradients["logp"] ?? [], record: record)
    }

    /// GRPO's answer; without a baseline a reward is the advantage.
    func grpo(_ settings: Settings) throws -> Answer {
        let rewards: Settings = [
            "prompts": "1", "samples": json(Double(max(2, advantages.count))), "baseline": text("none"),
            "scale_rewards": text("none"), "num_iterations": "1", "minibatches": "1",
        ]
        return try answer("GRPO", "grpo", settings.with(rewards))
    }

    /// PPO's answer without a critic: the score of the last action is the advantage of all where γ is 1.
    func ppo(_ settings: Settings) throws -> Answer {
        let rewards: Settings = [
            "prompts": json(Double(advantages.count)), "samples": "1", "epochs": "1", "minibatches": "1",
            "baseline": text("none"),
            "whiten_advantages": "false", "gamma": "1", "kl_coef": "0", "missing_eos": text("none"),
        ]
        return try answer("PPO", "ppo", settings.with(rewards))
    }
}

extension Families {
    static func expectAnswer(_ answer: PolicyLoss.Answer, in golden: GoldenCase) throws {
        expect([answer.loss], [try golden.number("loss")], "loss", in: golden)
        expect(answer.gradient, try golden.rows("d_logp").flatMap { $0 }, "d_logp", in: golden)
    }

    private static let tensors: Set = ["logp", "old_logp", "ref_logp", "advantages", "mask"]

    /// GRPO's losses by TRL's names.
    static func groupLoss(_ golden: GoldenCase) throws -> Bool {
        let known = tensors.union([
            "loss_type", "beta", "eps", "hi", "epsilon", "epsilon_low", "epsilon_high", "delta", "level",
            "importance_sampling_level", "max_completion_length", "bias_correction", "use_bias_correction_kl",
            "sapo_temperature_pos", "sapo_temperature_neg", "vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg",
            "vespo_lambda_neg",
        ])
        guard Set(golden.inputs.keys).isSubset(of: known), let type = golden.text("loss_type") else { return false }
        let loss = try PolicyLoss(golden)
        let settings = trlSettings(golden, type: type)
        switch type {
        case "grpo", "bnpo", "dr_grpo", "dapo", "sapo", "cispo":
            let answer = try loss.grpo(settings)
            try expectAnswer(answer, in: golden)
            if golden.has("mean_kl_tokens"), settings["use_bias_correction_kl"] == "false" {
                expect([answer.record.metric("kl") ?? .nan], [try golden.number("mean_kl_tokens")], "kl", in: golden)
            }
        case "luspo": try expectLengthWeighted(loss, settings, in: golden)
        case "vespo": try expectGammaWeighted(loss, settings, in: golden)
        default: return false
        }
        return true
    }

    static func trlSettings(_ golden: GoldenCase, type: String) -> Settings {
        let low = golden.option("eps", "epsilon", "epsilon_low") ?? 0.2
        let level = golden.text("level") ?? golden.text("importance_sampling_level") ?? "token"
        let corrects =
            golden.option("bias_correction", "use_bias_correction_kl").map { $0 != 0 } ?? golden.name.contains("bias")
        var settings: Settings = [
            "loss_type": text(type), "epsilon": json(low), "importance_sampling_level": text(level),
            "epsilon_high": json(golden.option("hi", "epsilon_high") ?? low), "delta": json(golden.option("delta")),
            "beta": json(golden.option("beta") ?? 0), "use_bias_correction_kl": "\(corrects)",
            // The recorded dr_grpo case was run with max_completion_length = 8.
            "max_completion_length": json(golden.option("max_completion_length") ?? 8),
        ]
        for key in golden.inputs.keys where key.hasPrefix("sapo_") || key.hasPrefix("vespo_") {
            settings[key] = json(golden.option(key))
        }
        return settings
    }

    /// TRL's luspo is a mean over rows of T steps, padding included, of a step's loss times the row's length n. A sequence by itself
    /// whose padding counts gives its sum over T steps; with A and β times n/T that is TRL's. At the level of sequences the surrogate
    /// is the same for all steps and only β needs the factor, for the padding has no KL.
    private static func expectLengthWeighted(_ loss: PolicyLoss, _ settings: Settings, in golden: GoldenCase) throws {
        let isPerToken = settings["importance_sampling_level"] == text("token")
        let sequences = Double(loss.advantages.count)
        var (value, gradient) = (0.0, [Double]())
        for index in loss.advantages.indices {
            var one = loss.sequence(index)
            let share = one.mask[0].reduce(0, +) / Double(one.mask[0].count)
            if isPerToken {
                one.mask[0] = one.mask[0].map { _ in 1 }
                one.advantages[0] *= share
            }
            let answer = try one.grpo(settings.with(["beta": json((golden.option("beta") ?? 0) * share)]))
            value += answer.loss / sequences
            gradient += answer.gradient.map { $0 / sequences }
        }
        expect([value], [try golden.number("loss")], "loss", in: golden)
        expect(gradient, try golden.rows("d_logp").flatMap { $0 }, "d_logp", in: golden)
    }

    /// TRL counts vespo's φ as a constant. The recorded cases were run without that, on the function lifted out of its no_grad, so
    /// their gradient is −A/N·(φ + φ′·Σ log π), where φ′ = φ·(k − λw): that of the plugin times 1 + (k − λw)·Σ log π of its sequence.
    private static func expectGammaWeighted(_ loss: PolicyLoss, _ settings: Settings, in golden: GoldenCase) throws {
        let answer = try loss.grpo(settings)
        expect([answer.loss], [try golden.number("loss")], "loss", in: golden)
        let recorded = try golden.rows("d_logp").flatMap { $0 }
        let isConstant = zip(answer.gradient, recorded).allSatisfy { abs($0 - $1) <= golden.tolerance }
        guard !isConstant, golden.option("beta") ?? 0 == 0 else {
            return expect(answer.gradient, recorded, "d_logp", in: golden)
        }
        let factors = loss.advantages.indices.flatMap { index in
            let isPositive = loss.advantages[index] >= 0
            let k = golden.option(isPositive ? "vespo_k_pos" : "vespo_k_neg") ?? (isPositive ? 2 : 3)
            let lambda = golden.option(isPositive ? "vespo_lambda_pos" : "vespo_lambda_neg") ?? (isPositive ? 3 : 2)
            func sum(_ rows: [[Double]]) -> Double { zip(rows[index], loss.mask[index]).reduce(0) { $0 + $1.0 * $1.1 } }
            let ratio = exp(sum(loss.logp) - sum(loss.oldLogp))
            return loss.mask[index].map { _ in 1 + (k - lambda * ratio) * sum(loss.logp) }
        }
        expect(zip(answer.gradient, factors).map { $0 * $1 }, recorded, "d_logp", in: golden)
    }

    /// verl's policy losses: GRPO's, and for the plain one with a mean over tokens PPO's.
    static func verlLoss(_ golden: GoldenCase) throws -> Bool {
        let known = tensors.union([
            "clip_low", "clip_high", "clip_ratio_c", "loss_agg_mode", "loss_scale_factor", "tau_pos", "tau_neg",
        ])
        guard Set(golden.inputs.keys).isSubset(of: known) else { return false }
        let loss = try PolicyLoss(golden)
        let mode = String(golden.variant.prefix { $0 != "/" })
        let low = golden.option("clip_low") ?? 0.2
        let means = golden.text("loss_agg_mode") ?? golden.variant.split(separator: "/").last.map(String.init) ?? "token-mean"
        var settings: Settings = [
            "loss_type": text("grpo"), "loss_agg_mode": text(means), "epsilon": json(low), "beta": "0",
            "epsilon_high": json(golden.option("clip_high") ?? low), "dual_clip": json(golden.option("clip_ratio_c") ?? 3),
            "max_completion_length": json(golden.option("loss_scale_factor") ?? Double(loss.mask.map(\.count).max() ?? 1)),
        ]
        switch mode {
        case "vanilla": break
        case "gspo":
            settings = settings.with(["importance_sampling_level": text("sequence"), "dual_clip": "null"])
            settings["loss_agg_mode"] = text("seq-mean-token-mean")  // whatever the case asks for, as in verl
        case "cispo": settings = settings.with(["loss_type": text("cispo"), "cispo_clip": text("both"), "dual_clip": "null"])
        case "sapo":
            settings = settings.with([
                "loss_type": text("sapo"), "sapo_temperature_pos": json(golden.option("tau_pos") ?? 1),
                "sapo_temperature_neg": json(golden.option("tau_neg") ?? 1.05),
            ])
        default: return false
        }
        let answer = try loss.grpo(settings)
        try expectAnswer(answer, in: golden)
        // verl counts tokens; with a ratio per sequence GRPO counts sequences, as TRL does.
        let metrics: [String: String] =
            switch mode {
            case "vanilla":
                ["actor/pg_clipfrac": "clip_ratio/region_mean", "actor/pg_clipfrac_lower": "actor/pg_clipfrac_lower"]
            case "cispo": ["actor/pg_clipfrac": "cispo_clip_ratio"]
            default: [:]
            }
        for (key, metric) in metrics.merging(["actor/ppo_kl": "actor/ppo_kl"], uniquingKeysWith: { $1 }) {
            guard let expected = golden.entry(key, in: "metrics") else { continue }
            expect([answer.record.metric(metric) ?? .nan], [expected], key, in: golden)
        }
        guard mode == "vanilla", means == "token-mean" else { return true }
        let ppo = try loss.ppo([
            "clip_range": json(low), "clip_range_high": json(golden.option("clip_high") ?? low),
            "dual_clip": json(golden.option("clip_ratio_c") ?? 3),
        ])
        try expectAnswer(ppo, in: golden)
        return true
    }

    /// OpenRLHF's policy loss: GRPO's, and per token PPO's.
    static func surrogate(_ golden: GoldenCase) throws -> Bool {
        let known = tensors.union(["clip_eps_low", "clip_eps_high", "token_level_loss", "dual_clip", "policy_loss_type"])
        guard Set(golden.inputs.keys).isSubset(of: known) else { return false }
        let loss = try PolicyLoss(golden)
        let isSequence = golden.text("policy_loss_type") == "gspo" || golden.variant.hasPrefix("gspo")
        let isPerToken = !isSequence && !golden.name.contains("seq") && golden.option("token_level_loss") != 0
        let low = golden.option("clip_eps_low") ?? 0.2
        let high = golden.option("clip_eps_high") ?? low
        let dualClip = golden.option("dual_clip") ?? (golden.name.contains("dual") ? 3 : nil)
        let answer = try loss.grpo([
            "loss_type": text("grpo"), "loss_agg_mode": text(isPerToken ? "token-mean" : "seq-mean-token-mean"),
            "importance_sampling_level": text(isSequence ? "sequence" : "token"), "epsilon": json(low),
            "epsilon_high": json(high),
            "dual_clip": json(dualClip), "beta": "0",
        ])
        try expectAnswer(answer, in: golden)
        if golden.has("ppo_kl") {
            expect([answer.record.metric("actor/ppo_kl") ?? .nan], [try golden.number("ppo_kl")], "ppo_kl", in: golden)
        }
        if golden.has("ppo_clip_ratio"), !isSequence {
            let found = answer.record.metric("clip_ratio/region_mean") ?? .nan
            expect([found], [try golden.number("ppo_clip_ratio")], "ppo_clip_ratio", in: golden)
        }
        guard isPerToken else { return true }
        let ppo = try loss.ppo(["clip_range": json(low), "clip_range_high": json(high), "dual_clip": json(dualClip)])
        try expectAnswer(ppo, in: golden)
        if golden.has("ppo_clip_ratio") {
            let found = ppo.record.metric("policy/clipfrac_avg") ?? .nan
            expect([found], [try golden.number("ppo_clip_ratio")], "ppo_clip_ratio", in: golden)
        }
        return true
    }
}
