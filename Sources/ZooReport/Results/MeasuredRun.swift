import ZooRecords

/// The results of one run of a comparison.
package struct MeasuredRun {
    package var variant: String
    /// The seed of the earlier stages, which trained its base model.
    package var base: UInt64
    package var seed: UInt64
    package var evaluation: EvaluationResult?
    /// nil while the run is in progress.
    package var ledger: Ledger?
    /// Whether the held-out prompts are the training prompts, as in a fully known task: then they represent no others, and
    /// only the seeds vary.
    package var hasAllPrompts: Bool

    package init(
        variant: String, base: UInt64, seed: UInt64, evaluation: EvaluationResult?, ledger: Ledger?, hasAllPrompts: Bool
    ) {
        (self.variant, self.base, self.seed) = (variant, base, seed)
        (self.evaluation, self.ledger, self.hasAllPrompts) = (evaluation, ledger, hasAllPrompts)
    }
}

extension [MeasuredRun] {
    /// The values of a metric by variant, for paired statistics; by prompt where every run has the same sample of prompts, else their
    /// means.
    package func scores(_ metric: String) -> [String: Scores] {
        let measured = filter { $0.evaluation?.metrics[metric] != nil }
        let counts = Set(measured.map { $0.evaluation?.prompts[metric]?.count ?? 0 })
        let hasPrompts = counts.count == 1 && counts != [0] && !measured.contains(where: \.hasAllPrompts)
        let byVariant = Dictionary(grouping: measured, by: \.variant)
        return byVariant.mapValues { runs in
            let values = runs.compactMap { run -> (Scores.Run, [Double])? in
                guard let evaluation = run.evaluation, let mean = evaluation.metrics[metric] else { return nil }
                return (Scores.Run(base: run.base, seed: run.seed), hasPrompts ? evaluation.prompts[metric] ?? [mean] : [mean])
            }
            return Scores(Dictionary(values) { $1 })
        }
    }

    /// The mean of a number over the runs, and what its spread says: over base models where there are several, else over seeds.
    package func estimate(_ value: (MeasuredRun) -> Double?) -> Estimate? {
        let found = compactMap { run in value(run).map { (Scores.Run(base: run.base, seed: run.seed), [$0]) } }
        return Estimate(Scores(Dictionary(found) { $1 }).unitMeans)
    }

    /// The metrics that variants are ranked by, of those that the runs have: higher is better.
    package var rankedMetrics: [String] {
        ["gold", "pass@1"].filter { metric in contains { $0.evaluation?.metrics[metric] != nil } }
    }

    /// `gold reward: ppo > grpo; …` for each metric that ranks; of many variants one line each.
    package func rankings(of variants: [String]) -> [String] {
        rankedMetrics.flatMap { metric -> [String] in
            let ranking = Ranking(of: variants, scores(metric))
            let (text, title) = (ranking.text, Metric.title(metric))
            guard let units = ranking.units, units.upperBound > 1, ranking.variants.count > 5 else {
                return text.isEmpty ? [] : ["\(title): \(text)"]
            }
            return ["\(title), from the highest mean; pairs without > are not separated with \(ranking.count)"]
                + ranking.lines.map { "\(title): \($0)" }
        }
    }
}
