import ZooHost
import ZooKit

extension Families {
    /// What PPO with a critic makes of given step rewards and values, read off its two gradients at ratio 1 and V = V_old.
    private struct Estimate {
        let advantages: [Double]
        let returns: [Double]

        /// - Parameters:
        ///   - logp, reference: Their difference is the KL penalty of each step.
        ///   - values: Of the critic; `newValues` after it moved, where the value loss itself is wanted.
        init(_ samples: Samples, scores: [Double], reference: [Double], values: [Double], parameters: String) throws {
            let record = try step(
                "PPO", "ppo", parameters,
                samples.script(
                    rewards: scores,
                    outputs: [
                        "policy.logp": [try samples.batch.steps("behaviour_logp")], "reference.logp": [reference],
                        "critic.value": [values],
                    ]))
            let actions = Double(samples.batch.actionCount)
            advantages = (record.losses[0].gradients["logp"] ?? []).map { -$0 * actions }
            let byValue = record.losses[1].gradients["value"] ?? []
            returns = zip(zip(values, byValue), samples.batch.mask).map { $1 ? $0.0 - $0.1 * actions : 0 }
        }
    }

    private static func parameters(_ golden: GoldenCase, klCoef: Double, extra: String) -> String {
        """
        {"prompts": 4, "epochs": 1, "gamma": \(golden.option("gamma") ?? 1), "lambda": \(golden.option("lam") ?? 1), \
        "kl_coef": \(klCoef), \(extra)}
        """
    }

    /// Samples whose KL penalty at coefficient 1 is the given step rewards: the reference lies that far above.
    private static func rewarded(_ golden: GoldenCase, _ rewards: [[Double]]) throws -> (samples: Samples, reference: [Double]) {
        let samples = Samples(mask: try golden.rows("mask"), behaviour: rewards.map { $0.map { _ in -1 } })
        return (samples, rewards.flatMap { $0 }.map { $0 - 1 })
    }

