import ZooTensor

/// One or several linear layers of the same input, so that one product serves all. `weights` and `biases` are the parameters
/// proper; they share the memory of `weight` and `bias`.
struct Affine {
    let weight: Tensor, bias: Tensor
    let weights: [Tensor], biases: [Tensor]

    /// x `[n, in]` · weightᵀ + bias.
    func callAsFunction(_ x: Tensor) -> Tensor {
        x.withEnoughRows { x in
            if weights.count == 1 { return x.linear(weights[0], bias: biases[0]) }
            guard isGradEnabled, weights[0].requiresGrad else { return x.linear(weight, bias: bias) }
            return x.linear(fused: weight, parts: weights, bias: bias, biasParts: biases)
        }
    }
}

extension Tensor {
    /// Applies a product to rows `[n, in]`, padded with zeros where they are few.
    ///
    /// BLAS sums in another order where a matrix has a handful of rows. With enough of them, each row's result does not depend on how
    /// many others there are: a step's log-probability is the same bits in any slice of a batch.
    func withEnoughRows(_ product: (Tensor) -> Tensor) -> Tensor {
        let (rows, least) = (size(0), 16)
        if rows >= least || rows == 0 { return product(self) }
        return product(.concatenate([self, .zeros([least - rows, size(1)], device: device)])).narrow(0, 0..<rows)
    }

    /// x σ(x) of rows `[n, d]` with the same bits for a row whatever its place, which libtorch's own does not give at the end of an odd
    /// number of elements: SwiGLU's kernel goes row by row.
    func siluByRow() -> Tensor { Tensor.concatenate([self, .ones(shape, device: device)], dim: 1).swiGLU() }
}
