import ZooBase

/// A mean over seeds, with what the seeds say about its precision.
public struct Estimate: Sendable, Equatable {
    public let mean: Double
    /// 95% percentile bootstrap interval of the mean (Efron, 1979); nil for a single value, which says nothing about its spread.
    ///
    /// With three seeds it is their range, which covers the true mean of a symmetric distribution three times in four, not 95 times
    /// in 100: whether two variants differ is decided by ``PairedDifference``, never by these intervals.
    public let interval: ClosedRange<Double>?
    /// Number of values.
    public let count: Int

    /// The estimate from values of equal weight; nil if there is none.
    ///
    /// Resampling draws from a fixed stream of random numbers, so equal values give equal intervals.
    public init?(_ values: [Double], resamples: Int = 10_000) {
        guard let mean = values.mean else { return nil }
        self.mean = mean
        count = values.count
        interval = Bootstrap.interval(ofMean: values, resamples: resamples)
    }

    init(mean: Double, interval: ClosedRange<Double>?, count: Int) {
        self.mean = mean
        self.interval = interval
        self.count = count
    }
}
