import ZooBase

/// The mean of the middle half of all scores, which outliers do not move (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264).
public enum InterquartileMean {
    /// Without the lowest and the highest quarter, each rounded down to whole scores, as the paper's own code has it
    /// (`scipy.stats.trim_mean(scores, 0.25)`); nan for none.
    public static func of(_ values: [Double]) -> Double {
        guard values.allSatisfy(\.isFinite) else { return .nan }
        let cut = values.count / 4
        let middle = values.sorted().dropFirst(cut).dropLast(cut)
        return middle.mean ?? .nan
    }

    /// Over the scores of all seeds and prompts, prompts in the place of the paper's tasks.
    ///
    /// The paper resamples the runs of each task on their own (a stratified bootstrap), for its tasks were trained apart. The
    /// prompts of a run are answered by one model: here a run is taken whole, and then prompts, the same for every run; of
    /// several base models first the base models, and then runs of each. Strata of their own would average the runs' differences
    /// away and give intervals that are too narrow.
    public static func of(_ scores: Scores, resamples: Int = 1000) -> Estimate {
        let rows = scores.runs.compactMap { scores.values[$0] }
        let groups = Scores.units(scores.runs)
        let mean = of(rows.flatMap { $0 })
        guard groups.count > 1 else { return Estimate(mean: mean, interval: nil, count: groups.count) }
        var random = SplitMix64(seed: 0)
        // Sorted once: a resample is the same order with other weights.
        let cells = rows.indices.flatMap { run in rows[run].indices.map { (value: rows[run][$0], run: run, prompt: $0) } }
            .sorted { $0.value < $1.value }
        let draws = (0..<resamples).map { _ in
            let runs = Scores.weights(groups, runs: rows.count, using: &random)
            let prompts = Bootstrap.weights(rows[0].count, using: &random)
            return trimmed(cells.lazy.map { ($0.value, runs[$0.run] * prompts[$0.prompt]) })
        }
        return Estimate(mean: mean, interval: Bootstrap.interval(draws), count: groups.count)
    }

    /// The same mean of sorted values that occur that many times.
    private static func trimmed(_ values: some Sequence<(value: Double, times: Double)>) -> Double {
        let count = values.reduce(0) { $0 + $1.times }
        let cut = (count / 4).rounded(.down)
        let (low, high) = (cut, count - cut)
        var (passed, sum) = (0.0, 0.0)
        for (value, times) in values where times > 0 {
            let taken = min(passed + times, high) - max(passed, low)
            if taken > 0 { sum += taken * value }
            passed += times
        }
        return sum / (high - low)
    }
}
