/// Stochastic gradient descent: parameter ← parameter - learningRate · (gradient + weightDecay · parameter), the decay where the
/// parameter ``NamedTensor/isDecayed``. It holds no state.
public final class SGD: Optimizer {
    public let parameters: [NamedTensor]
    public let weightDecay: Double

    public init(parameters: [NamedTensor], weightDecay: Double = 0) {
        self.parameters = parameters
        self.weightDecay = weightDecay
    }

    public func step(learningRate: Double) {
        withoutGrad {
            for parameter in parameters {
                guard let gradient = parameter.tensor.gradient else { continue }
                let kept = parameter.tensor * (1 - learningRate * (parameter.isDecayed ? weightDecay : 0))
                parameter.tensor.copy(from: kept - gradient * learningRate)
            }
        }
    }

    public func zeroGradients() { for parameter in parameters { parameter.tensor.clearGradient() } }
    public var bytes: Int { 0 }
    public var state: [String: Tensor] { [:] }

    public func restore(_ state: [String: Tensor]) throws {
        if let extra = state.keys.min() { throw TensorError("optimizer state \(extra): stochastic gradient descent has none") }
    }
}
