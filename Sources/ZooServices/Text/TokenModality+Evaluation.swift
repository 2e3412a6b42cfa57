import ZooBase
import ZooData
import ZooKit
import ZooRecords
import ZooTensor

extension TokenModality {
    package func measure(
        _ role: String, on prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, into measured: inout Measured
    )
        throws -> Batch
    {
        try measureTokens(role, on: prompts, plan, networks, into: &measured)
    }

    /// `kl` in nats per sequence, `length` in steps, `entropy` and `logp_reference` in nats per step, `distinct_2`.
    func measureTokens(
        _ role: String, on prompts: Batch, _ plan: MeasuringPlan, _ networks: any NetworkAccess, into measured: inout Measured
    ) throws -> Batch {
        let batch = try networks.generate(
            role: role, prompts: prompts, samples: plan.samples, settings: plan.rollout, generator: Generator(seed: plan.seed),
            row: plan.row)
        let own = try networks.forward(role: role, batch: batch, outputs: ["logp", "entropy"])
        let reference =
            role == "reference"
            ? own[0].doubles : try networks.forward(role: "reference", batch: batch, outputs: ["logp"])[0].doubles
        measured.items = try items(batch, plan.row)
        let actions = Double(max(1, batch.actionCount))
        measured.note("kl", batch.sequenceSums(zip(own[0].doubles, reference).map { $0 - $1 }))
        measured.note("length", batch.actionCounts.map(Double.init))
        measured.metrics["entropy"] = own[1].doubles.reduce(0, +) / actions
        measured.metrics["logp_reference"] = reference.reduce(0, +) / actions
        measured.metrics["distinct_2"] = distinctPairs(measured.items.map(\.completion))
        return batch
    }

    package func shown(before: Measured, after: Measured, _ plan: MeasuringPlan) -> (
        samples: [EvaluationResult.Sample], images: ImageGrid?
    ) {
        let samples = plan.shown(of: after.items.count).map {
            EvaluationResult.Sample(
                prompt: after.items[$0].prompt,
                messages: after.items[$0].messages?.map { .init(role: $0.role, content: $0.content) },
                before: before.items[$0].completion, after: after.items[$0].completion,
                goldBefore: before.gold.isEmpty ? nil : before.gold[$0], goldAfter: after.gold.isEmpty ? nil : after.gold[$0])
        }
        return (samples, nil)
    }
}

/// Distinct pairs of neighbouring words over all pairs, across the samples; 1 if there are none.
private func distinctPairs(_ texts: [String]) -> Double {
    var seen: Set<[Substring]> = []
    var count = 0
    for text in texts {
        let words = text.split(whereSeparator: \.isWhitespace)
        for pair in zip(words, words.dropFirst()) {
            seen.insert([pair.0, pair.1])
            count += 1
        }
    }
    return count == 0 ? 1 : Double(seen.count) / Double(count)
}
