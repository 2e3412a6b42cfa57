import ZooKit

/// The f-divergence between policy and reference that a loss stands on (Wang et al. 2023, https://arxiv.org/abs/2309.16240, table 1).
/// The score of an answer is f′(t) at t = π/π_ref, up to constants, which cancel in a margin.
enum Divergence: String, CaseIterable, ParameterValue {
    case reverseKL = "reverse_kl"
    case forwardKL = "forward_kl"
    case jensenShannon = "js_divergence"
    case alpha = "alpha_divergence"

    /// Above this exponent a score stays what it is and its slope is 0. TRL's limit for float32, where e⁸⁹ overflows; it has none for
    /// `forward_kl`, which is `alpha_divergence` at α = 0.
    static let largestExponent = 80.0

    /// The score s of a log-ratio log t, and its derivative by it.
    func score(_ ratio: Double, alpha: Double) -> (value: Double, slope: Double) {
        switch self {
        case .reverseKL: return (ratio, 1)  // f′ = log t + 1
        case .forwardKL: return Self.power(ratio, alpha: 0)  // f′ = −1/t
        case .jensenShannon: return (logSigmoid(ratio), sigmoid(-ratio))  // f′ = log(2t / (1 + t))
        case .alpha:  // f′ = (t^(α − 1) − 1) / (α − 1), which is log t for α → 1
            return abs(alpha - 1) < 1e-6 ? (ratio, 1) : Self.power(ratio, alpha: alpha)
        }
    }

    /// t^(α − 1) / (α − 1)
    private static func power(_ ratio: Double, alpha: Double) -> (value: Double, slope: Double) {
        let exponent = (alpha - 1) * ratio
        let power = exp(min(exponent, largestExponent))
        return (power / (alpha - 1), exponent < largestExponent ? power : 0)
    }
}
