/// The bootstrap of Efron, "Bootstrap methods: another look at the jackknife" (1979): percentile intervals of 95%.
package enum Bootstrap {
    // MARK: - Resampling

    /// `count` draws from 0 ..< count with replacement.
    package static func draws(_ count: Int, using random: inout SplitMix64) -> [Int] {
        (0..<count).map { _ in random.next(below: count) }
    }

    /// How many times each of `count` things is drawn in `count` draws with replacement.
    package static func weights(_ count: Int, using random: inout SplitMix64) -> [Double] {
        draws(count, using: &random).reduce(into: [Double](repeating: 0, count: count)) { $0[$1] += 1 }
    }

    // MARK: - Intervals

    /// The middle 95% of the resamples, interpolated if necessary; nil if one is not finite.
    package static func interval(_ resamples: [Double]) -> ClosedRange<Double>? {
        guard !resamples.isEmpty, resamples.allSatisfy(\.isFinite) else { return nil }
        let sorted = resamples.sorted()
        return quantile(sorted, 0.025)...quantile(sorted, 0.975)
    }

    /// The same of those that are finite, from one of them to another and never too narrow; nil if more of them are not finite
    /// than lie outside of it.
    package static func outerInterval(_ resamples: [Double]) -> ClosedRange<Double>? {
        let sorted = resamples.filter(\.isFinite).sorted()
        guard Double(sorted.count) > 0.975 * Double(resamples.count) else { return nil }
        let last = Double(sorted.count - 1)
        return sorted[Int((0.025 * last).rounded(.down))]...sorted[Int((0.975 * last).rounded(.up))]
    }

    /// Of the mean of values of equal weight. Up to six values are resampled in every possible way, more of them at random, from a fixed
    /// stream: equal values give equal intervals.
    package static func interval(ofMean values: [Double], resamples: Int) -> ClosedRange<Double>? {
        guard values.count > 1, values.allSatisfy(\.isFinite) else { return nil }
        if values.count <= 6 { return exactInterval(ofMean: values) }
        var random = SplitMix64(seed: 0)
        let size = Double(values.count)
        return interval(
            (0..<resamples).map { _ in
                values.indices.reduce(0.0) { sum, _ in sum + values[random.next(below: values.count)] } / size
            })
    }

    /// Each multiset of n values with the probability that n draws give it.
    private static func exactInterval(ofMean values: [Double]) -> ClosedRange<Double> {
        let size = values.count
        var means: [(mean: Double, weight: Double)] = []
        func choose(_ index: Int, left: Int, sum: Double, weight: Double) {
            if index == size - 1 {
                // n! / Π kᵢ!, with the factorials of the counts applied one by one.
                let last = (0..<left).reduce(weight) { $0 * Double(left - $1) / Double($1 + 1) / Double(size) }
                return means.append(((sum + Double(left) * values[index]) / Double(size), last))
            }
            var weight = weight
            for count in 0...left {
                if count > 0 { weight *= Double(left - count + 1) / Double(count) / Double(size) }
                choose(index + 1, left: left - count, sum: sum + Double(count) * values[index], weight: weight)
            }
        }
        choose(0, left: size, sum: 0, weight: 1)
        means.sort { $0.mean < $1.mean }
        func quantile(_ share: Double) -> Double {
            var passed = 0.0
            for (mean, weight) in means {
                passed += weight
                // Rounding of the weights must not move the quantile.
                if passed > share + 1e-12 { return mean }
            }
            return means[means.count - 1].mean
        }
        return quantile(0.025)...quantile(0.975)
    }

    /// Linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996).
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let position = share * Double(sorted.count - 1)
        let lower = sorted[Int(position)]
        let upper = sorted[min(Int(position) + 1, sorted.count - 1)]
        return lower + (position - position.rounded(.down)) * (upper - lower)
    }
}
