import ZooTensor

/// The adapters of one projection: s · Bᵢ Aᵢ x is added to the outputs of part i. Hu et al. 2021, eq. 3.
struct LowRank {
    /// `[Σ r, in]`: every Aᵢ, one after the other, so that one product makes all Aᵢ x.
    let down: Tensor
    /// Aᵢ `[r, in]`, in the memory of `down`.
    let downs: [Tensor]
    /// Bᵢ `[outᵢ, r]`.
    let ups: [Tensor]
    /// First output of each part.
    let columns: [Int]
    /// s.
    let scale: Double

    /// `output` is the projection's own product and is used up.
    func added(to output: Tensor, _ x: Tensor) -> Tensor {
        output.addingLowRank(x, down: down, downs: downs, ups: ups, columns: columns, scale: scale)
    }

    /// Multiply-adds count as two; each adapter takes 2 r (in + out) a row.
    var rowFLOPs: Double { ups.reduce(0) { $0 + Double(2 * $1.size(1) * (down.size(1) + $1.size(0))) } }
}
