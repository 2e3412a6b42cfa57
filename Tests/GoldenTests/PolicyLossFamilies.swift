import ZooKit
import ZooPlugins

/// The tensors of a policy loss, and a plugin's answer to them: its loss, its gradient and its metrics.
struct PolicyLoss {
    var mask: [[Double]]
    var logp: [[Double]]
    var oldLogp: [[Double]]
    var referenceLogp: [[Double]]
    /// Of another sampler than the trainer, where the case has one.
    var samplingLogp: [[Double]]?
    /// The exact KL of each step, where the case has one.
    var kl: [[Double]]?
    /// Per sequence.
    var advantages: [Double]
    /// Of each step, where a sequence has several.
    var stepAdvantages: [[Double]]?

    init(_ golden: GoldenCase) throws {
        logp = try golden.rows("logp")
        mask = golden.has("mask") ? try golden.rows("mask") : logp.map { $0.map { _ in 1 } }
        // Without a policy of its own a rollout is the policy's.
        oldLogp = golden.has("old_logp") ? try golden.rows("old_logp") : logp
        referenceLogp = golden.has("ref_logp") ? try golden.rows("ref_logp") : logp
        samplingLogp = golden.has("sampling_logp") ? try golden.rows("sampling_logp") : nil
        kl = golden.has("kl") ? try golden.rows("kl") : nil
        guard let rows = golden.inputs["advantages"]?.rows else {
            advantages = try golden.list("advantages")
            return
        }
        let counted = zip(rows, mask).map { row, mask in zip(row, mask).filter { $0.1 != 0 }.map(\.0) }
        advantages = counted.map { $0.first ?? 0 }
        if zip(counted, advantages).contains(where: { row, first in row.contains { $0 != first } }) { stepAdvantages = rows }
    }

    /// Whether every ratio is 1.
    var isOnPolicy: Bool { logp == oldLogp }

    /// One sequence by itself.
    func sequence(_ index: Int) -> PolicyLoss {
        var one = self
        one.mask = [mask[index]]
        one.logp = [logp[index]]
        one.oldLogp = [oldLogp[index]]
        one.referenceLogp = [referenceLogp[index]]
        one.samplingLogp = samplingLogp.map { [$0[index]] }
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

    func answer(
        _ library: String, _ id: String, _ settings: Settings, rewards: [Double]? = nil, reference: [[Double]]? = nil
    ) throws -> Answer {
        let samples = Samples(mask: mask, behaviour: samplingLogp ?? oldLogp, groups: advantages.map { _ in 0 })
        // Another's samples are first scored by the policy as it is.
        let turns = samplingLogp == nil ? [logp] : [oldLogp, logp]
        let record = try step(
            library, id, settings.object,
            samples.script(
                rewards: rewards ?? advantages,
                outputs: [
                    "policy.logp": turns.map { $0.flatMap { $0 } },
                    "reference.logp": [(reference ?? referenceLogp).flatMap { $0 }],
                    "policy.kl:reference": [(kl ?? []).flatMap { $0 }],
                ]))
        return Answer(loss: record.losses[0].value, gradient: record.losses[0].gradients["logp"] ?? [], record: record)
    }

    /// GRPO's answer; without a baseline a reward is the advantage.
    func grpo(_ settings: Settings) throws -> Answer {
        guard stepAdvantages == nil else {
            throw GoldenError(description: "advantages differ within a sequence; GRPO has one for each")
        }
        let rewards: Settings = [
            "prompts": "1", "samples": json(Double(max(2, advantages.count))), "baseline": text("none"),
            "scale_rewards": text("none"), "epochs": "1", "minibatches": "1", "dynamic_sampling": "0",
        ]
        return try answer("GRPO", "grpo", settings.with(rewards))
    }

    /// PPO's answer without a critic: the score of the last action is the advantage of all where γ is 1.
    func ppo(_ settings: Settings) throws -> Answer {
        let rewards: Settings = [
            "prompts": json(Double(advantages.count)), "samples": "1", "epochs": "1", "minibatches": "1",
            "baseline": text("none"),
            "whiten_advantages": "false", "gamma": "1", "beta": "0", "missing_eos_score": "null",
        ]
        guard let stepAdvantages else { return try answer("PPO", "ppo", settings.with(rewards)) }
        // With γ = 0 the advantage of an action is its KL penalty at coefficient 1: the reference lies that far above.
        let reference = zip(oldLogp, stepAdvantages).map { zip($0, $1).map { $0 + $1 } }
        let penalty: Settings = ["gamma": "0", "beta": "1", "kl_estimator": text("k1"), "kl_clip": "null"]
        return try answer(
            "PPO", "ppo", settings.with(rewards).with(penalty), rewards: advantages.map { _ in 0 }, reference: reference)
    }
}

extension Families {
    static func expectAnswer(_ answer: PolicyLoss.Answer, in golden: GoldenCase) throws {
        expect([answer.loss], [try golden.number("loss")], "loss", in: golden)
        guard golden.has("d_logp") else { return }
        expect(answer.gradient, try golden.rows("d_logp").flatMap { $0 }, "d_logp", in: golden)
    }

