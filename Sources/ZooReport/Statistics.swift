import Foundation

/// A mean over seeds, with what the seeds say about its precision.
public struct Estimate: Sendable, Equatable {
    public let mean: Double
    /// 95% percentile bootstrap interval of the mean (Efron, 1979); nil for a single value, which says nothing about its spread.
    public let interval: ClosedRange<Double>?
    /// Number of values.
    public let count: Int

    /// The estimate from values of equal weight; nil where there is none.
    ///
    /// Resampling draws from a fixed stream of random numbers, so equal values give equal intervals. With three seeds the interval
    /// is their range: no honest one is narrower.
    public init?(_ values: [Double], resamples: Int = 10_000) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let size = Double(values.count)
        mean = values.reduce(0, +) / size
        guard values.count > 1, values.allSatisfy(\.isFinite) else {
            interval = nil
            return
        }
        var random = SplitMix64()
        let means = (0..<resamples).map { _ in
            values.indices.reduce(0.0) { sum, _ in sum + values[Int.random(in: values.indices, using: &random)] } / size
        }.sorted()
        interval = Self.quantile(means, 0.025)...Self.quantile(means, 0.975)
    }

    /// The mean of `a` − `b` over the seeds that both have, which removes what a seed does to both; nil where they share none.
    public static func difference(_ a: [UInt64: Double], _ b: [UInt64: Double]) -> Estimate? {
        Estimate(a.keys.sorted().compactMap { seed in b[seed].flatMap { other in a[seed].map { $0 - other } } })
    }

    /// Linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996).
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let position = share * Double(sorted.count - 1)
        let lower = sorted[Int(position)]
        let upper = sorted[min(Int(position) + 1, sorted.count - 1)]
        return lower + (position - position.rounded(.down)) * (upper - lower)
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64 = 0

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}
