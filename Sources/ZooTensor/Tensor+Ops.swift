import CTorch

// Arithmetic broadcasts as in PyTorch.
extension Tensor {
    public static func + (a: Tensor, b: Tensor) -> Tensor { make("+", [a, b]) { ct_add($0, a.handle, b.handle) } }
    public static func - (a: Tensor, b: Tensor) -> Tensor { make("-", [a, b]) { ct_sub($0, a.handle, b.handle) } }
    public static func * (a: Tensor, b: Tensor) -> Tensor { make("*", [a, b]) { ct_mul($0, a.handle, b.handle) } }
    public static func / (a: Tensor, b: Tensor) -> Tensor { make("/", [a, b]) { ct_div($0, a.handle, b.handle) } }
    public static func + (a: Tensor, b: Double) -> Tensor { make("+", [a]) { ct_add_scalar($0, a.handle, b) } }
    public static func - (a: Tensor, b: Double) -> Tensor { a + -b }
    public static func * (a: Tensor, b: Double) -> Tensor { make("*", [a]) { ct_mul_scalar($0, a.handle, b) } }
    public static func / (a: Tensor, b: Double) -> Tensor { a * (1 / b) }
    public static prefix func - (a: Tensor) -> Tensor { make("-", [a]) { ct_neg($0, a.handle) } }

    public func exp() -> Tensor { make("exp", [self]) { ct_exp($0, handle) } }
    public func log() -> Tensor { make("log", [self]) { ct_log($0, handle) } }
    public func sqrt() -> Tensor { make("sqrt", [self]) { ct_sqrt($0, handle) } }
    public func square() -> Tensor { make("square", [self]) { ct_square($0, handle) } }
    public func sigmoid() -> Tensor { make("sigmoid", [self]) { ct_sigmoid($0, handle) } }
    public func silu() -> Tensor { make("silu", [self]) { ct_silu($0, handle) } }
    public func tanh() -> Tensor { make("tanh", [self]) { ct_tanh($0, handle) } }

    public func matmul(_ other: Tensor) -> Tensor { make("matmul", [self, other]) { ct_matmul($0, handle, other.handle) } }

    /// self [n, in] · weight [out, in]ᵀ + bias [out].
    public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
        make("linear", [self, weight]) { ct_linear($0, handle, weight.handle, bias?.handle) }
    }

    /// self [n, out] + input [n, in] · weight [out, in]ᵀ.
    public func addingLinear(_ input: Tensor, _ weight: Tensor) -> Tensor {
        make("addingLinear", [self, input, weight]) { ct_add_linear($0, handle, input.handle, weight.handle) }
    }

    public func sum() -> Tensor { make("sum", [self]) { ct_sum($0, handle) } }
    public func mean() -> Tensor { make("mean", [self]) { ct_mean($0, handle) } }

    public func sum(dim: Int, keep: Bool = false) -> Tensor {
        make("sum", [self]) { ct_sum_dim($0, handle, Int64(dim), keep) }
    }

    public func argmax(dim: Int) -> Tensor { make("argmax", [self]) { ct_argmax($0, handle, Int64(dim)) } }
    public func logSoftmax(dim: Int) -> Tensor { make("logSoftmax", [self]) { ct_log_softmax($0, handle, Int64(dim)) } }

    public func logSumExp(dim: Int, keep: Bool = false) -> Tensor {
        make("logSumExp", [self]) { ct_logsumexp($0, handle, Int64(dim), keep) }
    }

    /// The same elements under another shape; one size may be -1.
    public func reshape(_ shape: [Int]) -> Tensor {
        let sizes = shape.map(Int64.init)
        return make("reshape", [self]) { ct_reshape($0, handle, sizes, Int32(sizes.count)) }
    }

    public func transpose(_ first: Int, _ second: Int) -> Tensor {
        make("transpose", [self]) { ct_transpose($0, handle, Int64(first), Int64(second)) }
    }

    /// A view of `range` along `dim`.
    public func narrow(_ dim: Int, _ range: Range<Int>) -> Tensor {
        make("narrow", [self]) { ct_narrow($0, handle, Int64(dim), Int64(range.lowerBound), Int64(range.count)) }
    }

    /// Views of `counts[i]` rows each, one after the other; together they are all rows.
    public func splitRows(_ counts: [Int]) -> [Tensor] {
        let sizes = counts.map(Int64.init)
        var out = [ct_tensor?](repeating: nil, count: counts.count)
        check("splitRows", [self], ct_split_rows(&out, handle, sizes, Int32(sizes.count)))
        return out.compactMap { $0.map(Tensor.init(owning:)) }
    }

    public static func concatenate(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
        if tensors.count == 1 { return tensors[0] }
        return make("concatenate", tensors) { out in withHandles(tensors) { ct_cat(out, $0, $1, Int64(dim)) } }
    }

    /// The slices that `index` [m] names along `dim`, repeats allowed.
    public func select(_ index: Tensor, dim: Int = 0) -> Tensor {
        make("select", [self, index]) { ct_index_select($0, handle, Int64(dim), index.handle) }
    }

    /// The elements that `index` names along `dim`; it has the rank of this tensor.
    public func gather(_ index: Tensor, dim: Int) -> Tensor {
        make("gather", [self, index]) { ct_gather($0, handle, Int64(dim), index.handle) }
    }

    /// Row i of this tensor [n, ...] added to row `index[i]` of `count` rows of zeros.
    public func segmentSum(_ index: Tensor, count: Int) -> Tensor {
        make("segmentSum", [self, index]) { ct_segment_sum($0, handle, index.handle, Int64(count)) }
    }

    /// Rows of this matrix [n, d] in the order of `rows`, which must be distinct.
    public func distinctRows(_ rows: Tensor) -> Tensor {
        make("distinctRows", [self, rows]) { ct_gather_rows($0, handle, rows.handle) }
    }
}