    /// GRPO's losses by TRL's names.
    static func groupLoss(_ golden: GoldenCase) throws -> Bool {
        guard let type = golden.text("loss_type") else { return false }
        let loss = try PolicyLoss(golden)
        let settings = trlSettings(golden, type: type)
        switch type {
        case "grpo", "bnpo", "dr_grpo", "dapo", "sapo", "cispo":
            let answer = try loss.grpo(settings)
            try expectAnswer(answer, in: golden)
            if golden.has("mean_kl_tokens"), loss.isOnPolicy || settings["use_bias_correction_kl"] == "false" {
                expect([answer.record.metric("kl") ?? .nan], [try golden.number("mean_kl_tokens")], "kl", in: golden)
            }
        case "luspo": try expectLengthWeighted(loss, settings, in: golden)
        case "vespo": try expectGammaWeighted(loss, settings, in: golden)
        default: return false
        }
        return true
    }

    static func trlSettings(_ golden: GoldenCase, type: String) -> Settings {
        let low = golden.option("low") ?? 0.2
        let level = golden.text("level") ?? "token"
        let corrects =
            golden.flag("bias_correction") ?? (golden.mentions("bias") && !golden.mentions("unbias", "no_bias", "bias=false"))
        var settings: Settings = [
            "loss_type": text(type), "clip_range": json(low), "importance_sampling_level": text(level),
            "clip_range_high": json(golden.option("high") ?? low), "delta": json(golden.option("delta")),
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
        let loss = try PolicyLoss(golden)
        let mode = golden.text("loss_mode") ?? ["gspo", "cispo", "sapo"].first { golden.mentions($0) } ?? "vanilla"
        let low = golden.option("low") ?? 0.2
        // The longest first, for it contains another.
        let stated =
            golden.text("loss_agg_mode") ?? ["seq-mean-token-sum-norm", "seq-mean-token-sum", "seq-mean-token-mean"].first {
                golden.name.contains($0)
            } ?? "token-mean"
        let means = stated.replacing("-", with: "_")
        var settings: Settings = [
            "loss_type": text("grpo"), "loss_agg_mode": text(means), "clip_range": json(low), "beta": "0",
            "clip_range_high": json(golden.option("high") ?? low), "dual_clip": json(golden.option("dual_clip") ?? 3),
            "max_completion_length": json(golden.option("loss_scale_factor") ?? Double(loss.mask.map(\.count).max() ?? 1)),
        ]
        switch mode {
        case "vanilla": break
        case "gspo":
            settings = settings.with(["importance_sampling_level": text("sequence"), "dual_clip": "null"])
            settings["loss_agg_mode"] = text("seq_mean_token_mean")  // whatever the case asks for, as in verl
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
        guard mode == "vanilla", means == "token_mean" else { return true }
        let ppo = try loss.ppo([
            "clip_range": json(low), "clip_range_high": json(golden.option("high") ?? low),
            "dual_clip": json(golden.option("dual_clip") ?? 3),
        ])
        try expectAnswer(ppo, in: golden)
        return true
    }

    /// OpenRLHF's policy loss: GRPO's, and per token PPO's.
    static func surrogate(_ golden: GoldenCase) throws -> Bool {
        let loss = try PolicyLoss(golden)
        let isSequence = (golden.text("policy_loss_type") ?? (golden.mentions("gspo") ? "gspo" : "ppo")) == "gspo"
        let isPerToken = !isSequence && (golden.flag("token_level_loss") ?? !golden.name.contains("seq"))
        let low = golden.option("low") ?? 0.2
        let high = golden.option("high") ?? low
        let dualClip = golden.option("dual_clip") ?? (golden.name.contains("dual") ? 3 : nil)
        if loss.stepAdvantages != nil { return try stepSurrogate(loss, low: low, high: high, dualClip: dualClip, golden) }
        let answer = try loss.grpo([
            "loss_type": text("grpo"), "loss_agg_mode": text(isPerToken ? "token_mean" : "seq_mean_token_mean"),
            "importance_sampling_level": text(isSequence ? "sequence" : "token"), "clip_range": json(low),
            "clip_range_high": json(high),
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

    /// A mean over tokens, each with an advantage of its own: PPO's.
    private static func stepSurrogate(
        _ loss: PolicyLoss, low: Double, high: Double, dualClip: Double?, _ golden: GoldenCase
    ) throws -> Bool {
        try expectAnswer(
            loss.ppo(["clip_range": json(low), "clip_range_high": json(high), "dual_clip": json(dualClip)]), in: golden)
        return true
    }
}
