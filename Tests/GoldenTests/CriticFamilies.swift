import ZooKit
import ZooPlugins

extension Families {
    /// What PPO with a critic makes of given step rewards and values, read off its two gradients at ratio 1 and V = V_old.
    private struct Estimate {
        let advantages: [Double]
        let returns: [Double]

        /// - Parameters:
        ///   - logp, reference: Their difference is the KL penalty of each step.
        ///   - values: Of the critic; `newValues` after it moved, where the value loss itself is wanted.
        init(_ samples: Samples, scores: [Double], reference: [Double], values: [Double], _ settings: Settings) throws {
            let record = try step(
                "PPO", "ppo", settings.object,
                samples.script(
                    rewards: scores,
                    outputs: [
                        "policy.logp": [try samples.batch.steps("behaviour_logp")], "reference.logp": [reference],
                        "critic.value": [values],
                    ]))
            advantages = (record.losses[0].gradients["logp"] ?? []).map { -$0 * Double(samples.batch.actionCount) }
            let (byValue, states) = (record.losses[1].gradients["value"] ?? [], record.losses[1].batch)
            returns = zip(zip(values, byValue), states.mask).map { $1 ? $0.0 - $0.1 * Double(states.actionCount) : 0 }
        }
    }

    /// What the bench needs, over the settings of a variant: one pass, γ of the case, the step rewards as the KL penalty k1.
    private static func settings(_ variant: Settings, _ golden: GoldenCase) -> Settings {
        ["lambda": json(golden.option("lam") ?? 1)].with(variant).with([
            "prompts": "4", "samples": "1", "epochs": "1", "minibatches": "1", "baseline": text("critic"), "beta": "1",
            "kl_estimator": text("k1"), "gamma": json(golden.option("gamma") ?? 1),
        ])
    }

    /// Samples whose KL penalty at coefficient 1 is the given step rewards: the reference lies that far above.
    private static func rewarded(_ golden: GoldenCase, _ rewards: [[Double]]) throws -> (samples: Samples, reference: [Double]) {
        let samples = Samples(mask: try golden.rows("mask"), behaviour: rewards.map { $0.map { _ in -1 } })
        return (samples, rewards.flatMap { $0 }.map { $0 - 1 })
    }

    /// The clipped value loss and its gradient. Returns are made of step rewards with γ = λ = 1.
    static func valueLoss(_ golden: GoldenCase, variant: Settings? = nil) throws -> Bool {
        let mask = try golden.rows("mask")
        let returns = try golden.rows("returns")
        let rewards = zip(returns, mask).map { row, mask in
            row.indices.map { row[$0] - ($0 + 1 < row.count && mask[$0 + 1] != 0 ? row[$0 + 1] : 0) }
        }
        let (samples, reference) = try rewarded(golden, rewards)
        let clip = golden.option("clip")
        let settings = settings(variant ?? ["clip_range_value": json(clip)], golden)
        let record = try step(
            "PPO", "ppo", settings.with(["whiten_advantages": "false", "lambda": "1"]).object,
            samples.script(
                rewards: returns.map { _ in 0 },
                outputs: [
                    "policy.logp": [try samples.batch.steps("behaviour_logp")], "reference.logp": [reference],
                    "critic.value": [try golden.flattened("old_values"), try golden.flattened("values")],
                ]))
        expect([record.losses[1].value], [try golden.number("loss")], "loss", in: golden)
        if golden.has("d_values") {
            let expected = try smoothed(golden, clip: clip ?? .infinity, actions: Double(samples.batch.actionCount))
            expect(record.losses[1].gradients["value"] ?? [], expected, "d_values", in: golden)
        }
        if golden.has("vf_clipfrac") {
            expect([record.metric("val/clipfrac_avg") ?? .nan], [try golden.number("vf_clipfrac")], "clip fraction", in: golden)
        }
        return true
    }

    /// The recorded gradient, put right where a value lies exactly on the clip's edge and the unclipped error rules on both sides: the
    /// derivative there is (V − R) / N, but torch shares it between the equal arguments of its nested max and min.
    private static func smoothed(_ golden: GoldenCase, clip: Double, actions: Double) throws -> [Double] {
        let (values, old) = (try golden.rows("values").flatMap { $0 }, try golden.rows("old_values").flatMap { $0 })
        let (returns, recorded) = (try golden.rows("returns").flatMap { $0 }, try golden.rows("d_values").flatMap { $0 })
        return values.indices.map { t in
            let onEdge = abs(abs(values[t] - old[t]) - clip) < 1e-12
            let movesAway = (values[t] - old[t]) * (values[t] - returns[t]) > 0
            return onEdge && movesAway ? (values[t] - returns[t]) / actions : recorded[t]
        }
    }

    /// What is each one's own in GAE: how it whitens, and that only verl carries values over steps between actions.
    private static let estimators: [Origin: Settings] = [
        .verl: ["carry_values": "true", "whiten_variance": text("unbiased")],
        .openRLHF: ["carry_values": "false", "whiten_variance": text("population")],
        .torchtune: ["carry_values": "false", "whiten_keeps_mean": "true"],
    ]

