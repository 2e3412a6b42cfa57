/// The mean of the middle half of all scores, which outliers do not move (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264).
public enum InterquartileMean {
    /// Without the lowest and the highest quarter, each rounded down to whole scores, as the paper's own code has it
    /// (`scipy.stats.trim_mean(scores, 0.25)`); nan for none.
    public static func of(_ values: [Double]) -> Double {
        guard values.allSatisfy(\.isFinite) else { return .nan }
        let cut = values.count / 4
        let middle = values.sorted().dropFirst(cut).dropLast(cut)
        return middle.isEmpty ? .nan : middle.reduce(0, +) / Double(middle.count)
    }

    /// Over the scores of all seeds and prompts, prompts in the place of the paper's tasks.
    ///
    /// The paper resamples the runs of each task by themselves (a stratified bootstrap), for its tasks were trained apart. The prompts
    /// of a seed are answered by one model: here a seed is taken whole, and then prompts, the same for every seed. Strata of their own
    /// would average the seeds' differences away and give intervals that are too narrow.
    public static func of(_ scores: Scores, resamples: Int = 1000) -> Estimate {
        let rows = scores.seeds.compactMap { scores.values[$0] }
        let mean = of(rows.flatMap { $0 })
        guard rows.count > 1 else { return Estimate(mean: mean, interval: nil, count: rows.count) }
        var random = RandomStream()
        // Sorted once: a resample is the same order with other weights.
        let cells = rows.indices.flatMap { seed in rows[seed].indices.map { (value: rows[seed][$0], seed: seed, prompt: $0) } }
            .sorted { $0.value < $1.value }
        let draws = (0..<resamples).map { _ in
            let (seeds, prompts) = (random.resample(rows.count), random.resample(rows[0].count))
            return trimmed(cells.lazy.map { ($0.value, seeds[$0.seed] * prompts[$0.prompt]) }, count: cells.count)
        }
        return Estimate(mean: mean, interval: Bootstrap.interval(draws), count: rows.count)
    }

    /// The same mean of sorted values that occur so often, `count` in all.
    private static func trimmed(_ values: some Sequence<(value: Double, times: Double)>, count: Int) -> Double {
        let (low, high) = (Double(count / 4), Double(count - count / 4))
        var (passed, sum) = (0.0, 0.0)
        for (value, times) in values where times > 0 {
            let taken = min(passed + times, high) - max(passed, low)
            if taken > 0 { sum += taken * value }
            passed += times
        }
        return sum / (high - low)
    }
}
