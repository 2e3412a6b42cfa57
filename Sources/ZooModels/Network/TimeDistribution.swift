import Foundation
import ZooTensor

/// The distribution of a training time t in 0 ... 1.
public enum TimeDistribution: Sendable, Equatable {
    case uniform
    /// sigmoid(mean + width · z) with z standard normal. Esser et al. 2024, eq. 19.
    case logitNormal(mean: Double, width: Double)

    /// `count` times.
    func draw(_ count: Int, _ generator: Generator) -> [Double] {
        switch self {
        case .uniform: Tensor.uniform([count], generator: generator).doubles
        case .logitNormal(let mean, let width):
            Tensor.normal([count], generator: generator).doubles.map { 1 / (1 + exp(-(mean + width * $0))) }
        }
    }
}
