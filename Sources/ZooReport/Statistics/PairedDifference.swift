/// The difference between two variants on the seeds and the prompts that both have, which removes what these do to both.
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
public struct PairedDifference: Sendable, Equatable {
    /// Mean of the first minus the second.
    public let mean: Double
    /// 95%; nil where fewer than two seeds are common, or a score is not finite.
    public let interval: ClosedRange<Double>?
    /// Seeds that both have.
    public let seeds: Int
    /// Prompts that the pairing went by; 1 where only means over prompts are known.
    public let prompts: Int

    /// nil where the two share no seed.
    public init?(_ a: Scores, _ b: Scores, resamples: Int = 2000) {
        let common = a.seeds.filter { b.values[$0] != nil }
        guard !common.isEmpty else { return nil }
        // Without the same prompts there are only the means to pair.
        let paired = a.prompts == b.prompts
        let rows: [[Double]] = common.map { seed in
            guard paired, let first = a.values[seed], let second = b.values[seed] else {
                return [(a.means[seed] ?? .nan) - (b.means[seed] ?? .nan)]
            }
            return zip(first, second).map { $0 - $1 }
        }
        seeds = common.count
        prompts = rows[0].count
        let bySeed = rows.map { $0.reduce(0, +) / Double($0.count) }
        mean = bySeed.reduce(0, +) / Double(seeds)
        guard seeds > 1, rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            interval = nil
            return
        }
        let byPrompt = rows[0].indices.map { prompt -> Double in
            let values: [Double] = rows.map { $0[prompt] }
            return values.reduce(0, +) / Double(values.count)
        }
        let side = Self.side(bySeed, byPrompt)
        let bootstrap = Self.bootstrap(rows, resamples: resamples) ?? mean...mean
        interval = min(mean - side, bootstrap.lowerBound)...max(mean + side, bootstrap.upperBound)
    }

    /// Whether the interval excludes 0.
    public var isSeparated: Bool { interval.map { !$0.contains(0) } ?? false }

    /// Half the width of the t interval.
    private static func side(_ bySeed: [Double], _ byPrompt: [Double]) -> Double {
        var (total, squares) = (0.0, 0.0)
        for values in [bySeed, byPrompt] where values.count > 1 {
            let part = variance(values) / Double(values.count)
            total += part
            squares += part * part / Double(values.count - 1)
        }
        guard total > 0 else { return 0 }
        return StudentT.critical(degrees: total * total / squares) * total.squareRoot()
    }

    private static func variance(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares: [Double] = values.map { ($0 - mean) * ($0 - mean) }
        return squares.reduce(0, +) / Double(values.count - 1)
    }

    private static func bootstrap(_ rows: [[Double]], resamples: Int) -> ClosedRange<Double>? {
        if rows[0].count == 1 { return Bootstrap.interval(ofMean: rows.map { $0[0] }, resamples: resamples) }
        var random = RandomStream()
        let size = Double(rows.count * rows[0].count)
        return Bootstrap.interval(
            (0..<resamples).map { _ in
                let (seeds, prompts) = (random.resample(rows.count), random.resample(rows[0].count))
                var sum = 0.0
                for (row, times) in zip(rows, seeds) where times > 0 {
                    var inner = 0.0
                    for index in prompts.indices { inner += prompts[index] * row[index] }
                    sum += times * inner
                }
                return sum / size
            })
    }
}
