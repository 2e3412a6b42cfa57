/// The mean; 0 of nothing.
public func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
}

/// The variance with denominator n − `ddof`; 0 where that is not positive, and where the values lie apart by no more than
/// ``roundingNoise(of:scale:)``.
///
/// - Parameter scale: The size of what the values were made from, where it was larger.
public func variance(_ values: [Double], ddof: Int = 1, scale: Double = 0) -> Double {
    guard values.count > ddof, let low = values.min(), let high = values.max() else { return 0 }
    let mean = mean(values)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - ddof)
    return variance.isFinite && high - low <= roundingNoise(of: values, scale: scale) ? 0 : variance
}

/// The square root of `variance`.
public func standardDeviation(_ values: [Double], ddof: Int = 1, scale: Double = 0) -> Double {
    variance(values, ddof: ddof, scale: scale).squareRoot()
}

/// The values whose mask is true, in order.
public func masked(_ values: [Double], _ mask: [Bool]) -> [Double] {
    zip(values, mask).compactMap { $1 ? $0 : nil }
}

/// The mean over the values whose mask is true; 0 where there is none.
public func maskedMean(_ values: [Double], _ mask: [Bool]) -> Double { mean(masked(values, mask)) }

/// The variance over the values whose mask is true, with denominator n − `ddof`.
public func maskedVariance(_ values: [Double], _ mask: [Bool], ddof: Int = 1) -> Double {
    variance(masked(values, mask), ddof: ddof)
}

/// `(x − mean) / √(variance + 10⁻⁸)` over the values whose mask is true; 0 elsewhere.
///
/// With `shiftMean` false the mean is added back, so only the scale changes (Huang et al. 2024, arXiv:2403.17031, detail 8). TRL and
/// verl take `ddof` 1, OpenRLHF takes 0. Values that differ by rounding alone, `scale` being the size of what they were made from, are
/// equal: they become 0, or their mean.
public func whiten(
    _ values: [Double], _ mask: [Bool], ddof: Int = 1, shiftMean: Bool = true, scale: Double = 0
) -> [Double] {
    let counted = masked(values, mask)
    let mean = mean(counted)
    let variance = variance(counted, ddof: ddof, scale: scale)
    let factor = variance > 0 ? 1 / (variance + 1e-8).squareRoot() : 0
    return zip(values, mask).map { $1 ? ($0 - mean) * factor + (shiftMean ? 0 : mean) : 0 }
}

/// `1 − var(targets − predictions) / var(targets)`: 1 for a perfect critic, 0 for one that knows only the mean, and 0 where the targets
/// are equal, for then there is nothing to explain.
///
/// Where verl adds 10⁻⁵ to the denominator, targets count as equal by their own size, so that the figure does not depend on the
/// rewards' unit.
public func explainedVariance(predictions: [Double], targets: [Double]) -> Double {
    let total = variance(targets)
    let errors = zip(targets, predictions).map { $0 - $1 }
    return total == 0 ? 0 : 1 - variance(errors, scale: largest(targets)) / total
}
