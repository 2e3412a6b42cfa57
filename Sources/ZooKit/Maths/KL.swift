/// Estimators of KL(π‖π_ref) from the log-probabilities of one sample of π (Schulman 2020, "Approximating KL divergence").
///
/// With d = log π − log π_ref: `k1` is unbiased and noisy; `k2` is biased and positive; `k3` is unbiased and positive. In a loss it is
/// their gradients that count. Over samples of π itself, the expected gradient of `k1` is 0, that of `k2` is the gradient of
/// KL(π‖π_ref), and that of `k3` is the gradient of KL(π_ref‖π), which has another optimum.
public enum KLEstimator: String, CaseIterable, Sendable {
    case k1, k2, k3

    /// The estimate for one action.
    public func value(_ logp: Double, reference: Double) -> Double {
        let d = logp - reference
        switch self {
        case .k1: return d
        case .k2: return d * d / 2
        case .k3: return expm1(-d) + d
        }
    }

    /// Its derivative by log π.
    public func gradient(_ logp: Double, reference: Double) -> Double {
        let d = logp - reference
        switch self {
        case .k1: return 1
        case .k2: return d
        case .k3: return -expm1(-d)
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
