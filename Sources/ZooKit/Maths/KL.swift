/// Estimators of KL(π‖π_ref) from the log-probabilities of one sample of π (Schulman 2020, "Approximating KL divergence").
///
/// With d = log π − log π_ref: `k1` is d, unbiased and noisy; `k2` is d²/2, biased and positive; `k3` is e^−d + d − 1, unbiased and
/// positive; `abs` is |d|. In a loss it is their gradients that count. Over samples of π itself, the expected gradient of `k1` is 0,
/// that of `k2` is the gradient of KL(π‖π_ref), and that of `k3` is the gradient of KL(π_ref‖π), which has another optimum.
///
/// The forms with a plus have the value of their name and the gradient of `k2`, as verl's do.
public enum KLEstimator: String, CaseIterable, Sendable {
    case k1, k2, k3, abs
    case k1Plus = "k1+"
    case k3Plus = "k3+"
    case absPlus = "abs+"

    /// Whether the gradient is another estimator's, and not the derivative of the value.
    public var isStraightThrough: Bool { self == .k1Plus || self == .k3Plus || self == .absPlus }

    /// The estimate for one action, cut to ±`limit`.
    public func value(_ logp: Double, reference: Double, limit: Double = .infinity) -> Double {
        let value = unlimited(logp - reference)
        return min(max(value, -limit), limit)
    }

    /// Its derivative by log π: 0 where the limit binds, except in the forms with a plus.
    public func gradient(_ logp: Double, reference: Double, limit: Double = .infinity) -> Double {
        let d = logp - reference
        guard isStraightThrough || Swift.abs(unlimited(d)) <= limit else { return 0 }
        switch self {
        case .k1: return 1
        case .k2, .k1Plus, .k3Plus, .absPlus: return d
        case .k3: return -expm1(-d)
        case .abs: return d == 0 ? 0 : d > 0 ? 1 : -1
        }
    }

    private func unlimited(_ d: Double) -> Double {
        switch self {
        case .k1, .k1Plus: d
        case .k2: d * d / 2
        case .k3, .k3Plus: expm1(-d) + d
        case .abs, .absPlus: Swift.abs(d)
        }
    }
}

/// Moves a KL coefficient so that the measured KL approaches a target (Ziegler et al. 2019, arXiv:1909.08593, section 2.2).
public struct AdaptiveKL: Sendable, Equatable, Codable {
    /// The present coefficient.
    public var coefficient: Double

    public init(coefficient: Double) { self.coefficient = coefficient }

    /// `coefficient *= 1 + clip(kl / target − 1, ±0.2) · episodes / horizon`; `kl` in nats per sequence.
    public mutating func update(kl: Double, target: Double, horizon: Double, episodes: Int) {
        let error = min(max(kl / target - 1, -0.2), 0.2)
        coefficient *= 1 + error * Double(episodes) / horizon
    }
}
