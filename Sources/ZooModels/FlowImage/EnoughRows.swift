import ZooTensor

extension Projection {
    /// The product of rows x `[n, in]`, the same bits for a row however many there are.
    func byRow(_ x: Tensor) -> Tensor { x.withEnoughRows { self($0) } }
}

extension Tensor {
    /// Applies a product to rows `[n, in]`, padded with zeros where they are few.
    ///
    /// BLAS sums in another order where a matrix has a handful of rows. With enough of them, each row's result does not depend on how
    /// many others there are: a step's log-probability is the same bits in any slice of a batch.
    func withEnoughRows(_ product: (Tensor) -> Tensor) -> Tensor { Self.withEnoughRows([self]) { product($0[0]) } }

    /// The same for several matrices `[n, ...]` at once.
    static func withEnoughRows(_ inputs: [Tensor], _ product: ([Tensor]) -> Tensor) -> Tensor {
        let (rows, least) = (inputs[0].size(0), 16)
        if rows >= least || rows == 0 { return product(inputs) }
        let padded = inputs.map { Tensor.concatenate([$0, .zeros([least - rows, $0.size(1)], device: $0.device)]) }
        return product(padded).narrow(0, 0..<rows)
    }

    /// x σ(x) of rows `[n, d]` with the same bits for a row whatever its place, which libtorch's own does not give at the end of an odd
    /// number of elements: SwiGLU's kernel goes row by row.
    func siluByRow() -> Tensor { Tensor.concatenate([self, .ones(shape, device: device)], dim: 1).swiGLU() }
}
