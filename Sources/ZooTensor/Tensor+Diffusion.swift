import CTorch

// The operators of a diffusion transformer, over rows of packed tokens.
extension Tensor {
    /// LayerNorm(x) · (1 + scale) + shift for rows [n, d]. Peebles & Xie 2023, adaLN-Zero.
    ///
    /// - Parameters:
    ///   - modulation: `[batch, m]`, each row for n / batch rows of this tensor.
    ///   - shift: the column of `modulation` where the shift begins, as `scale` for the scale.
    public func modulatedNorm(_ modulation: Tensor, shift: Int, scale: Int, eps: Double = 1e-6) -> Tensor {
        make("modulatedNorm", [self, modulation]) {
            ct_modulated_norm($0, handle, modulation.handle, Int64(shift), Int64(scale), eps)
        }
    }

    /// self + gate · h for rows [n, d]; the gate begins at a column of `modulation` [batch, m].
    public func gatedAdd(_ h: Tensor, _ modulation: Tensor, gate: Int) -> Tensor {
        make("gatedAdd", [self, h, modulation]) { ct_gated_add($0, handle, h.handle, modulation.handle, Int64(gate)) }
    }

    /// softmax(q kᵀ / √width) v over all keys, with self as q; gives `[batch · length, heads · width]`.
    public func attention(_ k: Tensor, _ v: Tensor) -> Tensor {
        make("attention", [self, k, v]) { ct_attention($0, handle, k.handle, v.handle) }
    }

    /// Views of `counts[i]` columns each, one after the other; together they are all columns.
    public func splitColumns(_ counts: [Int]) -> [Tensor] {
        let sizes = counts.map(Int64.init)
        var out = [ct_tensor?](repeating: nil, count: counts.count)
        check("splitColumns", [self], ct_split_columns(&out, handle, sizes, Int32(sizes.count)))
        return out.compactMap { $0.map(Tensor.init(owning:)) }
    }
}

/// Packed projections of one stream of joint attention: rows `[batch · length, 3 heads width (+ rest)]` and its norms `[width]`.
public struct AttentionStream {
    public let rows: Tensor, queryNorm: Tensor, keyNorm: Tensor

    public init(rows: Tensor, queryNorm: Tensor, keyNorm: Tensor) {
        self.rows = rows
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
    }

    /// RMS-normed, rotated queries and keys, and values, `[batch, heads, length, width]`, the first stream's places first.
    ///
    /// Pairs of neighbours turn together, which is FLUX's layout and not that of halves.
    /// - Parameters:
    ///   - cosine: `[length, width / 2]`, as is `sine`.
    ///   - withRest: whether the one stream has further columns; they come back through GELU, `[batch · length, rest]`.
    public static func heads(
        _ streams: [AttentionStream], cosine: Tensor, sine: Tensor, batch: Int, heads: Int, withRest: Bool = false
    ) -> (q: Tensor, k: Tensor, v: Tensor, rest: Tensor?) {
        let inputs = streams.flatMap { [$0.rows, $0.queryNorm, $0.keyNorm] }
        var (q, k, v, rest): (ct_tensor?, ct_tensor?, ct_tensor?, ct_tensor?)
        let status = withHandles(inputs) { handles, _ in
            withRest
                ? ct_joint_heads(
                    &q, &k, &v, &rest, handles, Int32(streams.count), cosine.handle, sine.handle, Int64(batch), Int64(heads))
                : ct_joint_heads(
                    &q, &k, &v, nil, handles, Int32(streams.count), cosine.handle, sine.handle, Int64(batch), Int64(heads))
        }
        check("AttentionStream.heads", inputs, status)
        guard let q, let k, let v else { fatalError("AttentionStream.heads: no result") }
        return (Tensor(owning: q), Tensor(owning: k), Tensor(owning: v), rest.map(Tensor.init(owning:)))
    }
}