    /// The clipped value loss and its gradient. Returns are made of step rewards with γ = λ = 1.
    static func valueLoss(_ golden: GoldenCase) throws -> Bool {
        let mask = try golden.rows("mask")
        let returns = try golden.rows("returns")
        let rewards = zip(returns, mask).map { row, mask in
            row.indices.map { row[$0] - ($0 + 1 < row.count && mask[$0 + 1] != 0 ? row[$0 + 1] : 0) }
        }
        let (samples, reference) = try rewarded(golden, rewards)
        let clip = golden.option("clip") ?? golden.option("cliprange_value") ?? 1e6
        let record = try step(
            "PPO", "ppo",
            parameters(golden, klCoef: 1, extra: "\"whiten_advantages\": false, \"clip_range_value\": \(clip)"),
            samples.script(
                rewards: returns.map { _ in 0 },
                outputs: [
                    "policy.logp": [try samples.batch.steps("behaviour_logp")], "reference.logp": [reference],
                    "critic.value": [try golden.rows("old_values").flatMap { $0 }, try golden.rows("values").flatMap { $0 }],
                ]))
        expect([record.losses[1].value], [try golden.number("loss")], "loss", in: golden)
        if golden.has("d_values") {
            let expected = try smoothed(golden, clip: clip, actions: Double(samples.batch.actionCount))
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

    /// GAE, whitened as verl does by PPO itself, and as OpenRLHF and torchtune do by ZooKit.
    static func generalisedAdvantage(_ golden: GoldenCase) throws -> Bool {
        let (samples, reference) = try rewarded(golden, try golden.rows("rewards"))
        let mask = samples.batch.mask
        func estimate(whitened: Bool) throws -> Estimate {
            try Estimate(
                samples, scores: Array(repeating: 0, count: samples.count), reference: reference,
                values: try golden.rows("values").flatMap { $0 },
                parameters: parameters(golden, klCoef: 1, extra: "\"whiten_advantages\": \(whitened)"))
        }
        let raw = try estimate(whitened: false)
        expect(raw.returns, try golden.rows("returns").flatMap { $0 }, "returns", in: golden)
        switch golden.family {
        case "verl_gae":
            let whitened = try estimate(whitened: true).advantages
            expect(whitened, try golden.rows("advantages_whitened").flatMap { $0 }, "advantages_whitened", in: golden)
        case "openrlhf_gae":
            expect(raw.advantages, try golden.rows("advantages_raw").flatMap { $0 }, "advantages_raw", in: golden)
            let whitened = whiten(raw.advantages, mask, ddof: 0)
            expect(whitened, try golden.rows("advantages_whitened").flatMap { $0 }, "advantages_whitened", in: golden)
        default:
            let scaled = whiten(raw.advantages, mask, shiftMean: false)
            expect(scaled, try golden.rows("advantages").flatMap { $0 }, "advantages", in: golden)
        }
        return true
    }

    /// TRL's PPO: its values live one step longer than its log-probabilities, and the score lands there. That step is here an action
    /// on which policy and reference agree; TRL leaves it out when it whitens advantages.
    static func trlAdvantage(_ golden: GoldenCase) throws -> Bool {
        guard let estimator = ["k1", "k3"].first(where: { golden.name.contains("/\($0)") }) else { return false }
        let padding = try golden.rows("padding_mask").flatMap { $0 }
        let mask = try golden.rows("padding_mask_p1").map { $0.map { 1 - $0 } }
        func filled(_ key: String) throws -> [[Double]] {
            var next = padding.makeIterator()
            return try golden.rows(key).map { $0.map { next.next() == 0 ? $0 : 1 } }
        }
        let samples = Samples(mask: mask, behaviour: try filled("logp"))
        let estimate = try Estimate(
            samples, scores: try golden.list("scores"), reference: try filled("ref_logp").flatMap { $0 },
            values: try golden.rows("values").flatMap { $0 },
            parameters: parameters(
                golden, klCoef: try golden.number("kl_coef"),
                extra: """
                    "kl_estimator": "\(estimator)", "whiten_advantages": false, \
                    "whiten_rewards": \(golden.name.contains("whitenrewards=True"))
                    """))
        expect(estimate.returns, try golden.rows("returns").flatMap { $0 }, "returns", in: golden)
        let whitened = whiten(estimate.advantages, padding.map { $0 == 0 })
        expect(whitened, try golden.rows("advantages").flatMap { $0 }, "advantages", in: golden)
        return true
    }

    /// The KL penalty of each step and the score on the last. With γ = 0 the return is the step's reward.
    static func shapedReward(_ golden: GoldenCase) throws -> Bool {
        let kl = try golden.rows("kl_k1")
        let samples = Samples(mask: try golden.rows("mask"), behaviour: kl.map { $0.map { _ in -1 } })
        let zeros = kl.flatMap { $0 }.map { _ in 0.0 }
        let estimate = try Estimate(
            samples, scores: try golden.list("score"), reference: kl.flatMap { $0 }.map { -1 - $0 }, values: zeros,
            parameters: """
                {"prompts": 4, "epochs": 1, "gamma": 0, "kl_coef": \(try golden.number("kl_coef")), "whiten_advantages": false}
                """)
        expect(estimate.returns, try golden.rows("rewards").flatMap { $0 }, "rewards", in: golden)
        return true
    }

    /// PPO without a critic: leave-one-out is RLOO, group-mean is REINFORCE with a group baseline.
    static func criticlessAdvantage(_ golden: GoldenCase) throws -> Bool {
        let rewards = try golden.list("rewards")
        let size = Int(try golden.number("G"))
        let groups = rewards.indices.map { $0 / size }
        let baseline: String
        switch golden.name {
        case "openrlhf_shape/rloo": baseline = "leave-one-out"
        case "openrlhf_shape/reinforce_baseline", "openrlhf_shape/dr_grpo": baseline = "group-mean"
        case "openrlhf_shape/group_norm":
            let shaped = groupAdvantages(rewards, groups: groups, scale: .group, epsilon: 1e-9)
            expect(shaped, try golden.list("shaped"), "shaped", in: golden)
            return true
        default: return false
        }
        let samples = Samples(groups: groups)
        let zeros = rewards.map { _ in 0.0 }
        let parameters = """
            {"prompts": \(rewards.count / size), "samples": \(size), "epochs": 1, "baseline": "\(baseline)", "kl_coef": 0, \
            "whiten_advantages": false}
            """
        let record = try step(
            "PPO", "ppo", parameters,
            samples.script(rewards: rewards, outputs: ["policy.logp": [zeros], "reference.logp": [zeros]]))
        let advantages = (record.losses[0].gradients["logp"] ?? []).map { -$0 * Double(rewards.count) }
        expect(advantages, try golden.list("shaped"), "shaped", in: golden)
        return !record.roles.contains("critic")
    }
}
