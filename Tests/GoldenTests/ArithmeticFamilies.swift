import ZooKit
import ZooPlugins

extension Families {
    /// Values and slopes of the KL estimators: as a penalty in PPO's reward, where with γ = 0 and no baseline −KL is the advantage of
    /// its action, and as GRPO's loss without an advantage.
    static func klEstimator(_ golden: GoldenCase) throws -> Bool {
        let names = ["kl": "k1", "mse": "k2", "low_var_kl": "k3"]
        let asked = golden.text("kl_name") ?? String(golden.name.split(separator: "/").last ?? "")
        let plain = asked.replacing("+", with: "")
        let base = names[plain] ?? plain
        let name = base + (asked.hasSuffix("+") && base != "k2" ? "+" : "")
        guard KLEstimator(rawValue: name) != nil else { return false }
        // OpenRLHF cuts every estimate to ±10, verl only k3's.
        let limit = origin(golden) == .openRLHF || base == "k3" ? "10" : "null"
        let samples = Samples(mask: try golden.rows("mask"), behaviour: try golden.rows("logp"))
        let outputs = [
            "policy.logp": [try golden.flattened("logp")], "reference.logp": [try golden.flattened("ref_logp")],
        ]
        let nothing = [Double](repeating: 0, count: samples.count)
        let actions = Double(samples.batch.actionCount)
        let ppo: Settings = [
            "prompts": json(Double(samples.count)), "epochs": "1", "baseline": text("none"), "gamma": "0",
            "whiten_advantages": "false", "beta": "1", "kl_estimator": text(name), "kl_clip": limit,
        ]
        let penalty = try step("PPO", "ppo", ppo.object, samples.script(rewards: nothing, outputs: outputs)).losses[0]
        let values = (penalty.gradients["logp"] ?? []).map { $0 * actions }
        expect(values, try golden.flattened("kl"), "kl", in: golden)
        guard golden.has("d_logp_of_masked_sum") else { return true }

        let grpo: Settings = [
            "prompts": "1", "samples": json(Double(samples.count)), "loss_type": text("dapo"), "beta": "1",
            "kl_estimator": text(name), "kl_clip": limit,
        ]
        let loss = try step("GRPO", "grpo", grpo.object, samples.script(rewards: nothing, outputs: outputs)).losses[0]
        let slopes = (loss.gradients["logp"] ?? []).map { $0 * actions }
        expect(slopes, try golden.flattened("d_logp_of_masked_sum"), "d_logp", in: golden)
        expect([loss.value * actions], [try golden.flattened("kl").reduce(0, +)], "sum", in: golden)
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
