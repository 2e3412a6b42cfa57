/// The logistic function σ(x) = 1 / (1 + e⁻ˣ), without overflow.
public func sigmoid(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}

/// log σ(x), without overflow or loss of digits.
public func logSigmoid(_ x: Double) -> Double {
    min(x, 0) - log1p(exp(-abs(x)))
}
