import ZooKit
import ZooPlugins

extension Families {
    /// DPO's losses, per pair and as a mean, with the gradient of the mean.
    static func preference(_ golden: GoldenCase) throws -> Bool {
        let isTRL = origin(golden) == .trl
        let type = golden.text("loss_type") ?? (golden.flag("ipo") ?? golden.name.contains("ipo") ? "ipo" : "sigmoid")
        let divergence = golden.text("f_divergence") ?? "reverse_kl"
        // TRL's sigmoid ignores label smoothing, and so does everyone's ipo and hinge.
        let isSmoothed = ["exo_pair", "robust", "aot", "aot_unpaired"].contains(type)
        let smoothing = isSmoothed || type == "sigmoid" && !isTRL ? golden.option("label_smoothing") ?? 0 : 0
        // TRL writes these in log-ratios, whatever the divergence.
        let isOfRatios = ["aot", "aot_unpaired", "apo_zero", "sft"].contains(type)
        let parameters = """
            {"pairs": \(try golden.list("policy_chosen").count), "loss_type": "\(type)", "beta": \(try golden.number("beta")), \
            "label_smoothing": \(smoothing), "ipo_average": \(isTRL), \
            "f_divergence_type": "\(isOfRatios ? "reverse_kl" : divergence)", \
            "f_alpha_divergence_coef": \(golden.option("alpha") ?? 0.5), \
            "discopop_tau": \(golden.option("discopop_tau") ?? 0.05)}
            """
        let pairs = try PreferencePair.all(golden)
        func run(_ pairs: [PreferencePair]) throws -> ScriptedHost.Record { try step("DPO", "dpo", parameters, script(pairs)) }

        let record = try run(pairs)
        let gradient = record.losses[0].gradients["score"] ?? []
        expect([record.losses[0].value], [try golden.number("loss")], "loss", in: golden)
        if golden.has("d_chosen") {
            expect(pairs.indices.map { gradient[2 * $0] }, try golden.list("d_chosen"), "d_chosen", in: golden)
            expect(pairs.indices.map { gradient[2 * $0 + 1] }, try golden.list("d_rejected"), "d_rejected", in: golden)
        }
        if golden.has("per_pair") {
            let alone = try PreferencePair.separated(pairs, by: type).map { try run([$0]).losses[0].value }
            // TRL's sft is one mean over all tokens, written down for each pair.
            let found = type == "sft" ? pairs.map { _ in record.losses[0].value } : alone
            expect(found, try golden.list("per_pair"), "per_pair", in: golden)
        }
        for (key, metric) in [
            ("chosen_rewards", "rewards/chosen"), ("rejected_rewards", "rewards/rejected"),
        ] where golden.has(key) {
            expect([record.metric(metric) ?? .nan], [mean(try golden.list(key))], metric, in: golden)
        }
        return true
    }

    /// Losses on mean squared errors, by the preset of the case's family: a score is minus an error.
    static func squaredErrors(_ golden: GoldenCase) throws -> Bool {
        let (chosen, rejected) = (try golden.list("error_w"), try golden.list("error_l"))
        let (refChosen, refRejected) = (try golden.list("ref_error_w"), try golden.list("ref_error_l"))
        let pairs = chosen.indices.map { index in
            PreferencePair(
                chosen: Likelihood(policy: -chosen[index], reference: -refChosen[index]),
                rejected: Likelihood(policy: -rejected[index], reference: -refRejected[index]))
        }
        let sources = [("flow-dpo", "flow"), ("diffusion-dpo", "diffusion"), ("sfo", "sfo")]
        guard let name = sources.first(where: { golden.mentions($0.1) })?.0 else { return false }
        let settings = try Settings.preset("DPO", "dpo@\(name)", ["pairs": json(Double(pairs.count))])
        let record = try step("DPO", "dpo", settings.object, script(pairs))
        let byError = (record.losses[0].gradients["score"] ?? []).map { -$0 }
        expect([record.losses[0].value], [try golden.number("loss")], "loss", in: golden)
        expect(pairs.indices.map { byError[2 * $0] }, try golden.list("d_error_w"), "d_error_w", in: golden)
        expect(pairs.indices.map { byError[2 * $0 + 1] }, try golden.list("d_error_l"), "d_error_l", in: golden)
        expect([record.metric("rewards/accuracies") ?? .nan], [try golden.number("accuracy")], "accuracy", in: golden)
        return true
    }

