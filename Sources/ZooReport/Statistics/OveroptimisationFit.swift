import Foundation

/// The gold reward along training as a function of the distance d = √KL to the base model: R(d) = d (α − β log d).
///
/// Source: Gao, Schulman and Hilton 2023, "Scaling laws for reward model overoptimization", https://arxiv.org/abs/2210.10760, the form
/// for reinforcement learning. R is measured from the base model's own reward, which is 0 at d = 0.
public struct OveroptimisationFit: Sendable, Equatable {
    public let alpha: Double
    public let beta: Double
    /// Share of the variance of R that the curve explains, at most 1; below 0 if a constant would do better, and 0 where all R
    /// are equal, for then there is nothing to explain.
    public let explained: Double

    /// The least-squares fit to points (√KL, reward above the base's); nil if there are fewer than five away from 0, or all of
    /// them at the same distance.
    public init?(_ points: [(distance: Double, reward: Double)]) {
        let points = points.filter { $0.distance > 1e-3 && $0.reward.isFinite }
        guard points.count >= 5 else { return nil }
        // R = α·x + β·z with x = d and z = −d log d: two normal equations.
        let rows = points.map { (x: $0.distance, z: -$0.distance * log($0.distance), r: $0.reward) }
        func sum(_ term: ((x: Double, z: Double, r: Double)) -> Double) -> Double { rows.reduce(0) { $0 + term($1) } }
        let (xx, xz, zz) = (sum { $0.x * $0.x }, sum { $0.x * $0.z }, sum { $0.z * $0.z })
        let (xr, zr) = (sum { $0.x * $0.r }, sum { $0.z * $0.r })
        let determinant = xx * zz - xz * xz
        guard determinant > 1e-9 * xx * zz else { return nil }
        let alpha = (zz * xr - xz * zr) / determinant
        let beta = (xx * zr - xz * xr) / determinant
        let mean = sum(\.r) / Double(rows.count)
        let total = sum { difference($0.r, mean) * difference($0.r, mean) }
        let left = sum { row in
            let error = row.r - alpha * row.x - beta * row.z
            return error * error
        }
        (self.alpha, self.beta) = (alpha, beta)
        explained = total > 0 ? 1 - left / total : 0
    }

    /// R at a distance.
    public func callAsFunction(_ distance: Double) -> Double {
        distance > 0 ? distance * (alpha - beta * log(distance)) : 0
    }

    /// The distance beyond which the reward falls, exp(α/β − 1); nil if it never does.
    public var peak: Double? { beta > 0 ? exp(alpha / beta - 1) : nil }
}
