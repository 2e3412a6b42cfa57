/// The mean; 0 of nothing.
public func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
}

/// The variance with denominator n − `ddof`; 0 where that is not positive.
public func variance(_ values: [Double], ddof: Int = 1) -> Double {
    guard values.count > ddof else { return 0 }
    let mean = mean(values)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - ddof)
}

/// The square root of `variance`.
public func standardDeviation(_ values: [Double], ddof: Int = 1) -> Double { variance(values, ddof: ddof).squareRoot() }

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

/// `(x − mean) / √(variance + ε)` over the values whose mask is true; 0 elsewhere.
///
/// With `shiftMean` false the mean is added back, so only the scale changes (Huang et al. 2024, arXiv:2403.17031, detail 8). TRL and
/// verl take `ddof` 1, OpenRLHF takes 0. A single value has no variance: it is divided by √ε, so whiten more than one.
public func whiten(
    _ values: [Double], _ mask: [Bool], ddof: Int = 1, shiftMean: Bool = true, epsilon: Double = 1e-8
) -> [Double] {
    let counted = masked(values, mask)
    let mean = mean(counted)
    let scale = 1 / (variance(counted, ddof: ddof) + epsilon).squareRoot()
    return zip(values, mask).map { $1 ? ($0 - mean) * scale + (shiftMean ? 0 : mean) : 0 }
}

/// `1 − var(targets − predictions) / (var(targets) + 10⁻⁵)`: 1 for a perfect critic, 0 for one that knows only the mean.
///
/// The small constant is verl's; it keeps a batch of equal targets finite.
public func explainedVariance(predictions: [Double], targets: [Double]) -> Double {
    1 - variance(zip(targets, predictions).map { $0 - $1 }) / (variance(targets) + 1e-5)
}
