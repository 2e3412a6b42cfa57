import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Built preference pairs of token sequences.
package struct TokenPairs: KeptPairs {
    var rows: [Pair]
    package var cost: Ledger

    struct Pair: Codable {
        /// For people: what was sampled for what.
        var prompt: String
        var chosen: String
        var rejected: String
        /// Of the stage's reward, chosen above rejected.
        var margin: Double
        /// What is trained on.
        var tokens: SampledPair
    }
}

extension TokenModality {
    /// Of `samples` completions per prompt, the best against the worst by the stage's reward.
    package func build(_ building: PairBuilding, _ plan: PairPlan, from source: any PairSource) throws -> TokenPairs {
        let samples = building.samples
        var parts: [Batch] = []
        var (done, steps) = (0, 0)
        while case let take = plan.next(done: done, steps: steps), take > 0 {
            let part = try source.generate(source.prompts(take), samples: samples, settings: source.rollout)
            parts.append(part)
            done += take
            steps += part.actionCount
        }
        let batch = Batch.concatenated(parts)
        let scores = try source.scores(batch)
        let items = try items(batch, source.row)
        func tokens(_ sequence: Int, actions: Bool) -> [Int32] {
            batch.steps(of: sequence).filter { batch.mask[$0] == actions }.map { batch.tokens[$0] }
        }
        var rows: [TokenPairs.Pair] = []
        for first in stride(from: 0, to: scores.count, by: samples) {
            let group = Array(first..<first + samples)
            guard let best = group.max(by: { scores[$0] < scores[$1] }), let worst = group.min(by: { scores[$0] < scores[$1] }),
                difference(scores[best], scores[worst]) > 0
            else { continue }
            let pair = SampledPair(
                context: tokens(best, actions: false), chosen: tokens(best, actions: true), rejected: tokens(worst, actions: true)
            )
            guard pair.chosen != pair.rejected else { continue }
            rows.append(
                .init(
                    prompt: items[best].prompt, chosen: items[best].completion, rejected: items[worst].completion,
                    margin: scores[best] - scores[worst], tokens: pair))
        }
        guard !rows.isEmpty else { throw noPair() }
        var cost = Ledger()
        cost.sampledSteps = batch.actionCount
        return TokenPairs(rows: rows, cost: cost)
    }

    package func dataset(_ pairs: TokenPairs, prompts: () throws -> Dataset) -> Dataset {
        let rows = pairs.rows.map { pair in
            var row = Row(prompt: pair.prompt, chosen: pair.chosen, rejected: pair.rejected)
            row.sampled = pair.tokens
            return row
        }
        return Dataset(name: "pairs", shape: .preference, rows: rows)
    }
}
