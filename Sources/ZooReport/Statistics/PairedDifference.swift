import ZooBase

/// The difference between two variants on the runs and the prompts that both have, which removes their common effect.
///
/// ```swift
/// let difference = PairedDifference(ppo, grpo)
/// if difference?.isSeparated == true { … }
/// ```
///
/// Seeds and prompts both vary: another seed trains another model, and other prompts would have met it. The interval is the hull of two:
/// - the percentile bootstrap that resamples seeds, then prompts, the same prompts for every seed and for both variants (the "pigeonhole
///   bootstrap" for crossed factors: Owen 2007, https://doi.org/10.1214/07-AOAS122);
/// - Student's t with the variance s²/S of the seeds' means plus s²/P of the prompts' means, and Satterthwaite's degrees of freedom
///   ("An approximate distribution of estimates of variance components", 1946). The noise of single cells counts in both terms, which
///   errs on the safe side.
///
/// With few seeds the second is the wider one by far, and the honest one: resampling three seeds can give nothing beyond their range,
/// which covers the truth three times in four; t with two degrees of freedom covers it 95 times in 100 where the seeds' differences are
/// about normal (Student, "The probable error of a mean", 1908; Colas et al. 2018, https://arxiv.org/abs/1806.08295, find the same for
/// reinforcement learning). One seed has no interval and separates nothing.
///
/// Where the runs are of several base models, these stand in the seeds' place: another base model is what a claim has to survive. The
/// bootstrap then draws base models, and seeds within each; the t interval goes by the base models' means, which hold the noise of
/// their seeds too (a nested design: Snedecor and Cochran, "Statistical Methods", chapter on sampling in two stages).
public struct PairedDifference: Sendable, Equatable {
    /// Mean of the first minus the second.
    public let mean: Double
    /// 95%; nil if fewer than two seeds are common, or a score is not finite.
    public let interval: ClosedRange<Double>?
    /// Base models that both have runs of, or of a single one the seeds: the number of values that vary independently.
    public let units: Int
    /// Whether `units` counts base models.
    public let isOverBases: Bool
    /// `3 seeds`, `1 seed`, `3 base models`.
    public var count: String { "\(units) \(isOverBases ? "base models" : units == 1 ? "seed" : "seeds")" }
    /// Prompts that the pairing went by; 1 where only means over prompts are known.
    public let prompts: Int

    /// nil if the two share no run.
    public init?(_ a: Scores, _ b: Scores, resamples: Int = 2000) {
        let common = a.runs.filter { b.values[$0] != nil }
        guard !common.isEmpty else { return nil }
        // Without the same prompts there are only the means to pair.
        let paired = a.prompts == b.prompts
        func average(_ values: [Double]?) -> Double { values?.mean ?? .nan }
        let rows: [[Double]] = common.map { run in
            guard paired, let first = a.values[run], let second = b.values[run] else {
                return [difference(average(a.values[run]), average(b.values[run]))]
            }
            return zip(first, second).map(difference)
        }
        let groups = Scores.units(common)
        units = groups.count
        isOverBases = common.first?.base != common.last?.base
        prompts = rows[0].count
        let byUnit = groups.map { group in average(group.map { average(rows[$0]) }) }
        mean = average(byUnit)
        guard units > 1, rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            interval = nil
            return
        }
        let byPrompt = rows[0].indices.map { prompt in
            average(groups.map { group in average(group.map { rows[$0][prompt] }) })
        }
        let side = Self.side(byUnit, byPrompt)
        let bootstrap = Self.bootstrap(rows, groups, resamples: resamples) ?? mean...mean
        interval = min(mean - side, bootstrap.lowerBound)...max(mean + side, bootstrap.upperBound)
    }

    /// Whether the interval excludes 0.
    public var isSeparated: Bool { interval.map { !$0.contains(0) } ?? false }

    /// Half the width of the t interval.
    private static func side(_ byUnit: [Double], _ byPrompt: [Double]) -> Double {
        var (total, squares) = (0.0, 0.0)
        for values in [byUnit, byPrompt] where values.count > 1 {
            let part = variance(values) / Double(values.count)
            total += part
            squares += part * part / Double(values.count - 1)
        }
        guard total > 0 else { return 0 }
        return StudentT.critical(degrees: total * total / squares) * total.squareRoot()
    }

    private static func variance(_ values: [Double]) -> Double {
        let mean = values.mean ?? .nan
        let squares: [Double] = values.map { ($0 - mean) * ($0 - mean) }
        return squares.reduce(0, +) / Double(values.count - 1)
    }

    private static func bootstrap(_ rows: [[Double]], _ groups: [[Int]], resamples: Int) -> ClosedRange<Double>? {
        if rows[0].count == 1, groups.allSatisfy({ $0.count == 1 }) {
            return Bootstrap.interval(ofMean: rows.map { $0[0] }, resamples: resamples)
        }
        var random = SplitMix64(seed: 0)
        return Bootstrap.interval(
            (0..<resamples).map { _ in
                let runs = Scores.weights(groups, runs: rows.count, using: &random)
                let prompts = Bootstrap.weights(rows[0].count, using: &random)
                var (sum, weight) = (0.0, 0.0)
                for (row, times) in zip(rows, runs) where times > 0 {
                    var inner = 0.0
                    for index in prompts.indices { inner += prompts[index] * row[index] }
                    sum += times * inner
                    weight += times
                }
                return sum / (weight * Double(rows[0].count))
            })
    }
}
