import ZooTensor

/// A normalisation of the residual stream or of a head, with its weights `[width]`.
enum Norm {
    case rms(Tensor, eps: Double)
    /// Gemma stores the difference from 1.
    case rmsPlusOne(Tensor, eps: Double)
    case layer(Tensor, bias: Tensor, eps: Double)

    /// x `[..., width]`, normalised over the last dimension.
    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .rms(let weight, let eps): x.rmsNorm(weight, eps: eps)
        case .rmsPlusOne(let weight, let eps): x.rmsNorm(weight + 1, eps: eps)
        case .layer(let weight, let bias, let eps): x.layerNorm(weight, bias: bias, eps: eps)
        }
    }
}