    /// KTO's losses over wanted and then other answers, with their gradient. The recorded mismatched log-probabilities stand on one
    /// action each.
    static func unpaired(_ golden: GoldenCase) throws -> Bool {
        let type = golden.text("loss_type") ?? (golden.mentions("apo_zero_unpaired") ? "apo_zero_unpaired" : "kto")
        let wanted = try golden.list("policy_chosen")
        let policy = try wanted + golden.list("policy_rejected")
        let reference = try golden.list("ref_chosen") + golden.list("ref_rejected")
        var batch = Batch(
            offsets: (0...policy.count).map { 2 * $0 }, tokens: Array(repeating: 0, count: 2 * policy.count),
            mask: policy.flatMap { _ in [false, true] })
        batch.set(Column("label", perStep: false, .u8(policy.indices.map { $0 < wanted.count ? 1 : 0 })))
        var script = ScriptedHost.Script()
        let examples = batch
        script.examples = { _ in examples }
        script.outputs = { role, _, outputs in
            guard outputs == ["logp"] else { return ["score": role == "policy" ? policy : reference] }
            // Their number may be another than that of the answers; only their mean counts.
            let values = try golden.list(role == "policy" ? "policy_KL" : "ref_KL")
            return ["logp": policy.indices.flatMap { [0, values.count == policy.count ? values[$0] : mean(values)] }]
        }
        let record = try step(
            "KTO", "kto",
            """
            {"data": "labels", "examples": \(policy.count), "loss_type": "\(type)", "beta": \(try golden.number("beta")), \
            "desirable_weight": \(golden.option("desirable_weight") ?? 1), \
            "undesirable_weight": \(golden.option("undesirable_weight") ?? 1)}
            """, script)
        let gradient = record.losses[0].gradients["score"] ?? []
        expect([record.losses[0].value], [try golden.number("loss")], "loss", in: golden)
        if golden.has("kl") {
            expect([type == "kto" ? record.metric("kl") ?? .nan : 0], [try golden.number("kl")], "kl", in: golden)
        }
        if golden.has("d_chosen") {
            expect(Array(gradient.prefix(wanted.count)), try golden.list("d_chosen"), "d_chosen", in: golden)
            expect(Array(gradient.dropFirst(wanted.count)), try golden.list("d_rejected"), "d_rejected", in: golden)
        }
        return true
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

/// Log-likelihoods of one sequence.
private struct Likelihood {
    let policy: Double
    let reference: Double
    var ratio: Double { policy - reference }
}

private struct PreferencePair {
    let chosen: Likelihood
    let rejected: Likelihood
    var lengths = (chosen: 3, rejected: 2)

    static func all(_ golden: GoldenCase) throws -> [PreferencePair] {
        let (policyChosen, policyRejected) = (try golden.list("policy_chosen"), try golden.list("policy_rejected"))
        let (refChosen, refRejected) = (try golden.list("ref_chosen"), try golden.list("ref_rejected"))
        var pairs = policyChosen.indices.map { index in
            PreferencePair(
                chosen: Likelihood(policy: policyChosen[index], reference: refChosen[index]),
                rejected: Likelihood(policy: policyRejected[index], reference: refRejected[index]))
        }
        guard golden.has("len_chosen") else { return pairs }
        for (index, lengths) in zip(try golden.list("len_chosen"), try golden.list("len_rejected")).enumerated() {
            pairs[index].lengths = (Int(lengths.0), Int(lengths.1))
        }
        return pairs
    }

    /// Pairs whose losses alone are the recorded ones. Where a loss sorts over the batch, a pair is made of numbers of the same rank.
    static func separated(_ pairs: [PreferencePair], by type: String) -> [PreferencePair] {
        func ranked(_ value: (PreferencePair) -> Double) -> [Double] { pairs.map(value).sorted() }
        func paired(_ chosen: [Likelihood], _ rejected: [Likelihood]) -> [PreferencePair] {
            zip(chosen, rejected).map { PreferencePair(chosen: $0, rejected: $1) }
        }
        switch type {
        case "aot":
            let margins = zip(
                ranked { $0.chosen.policy - $0.rejected.policy }, ranked { $0.chosen.reference - $0.rejected.reference })
            return paired(
                margins.map { Likelihood(policy: $0, reference: $1) }, pairs.map { _ in Likelihood(policy: 0, reference: 0) })
        case "aot_unpaired":
            return paired(
                ranked { $0.chosen.ratio }.map { Likelihood(policy: $0, reference: 0) },
                ranked { $0.rejected.ratio }.map { Likelihood(policy: $0, reference: 0) })
        default: return pairs
        }
    }
}
