import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooTensor

/// What the host measures of a model on held-out prompts; the same for every algorithm.
public struct EvaluationResult: Codable, Sendable {
    /// By name, each a mean over the samples:
    /// `reward` (the stage's own, the proxy), `gold` and `gold/NAME` (rewards that training never sees), `kl` (to the reference, in
    /// nats a sequence, on fresh samples), `win_rate` (gold above the reference's sample for the same prompt), `entropy` (nats a
    /// step), `length` (steps), `distinct_2` (share of distinct pairs of words), `logp_reference` (nats a step), and where the gold
    /// reward is a verifier `pass@1`, `pass@2`, `pass@4`, … (the chance that one of that many samples is right).
    public var metrics: [String: Double]
    /// The same of the reference's own samples.
    public var reference: [String: Double]
    /// `gold`, `reward`, `kl`, `win_rate`, `length` and `pass@1` by held-out prompt, in the dataset's order, each the mean over the
    /// prompt's samples: what paired comparisons are made of.
    public var prompts: [String: [Double]] = [:]
    /// The first prompts with what the reference and the policy made of them.
    public var samples: [Sample]

    public struct Sample: Codable, Sendable {
        public var prompt: String
        public var before: String
        public var after: String
        public var goldBefore: Double?
        public var goldAfter: Double?
    }
}

/// Samples the policy and the reference on the same held-out prompts with the same random numbers, and compares.
struct Evaluator {
    let services: RunServices
    let gold: RewardService
    let prompts: Dataset
    let evaluation: Evaluation
    let setup: StageSetup

    private var stage: Stage { setup.stage }
    /// The same for every run of a recipe.
    private var seed: UInt64 { setup.recipe.seed &+ 0x5eed }
    /// Prompts and samples kept for people.
    static let shown = 16

    func run() throws -> EvaluationResult {
        let count = evaluation.count == 0 ? prompts.rows.count : min(evaluation.count, prompts.rows.count)
        let rows = TokenizedRows(codec: services.codec, maxPromptSteps: stage.data.maxPromptSteps, maxSteps: stage.data.maxSteps)
        var builder = BatchBuilder()
        for row in prompts.rows.prefix(count) { builder.append(try rows.prompt(row)) }
        let batch = builder.finish([Column("row", perStep: false, .i64((0..<count).map(Int64.init)))])
        // The account of training is not that of measuring.
        let ledger = services.model.ledger
        defer { services.model.ledger = ledger }
        return try compare(measure("policy", batch), measure("reference", batch))
    }

    private struct Drawn {
        var batch: Batch
        var items: [RewardItem]
        var gold: [Double]
        var metrics: [String: Double]
    }

    private func row(_ id: Int) -> Row? { prompts.rows.indices.contains(id) ? prompts.rows[id] : nil }

    /// Samples of a role and what they are like.
    private func measure(_ role: String, _ prompts: Batch) throws -> Drawn {
        let batch = try services.generate(
            role: role, prompts: prompts, samples: evaluation.samplesPerPrompt, settings: stage.rollout,
            generator: Generator(seed: seed))
        let own = try services.model.forward(role: role, batch: batch, outputs: ["logp", "entropy"])
        let reference = try services.model.forward(role: "reference", batch: batch, outputs: ["logp"])[0].doubles
        let items = try gold.items(batch, row)
        let sequences = Double(batch.sequenceCount)
        let actions = Double(max(1, batch.actionCount))
        var metrics = [
            "kl": zip(own[0].doubles, reference).reduce(0) { $0 + $1.0 - $1.1 } / sequences,
            "entropy": own[1].doubles.reduce(0, +) / actions,
            "length": actions / sequences,
            "logp_reference": reference.reduce(0, +) / actions,
            "distinct_2": distinctPairs(items.map(\.completion)),
        ]
        var ledger = Ledger()
        if !services.rewards.isEmpty {
            for column in try services.rewards.score(batch, row: row, ledger: &ledger) {
                metrics[column.name] = mean(column.doubles)
            }
        }
        let golds = gold.isEmpty ? [] : try gold.score(batch, row: row, ledger: &ledger)
        for column in golds {
            metrics[column.name == "reward" ? "gold" : "gold/" + column.name.dropFirst("reward/".count)] = mean(column.doubles)
        }
        return Drawn(batch: batch, items: items, gold: golds.first?.doubles ?? [], metrics: metrics)
    }

    private func compare(_ after: Drawn, _ before: Drawn) throws -> EvaluationResult {
        var metrics = after.metrics
        if !after.gold.isEmpty {
            metrics["win_rate"] = mean(zip(after.gold, before.gold).map { $0 > $1 ? 1 : $0 == $1 ? 0.5 : 0 })
        }
        if let exact = try ExactTabular(services, setup) { metrics.merge(exact.metrics) { $1 } }
        let shown = stride(from: 0, to: after.items.count, by: evaluation.samplesPerPrompt).prefix(Self.shown)
        return EvaluationResult(
            metrics: metrics, reference: before.metrics,
            samples: shown.map {
                .init(
                    prompt: after.items[$0].prompt, before: before.items[$0].completion, after: after.items[$0].completion,
                    goldBefore: before.gold.isEmpty ? nil : before.gold[$0], goldAfter: after.gold.isEmpty ? nil : after.gold[$0])
            })
    }

    private func mean(_ values: [Double]) -> Double { values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count) }

    /// Distinct pairs of neighbouring words over all pairs, across the samples; 1 where there is none.
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
}