    /// GAE, and its advantages whitened.
    static func generalisedAdvantage(_ golden: GoldenCase, variant: Settings? = nil) throws -> Bool {
        let (samples, reference) = try rewarded(golden, try golden.rows("rewards"))
        let settings = settings(variant ?? origin(golden).flatMap { estimators[$0] } ?? [:], golden)
        func estimate(whitened: Bool) throws -> Estimate {
            try Estimate(
                samples, scores: Array(repeating: 0, count: samples.count), reference: reference,
                values: try golden.flattened("values"), settings.with(["whiten_advantages": "\(whitened)"]))
        }
        let raw = try estimate(whitened: false)
        expect(raw.returns, try golden.flattened("returns"), "returns", in: golden)
        if golden.has("advantages_raw") {
            expect(raw.advantages, try golden.flattened("advantages_raw"), "advantages_raw", in: golden)
        }
        let whitened = try estimate(whitened: true).advantages
        for key in ["advantages_whitened", "advantages"] where golden.has(key) {
            expect(whitened, try golden.flattened(key), key, in: golden)
        }
        return true
    }

    /// TRL's PPO: values live one step behind an end token, and the score lands there. Rows that end before the last column have an
    /// end token; the last column has no step behind it.
    static func trlAdvantage(_ golden: GoldenCase, variant: Settings? = nil) throws -> Bool {
        let estimator = golden.text("kl_name") ?? ["k3", "k2"].first { golden.name.contains($0) } ?? "k1"
        let width = Int(try golden.number("T"))
        let lengths = try golden.list("last_token_index").map { Int($0) + 1 }
        func cut(_ key: String, more: Int = 0) throws -> [[Double]] {
            try zip(golden.rows(key), lengths).map { Array($0.prefix(min($1 + more, width))) }
        }
        let samples = try Samples(
            mask: lengths.map { Array(repeating: 1, count: $0) }, behaviour: cut("logp"),
            finished: lengths.map { $0 < width ? 1 : 0 })
        let values = try cut("values", more: 1)
        let settings = settings(variant ?? ["score_position": text("after_end"), "carry_values": "false"], golden).with([
            "beta": json(try golden.number("kl_coef")), "kl_estimator": text(estimator),
            "whiten_rewards": "\(golden.flag("whiten_rewards") ?? golden.mentions("whitenrewards=true"))",
        ])
        func estimate(_ more: Settings) throws -> Estimate {
            try Estimate(
                samples, scores: try golden.list("scores"), reference: try cut("ref_logp").flatMap { $0 },
                values: values.flatMap { $0 }, settings.with(more))
        }
        /// Numbers of rows of these lengths, with 0 behind them.
        func padded(_ numbers: [Double], _ lengths: [Int]) -> [Double] {
            var rest = numbers[...]
            return lengths.flatMap { length in
                defer { rest = rest.dropFirst(length) }
                return rest.prefix(length) + Array(repeating: 0, count: width - length)
            }
        }
        let whitened = try estimate(["whiten_advantages": "true"])
        expect(padded(whitened.returns, values.map(\.count)), try golden.flattened("returns"), "returns", in: golden)
        expect(padded(whitened.advantages, lengths), try golden.flattened("advantages"), "advantages", in: golden)
        if golden.has("rewards") {
            // With γ = 0 a return is the reward of its step.
            let rewards = try estimate(["whiten_advantages": "false", "gamma": "0"]).returns
            expect(padded(rewards, values.map(\.count)), try golden.flattened("rewards"), "rewards", in: golden)
        }
        return true
    }

    /// REINFORCE++: rewards of steps, added up and whitened.
    static func returnAdvantage(_ golden: GoldenCase, variant: Settings? = nil) throws -> Bool {
        let (samples, reference) = try rewarded(golden, try golden.rows("rewards"))
        let settings = (variant ?? [:]).with([
            "prompts": json(Double(samples.count)), "samples": "1", "gamma": json(golden.option("gamma") ?? 1), "beta": "1",
        ])
        let record = try step(
            "ReinforcePlusPlus", "reinforce-plus-plus", settings.object,
            samples.script(
                rewards: Array(repeating: 0, count: samples.count),
                outputs: ["policy.logp": [try samples.batch.steps("behaviour_logp")], "reference.logp": [reference]]))
        let actions = Double(samples.batch.actionCount)
        let advantages = (record.losses[0].gradients["logp"] ?? []).map { -$0 * actions }
        expect(advantages, try golden.flattened("advantages"), "advantages", in: golden)
        return true
    }

    /// The KL penalty of each step and the score on the last. With γ = 0 the return is the step's reward.
    static func shapedReward(_ golden: GoldenCase, variant: Settings? = nil) throws -> Bool {
        let kl = try golden.rows("kl_k1")
        let samples = Samples(mask: try golden.rows("mask"), behaviour: kl.map { $0.map { _ in -1 } })
        let zeros = kl.flatMap { $0 }.map { _ in 0.0 }
        let settings = settings(variant ?? [:], golden).with([
            "gamma": "0", "beta": json(try golden.number("kl_coef")), "whiten_advantages": "false",
        ])
        let estimate = try Estimate(
            samples, scores: try golden.list("score"), reference: kl.flatMap { $0 }.map { -1 - $0 }, values: zeros, settings)
        expect(estimate.returns, try golden.flattened("rewards"), "rewards", in: golden)
        return true
    }
}
