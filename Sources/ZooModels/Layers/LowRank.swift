import ZooTensor

/// The adapters of one projection: sᵢ · Bᵢ Aᵢ x is added to the outputs of part i. Hu et al. 2021, eq. 3.
struct LowRank {
    /// `[Σ rᵢ, in]`: every Aᵢ, one after the other, so that one product makes all Aᵢ x.
    let down: Tensor
    /// Aᵢ `[rᵢ, in]`, in the memory of `down`.
    let downs: [Tensor]
    /// Bᵢ `[outᵢ, rᵢ]`.
    let ups: [Tensor]
    /// First output of each part.
    let columns: [Int]
    /// sᵢ.
    let scales: [Double]

    /// `output` is the projection's own product and is used up.
    func added(to output: Tensor, _ x: Tensor) -> Tensor {
        output.addingLowRank(x, down: down, downs: downs, ups: ups, columns: columns, scales: scales)
    }

    /// Multiply-adds count as two; each adapter takes 2 r (in + out) a row.
    var rowFLOPs: Double { ups.reduce(0) { $0 + Double(2 * $1.size(1) * (down.size(1) + $1.size(0))) } }

    /// s · A x `[n, r]` beside x, and B beside a weight W: one product of the two is W x + s · B A x. Of a single part.
    func beside(_ x: Tensor, _ weight: Tensor) -> (x: Tensor, weight: Tensor) {
        (.concatenate([x, x.linear(downs[0]) * scales[0]], dim: 1), .concatenate([weight, ups[0]], dim: 1))
    }
}

/// The adapter of an embedding: s · B Aₜ is added to the vector of token t.
struct LowRankTable {
    /// A `[r, rows]`.
    let down: Tensor
    /// B `[width, r]`.
    let up: Tensor
    /// s.
    let scale: Double

    /// `[n, width]` for `tokens` [n].
    func callAsFunction(_ tokens: Tensor) -> Tensor { down.transpose(0, 1).embedding(tokens).linear(up) * scale }
}
