import Foundation

/// Student's t distribution, for the few seeds that experiments have.
public enum StudentT {
    /// The t that a variable of `degrees` degrees of freedom exceeds with probability 2.5%: 12.7, 4.30, 3.18 for 1, 2, 3.
    ///
    /// - Parameter degrees: above 0; Satterthwaite's are no whole numbers.
    public static func critical(degrees: Double) -> Double {
        // The tail falls from a half at 0; past 1e6 it is below 2.5% for every distribution with half a degree.
        var (low, high) = (0.0, 1e6)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if tail(middle, degrees: degrees) > 0.025 { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// P(T > t) for t ≥ 0: I_x(ν/2, 1/2) / 2 at x = ν / (ν + t²) (Abramowitz and Stegun, 26.7.1).
    static func tail(_ t: Double, degrees: Double) -> Double {
        incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
    }

    /// The regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22), evaluated from the tail.
    private static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges quickly below the mean; the other side follows by symmetry.
        guard x < (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
        var fraction = 1.0
        for m in stride(from: 200.0, through: 1, by: -1) {
            let odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            fraction = 1 + odd / (1 + even / fraction)
        }
        let power = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
        return exp(power) / (a * fraction)
    }
}
