import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// What the inner products of gradients say: every figure of a probe is one of these sums.
///
/// Products of different batches are unbiased for products of means (U-statistics, Hoeffding 1948); intervals are percentiles of the
/// bootstrap over batches (Efron 1979), the same resample for all estimators, for they saw the same batches.
struct GradientStatistics {
    /// Gradients of one estimator, a batch each, then those of the next, then the parts of the reference gradient.
    private let gram: [[Double]]
    private let estimators: Int
    private let batches: Int
    /// Independent estimates of the reference gradient; one: it is exact.
    private let parts: Int
    private static let resamples = 400

    /// - Parameters:
    ///   - gradients: by estimator and batch, each [D].
    ///   - reference: independent estimates of the reference gradient, or the exact one, [D].
    init(gradients: [[Tensor]], reference: [Tensor]) {
        estimators = gradients.count
        batches = gradients.first?.count ?? 0
        parts = reference.count
        gram = Self.products(gradients.flatMap { $0 } + reference)
    }

    /// All inner products, in double precision, over columns in pieces so that no second copy of everything is needed.
    private static func products(_ rows: [Tensor]) -> [[Double]] {
        guard let width = rows.first?.count else { return [] }
        var total = Tensor.zeros([rows.count, rows.count], dtype: .float64)
        for first in stride(from: 0, to: width, by: 1 << 16) {
            let piece = Tensor.concatenate(rows.map { $0.narrow(0, first..<min(first + 1 << 16, width)).reshape([1, -1]) })
                .to(.float64)
            total = total + piece.matmul(piece.transpose(0, 1))
        }
        let flat = total.doubles
        return rows.indices.map { Array(flat[$0 * rows.count..<($0 + 1) * rows.count]) }
    }

    /// How often each batch and each part of the reference counts.
    private struct Weights {
        var batches: [Double]
        var parts: [Double]
    }

    private var plain: Weights {
        Weights(batches: Array(repeating: 1, count: batches), parts: Array(repeating: 1, count: parts))
    }

    private func row(_ estimator: Int, _ batch: Int) -> Int { estimator * batches + batch }

    /// ⟨E g_a, E g_c⟩ from products of different batches.
    private func product(_ a: Int, _ c: Int, _ weights: Weights) -> Double {
        let columns = c * batches..<(c + 1) * batches
        return weights.batches.withUnsafeBufferPointer { weights in
            var (sum, count) = (0.0, 0.0)
            for i in 0..<batches where weights[i] > 0 {
                gram[row(a, i)].withUnsafeBufferPointer { products in
                    let products = UnsafeBufferPointer(rebasing: products[columns])
                    var (own, others) = (0.0, 0.0)
                    for j in 0..<batches {
                        own += weights[j] * products[j]
                        others += weights[j]
                    }
                    sum += weights[i] * (own - weights[i] * products[i])
                    count += weights[i] * (others - weights[i])
                }
            }
            return sum / count
        }
    }

    /// E|g_a|².
    private func power(_ a: Int, _ weights: Weights) -> Double {
        let sum = (0..<batches).reduce(0) { $0 + weights.batches[$1] * gram[row(a, $1)][row(a, $1)] }
        return sum / weights.batches.reduce(0, +)
    }

    /// ⟨E g_a, g*⟩.
    private func alignment(_ a: Int, _ weights: Weights) -> Double {
        var sum = 0.0
        for i in 0..<batches {
            for part in 0..<parts {
                sum += weights.batches[i] * weights.parts[part] * gram[row(a, i)][estimators * batches + part]
            }
        }
        return sum / (weights.batches.reduce(0, +) * weights.parts.reduce(0, +))
    }

    /// |g*|².
    private func referencePower(_ weights: Weights) -> Double {
        let first = estimators * batches
        if parts == 1 { return gram[first][first] }
        var (sum, count) = (0.0, 0.0)
        for i in 0..<parts {
            for j in 0..<parts where i != j {
                let weight = weights.parts[i] * weights.parts[j]
                sum += weight * gram[first + i][first + j]
                count += weight
            }
        }
        return sum / count
    }

    // MARK: - Figures

    /// All figures of one estimator.
    func estimator(_ estimator: Int, name: String, algorithm: String?, advantageVariance: Double?) -> ProbeResult.Estimator {
        func numbers(_ weights: Weights) -> [Double] {
            let power = power(estimator, weights)
            let signal = difference(product(estimator, estimator, weights), 0, scale: power)
            let noise = difference(power, signal)
            let alignment = alignment(estimator, weights)
            let reference = referencePower(weights)
            // Where the noise hides the signal its square comes out below 0, and the direction is not known.
            let cosine = signal > 0 && reference > 0 ? alignment / (signal * reference).squareRoot() : .nan
            return [
                power.squareRoot(), signal / noise, noise / signal, cosine,
                1 - cosine * abs(cosine), alignment / reference,
            ]
        }
        let point = numbers(plain)
        let resampled = resample(numbers)
        let figures = point.indices.map { index in Self.figure(point[index], resampled.map { $0[index] }) }
        return ProbeResult.Estimator(
            name: name, algorithm: algorithm, norm: figures[0], signalToNoise: figures[1], variance: figures[2],
            cosine: figures[3], bias: figures[4], scale: figures[5], advantageVariance: advantageVariance)
    }

    /// Cosines between the mean gradients of each two estimators; on the diagonal 1.
    func cosines() -> [[Double]] {
        let powers = (0..<estimators).map { difference(product($0, $0, plain), 0, scale: power($0, plain)) }
        return (0..<estimators).map { a in
            (0..<estimators).map { c in
                guard a != c else { return 1 }
                return min(powers[a], powers[c]) > 0 ? product(a, c, plain) / (powers[a] * powers[c]).squareRoot() : .nan
            }
        }
    }

    private func resample(_ body: (Weights) -> [Double]) -> [[Double]] {
        var random = SplitMix64(seed: 0, stream: 0x9a0be)
        return (0..<Self.resamples).map { _ in
            var weights = Weights(batches: [], parts: [])
            repeat { weights.batches = Bootstrap.weights(batches, using: &random) } while weights.batches.count { $0 > 0 } < 2
            repeat {
                weights.parts = Bootstrap.weights(parts, using: &random)
            } while parts > 1 && weights.parts.count { $0 > 0 } < 2
            return body(weights)
        }
    }

    /// A value with the 95% percentile interval of its resamples; not a number if more of these are none than lie outside of it.
    static func figure(_ mean: Double, _ resamples: [Double]) -> ProbeResult.Figure {
        guard mean.isFinite, let interval = Bootstrap.outerInterval(resamples) else {
            return ProbeResult.Figure(mean: .nan, low: .nan, high: .nan)
        }
        return ProbeResult.Figure(mean: mean, low: interval.lowerBound, high: interval.upperBound)
    }
}
