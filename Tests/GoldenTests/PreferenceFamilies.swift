import ZooHost
import ZooKit

extension Families {
    /// DPO's losses, per pair and as a mean, with the gradient of the mean.
    static func preference(_ golden: GoldenCase) throws -> Bool {
        guard golden.text("f_divergence") ?? "reverse_kl" == "reverse_kl" else { return false }
        let type = golden.text("loss_type") ?? (golden.option("ipo") == 1 || golden.name.hasSuffix("/ipo") ? "ipo" : "sigmoid")
        guard ["sigmoid", "ipo", "hinge"].contains(type) else { return false }
        // TRL's sigmoid ignores label smoothing, and so does everyone's ipo.
        let smoothing = golden.family == "trl_dpo" || type != "sigmoid" ? 0 : golden.option("label_smoothing") ?? 0
        let parameters = """
            {"pairs": 4, "loss": "\(type)", "beta": \(try golden.number("beta")), "label_smoothing": \(smoothing), \
            "ipo_average": \(golden.family == "trl_dpo")}
            """
        let pairs = try (0..<golden.list("policy_chosen").count).map { index in
            try PreferencePair(
                chosen: Likelihood(policy: golden.list("policy_chosen")[index], reference: golden.list("ref_chosen")[index]),
                rejected: Likelihood(
                    policy: golden.list("policy_rejected")[index], reference: golden.list("ref_rejected")[index]),
                lengths: golden.has("len_chosen")
                    ? (Int(golden.list("len_chosen")[index]), Int(golden.list("len_rejected")[index])) : (3, 2))
        }

        let record = try step("DPO", "dpo", parameters, script(pairs))
        let gradient = record.losses[0].gradients["score"] ?? []
        expect([record.losses[0].value], [try golden.number("loss")], "loss", in: golden)
        if golden.has("d_chosen") {
            expect(pairs.indices.map { gradient[2 * $0] }, try golden.list("d_chosen"), "d_chosen", in: golden)
            expect(pairs.indices.map { gradient[2 * $0 + 1] }, try golden.list("d_rejected"), "d_rejected", in: golden)
        }
        if golden.has("per_pair") {
            let alone = try pairs.map { try step("DPO", "dpo", parameters, script([$0])).losses[0].value }
            expect(alone, try golden.list("per_pair"), "per_pair", in: golden)
        }
        for (key, metric) in [
            ("chosen_rewards", "rewards/chosen"), ("chosen_reward", "rewards/chosen"), ("rejected_rewards", "rewards/rejected"),
            ("reject_reward", "rewards/rejected"),
        ] where golden.has(key) {
            expect([record.metric(metric) ?? .nan], [mean(try golden.list(key))], metric, in: golden)
        }
        return true
    }

    /// Log-likelihoods of one sequence.
    private struct Likelihood {
        let policy: Double
        let reference: Double
    }

    private struct PreferencePair {
        let chosen: Likelihood
        let rejected: Likelihood
        let lengths: (chosen: Int, rejected: Int)
    }

    /// The chosen sequence of each pair, and then the rejected one.
    private static func script(_ pairs: [PreferencePair]) -> ScriptedHost.Script {
        var offsets = [0]
        var steps = 0
        for length in pairs.flatMap({ [$0.lengths.chosen, $0.lengths.rejected] }) {
            steps += length
            offsets.append(steps)
        }
        let batch = Batch(
            offsets: offsets, tokens: Array(repeating: 0, count: steps), mask: Array(repeating: true, count: steps),
            columns: [
                Column("pair", perStep: false, .i64(pairs.indices.flatMap { [Int64($0), Int64($0)] })),
                Column("chosen", perStep: false, .u8(pairs.flatMap { _ in [1, 0] })),
            ])
        var script = ScriptedHost.Script()
        script.pairs = { _ in batch }
        script.outputs = { role, _, _ in
            let side = role == "policy" ? \Likelihood.policy : \Likelihood.reference
            return ["score": pairs.flatMap { [$0.chosen[keyPath: side], $0.rejected[keyPath: side]] }]
        }
        return script
    }
}
