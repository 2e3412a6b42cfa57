import ZooKit

// Families that are no plugin's loss: ZooKit's arithmetic itself.
extension Families {
    /// Group advantages with other small constants than GRPO's, leave-one-out, and the whitened return-to-go of REINFORCE++.
    static func advantageArithmetic(_ golden: GoldenCase) throws -> Bool {
        let expected = try golden.flattened("advantages")
        if golden.name == "verl_adv/reinforce_plus_plus" {
            let samples = Samples(mask: try golden.rows("mask"), behaviour: try golden.rows("mask"))
            let rewards = try golden.rows("rewards").flatMap { $0 }
            let toGo = generalizedAdvantages(
                rewards: rewards, values: rewards.map { _ in 0 }, batch: samples.batch, gamma: try golden.number("gamma"),
                lambda: 1)
            expect(whiten(toGo.advantages, samples.batch.mask), expected, "advantages", in: golden)
            return true
        }
        let rewards = try golden.list("rewards")
        let groups = try rewards.indices.map { $0 / Int(try golden.number("G")) }
        let found: [Double]
        switch golden.name {
        case "verl_adv/grpo", "nemo_adv/loo=False": found = groupAdvantages(rewards, groups: groups, scale: .group, epsilon: 1e-6)
        case "understand_r1_zero_adv/grpo": found = groupAdvantages(rewards, groups: groups, scale: .group, epsilon: 1e-8)
        case _ where golden.name.contains("/dr_grpo") || golden.name.contains("/drgrpo"):
            found = groupAdvantages(rewards, groups: groups, scale: .none)
        case "verl_adv/rloo": found = zip(rewards, leaveOneOutBaselines(rewards, groups: groups)).map { $0 - $1 }
        default: return false
        }
        expect(found, expected, "advantages", in: golden)
        return true
    }

    /// Values and slopes of the KL estimators.
    static func klEstimator(_ golden: GoldenCase) throws -> Bool {
        guard let estimator = KLEstimator(rawValue: String(golden.name.dropFirst(golden.family.count + 1))) else { return false }
        let mask = try golden.rows("mask").flatMap { $0 }.map { $0 != 0 }
        let logp = try golden.rows("logp").flatMap { $0 }
        let reference = try golden.rows("ref_logp").flatMap { $0 }
        let values = mask.indices.map { mask[$0] ? estimator.value(logp[$0], reference: reference[$0]) : 0 }
        let slopes = mask.indices.map { mask[$0] ? estimator.gradient(logp[$0], reference: reference[$0]) : 0 }
        expect(values, try golden.rows("kl").flatMap { $0 }, "kl", in: golden)
        expect(slopes, try golden.rows("d_logp_of_masked_sum").flatMap { $0 }, "d_logp", in: golden)
        return true
    }

    /// The adaptive KL coefficient over a run of measured values.
    static func adaptiveKL(_ golden: GoldenCase) throws -> Bool {
        var controller = AdaptiveKL(coefficient: try golden.number("init"))
        let found = try golden.list("kls").map { kl in
            controller.update(
                kl: kl, target: try golden.number("target"), horizon: try golden.number("horizon"),
                episodes: Int(try golden.number("n_steps")))
            return controller.coefficient
        }
        expect(found, try golden.list("values"), "values", in: golden)
        return true
    }
}

extension GoldenCase {
    /// Numbers in a list, or in rows one after the other.
    fileprivate func flattened(_ key: String) throws -> [Double] {
        if let rows = outputs[key]?.rows { return rows.flatMap { $0 } }
        return try list(key)
    }
}
