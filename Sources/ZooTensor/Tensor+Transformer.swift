import CTorch

// The operators of a decoder-only transformer, over rows of packed steps.
extension Tensor {
    /// Rows of this table [v, d] for `index` [n].
    public func embedding(_ index: Tensor) -> Tensor {
        make("embedding", [self, index]) { ct_embedding($0, handle, index.handle) }
    }

    /// x / √(mean(x²) + eps) · weight over the last dimension. Zhang & Sennrich 2019, eq. 4.
    public func rmsNorm(_ weight: Tensor, eps: Double) -> Tensor {
        make("rmsNorm", [self, weight]) { ct_rms_norm($0, handle, weight.handle, eps) }
    }

    /// (x - mean(x)) / √(var(x) + eps) · weight + bias over the last dimension. Ba et al. 2016, eq. 4.
    public func layerNorm(_ weight: Tensor, bias: Tensor, eps: Double) -> Tensor {
        make("layerNorm", [self, weight, bias]) { ct_layer_norm($0, handle, weight.handle, bias.handle, eps) }
    }

    /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))). Hendrycks & Gimpel 2016, section 2.
    public func geluTanh() -> Tensor { make("geluTanh", [self]) { ct_gelu_tanh($0, handle) } }

    /// silu(gate) · up for rows [gate | up] of `[n, 2 i]`; gives `[n, i]`. Shazeer 2020, eq. 6.
    public func swiGLU() -> Tensor { make("swiGLU", [self]) { ct_swiglu($0, handle) } }

    /// self [n, in] · weightᵀ + bias for several weights that lie one after the other in `fused`; gradients go to `parts`.
    ///
    /// `bias` and `biasParts` are the same for the biases, where there are any.
    public func linear(fused: Tensor, parts: [Tensor], bias: Tensor? = nil, biasParts: [Tensor] = []) -> Tensor {
        make("linear", [self, fused] + parts) { out in
            withHandles(parts) { parts, count in
                guard let bias else { return ct_fused_linear(out, handle, fused.handle, parts, nil, nil, count) }
                return withHandles(biasParts) { biases, _ in
                    ct_fused_linear(out, handle, fused.handle, parts, bias.handle, biases, count)
                }
            }
        }
    }

    /// Adds scales[i] · (input Aᵢᵀ) Bᵢᵀ to the columns of this matrix that begin at `columns[i]`, in place, and returns it as the result of
    /// that; this tensor must not be used otherwise. Hu et al. 2021, eq. 3.
    ///
    /// - Parameters:
    ///   - input: `[n, in]`; this tensor is `[n, out]`.
    ///   - down: `[Σ rᵢ, in]`, the rows of every Aᵢ one after the other.
    ///   - downs: the Aᵢ `[rᵢ, in]`, in the memory of `down`; gradients go to them and to `ups`, the Bᵢ `[outᵢ, rᵢ]`.
    public func addingLowRank(
        _ input: Tensor, down: Tensor, downs: [Tensor], ups: [Tensor], columns: [Int], scales: [Double]
    ) -> Tensor {
        let begins = columns.map(Int64.init)
        return make("addingLowRank", [self, input, down] + ups) { out in
            withHandles(downs + ups) { factors, _ in
                ct_add_low_rank(out, handle, input.handle, down.handle, factors, begins, scales, Int32(begins.count))
            }
        }
    }

    /// Splits packed projections `[n, (heads + 2 kvHeads) · width]` into rotated queries and keys, and values, each
    /// `[batch, heads, length, width]`. Su et al. 2021, eq. 34, in Hugging Face's layout of halves.
    ///
    /// - Parameters:
    ///   - rows: the packed row of each of the `batch · length` places, negative for padding; nil if the rows lie there. A row that
    ///     several sequences begin with lies at several places, of one position.
    ///   - cosine: `[positions, turned / 2]`, as is `sine`: the numbers of a head after its first `turned` stay. A step's position is
    ///     its place in its row.
    public func rotaryHeads(
        rows: Tensor?, cosine: Tensor, sine: Tensor, batch: Int, length: Int, heads: Int, kvHeads: Int
    ) -> (q: Tensor, k: Tensor, v: Tensor) {
        var q: ct_tensor?
        var k: ct_tensor?
        var v: ct_tensor?
        let status = ct_rotary_heads(
            &q, &k, &v, handle, rows?.handle, cosine.handle, sine.handle, Int64(batch), Int64(length), Int64(heads),
            Int64(kvHeads))
        check("rotaryHeads", [self, cosine], status)
        guard let q, let k, let v else { fatalError("rotaryHeads: no result") }
        return (Tensor(owning: q), Tensor(owning: k), Tensor(owning: v))
    }

    /// One decoding step: writes the rotated key and the value at `column` of the caches `[r, kvHeads, columns, width]`,
    /// gives the rotated queries `[r, kvHeads, heads / kvHeads, width]`. Records no gradient.
    public func rotaryAppend(
        positions: Tensor, cosine: Tensor, sine: Tensor, keys: Tensor, values: Tensor, column: Int
    ) -> Tensor {
        make("rotaryAppend", [self, keys]) {
            ct_rotary_append(
                $0, handle, positions.handle, cosine.handle, sine.handle, keys.handle, values.handle, Int64(column))
        }
    }

    /// softmax(scale · q kᵀ) v with self as q, each query seeing the keys up to its own place. Vaswani et al. 2017, eq. 1.
    ///
    /// - Parameters:
    ///   - window: how many keys a query sees, its own included; nil for all. Beltagy et al. 2020, section 3.1.
    ///   - scale: nil for 1/√width.
    ///   - cap: scores s become cap · tanh(s / cap). Gemma Team 2024 (2408.00118), section 2.
    public func causalAttention(
        _ k: Tensor, _ v: Tensor, window: Int? = nil, scale: Double? = nil, cap: Double? = nil
    ) -> Tensor {
        make("causalAttention", [self, k, v]) {
            ct_causal_attention($0, handle, k.handle, v.handle, Int64(window ?? 0), scale ?? 0, cap ?? 0)
        }
    }

    /// The same for one new query per row, `[r, kvHeads, group, width]`, over the columns `seen` of the caches
    /// `[r, kvHeads, columns, width]`; gives `[r, kvHeads · group · width]`. Records no gradient.
    public func cachedAttention(
        keys: Tensor, values: Tensor, seen: SeenColumns, scale: Double? = nil, cap: Double? = nil
    ) -> Tensor {
        make("cachedAttention", [self, keys, seen.starts]) {
            ct_cached_attention(
                $0, handle, keys.handle, values.handle, seen.starts.handle, seen.mask?.handle, Int64(seen.end), scale ?? 0,
                cap ?? 0
            )
        }
    }

    /// log p(target) and, where wanted, the entropy of softmax(self · weightᵀ · inverseTemperature), row by row.
    ///
    /// Logits are made in chunks and made again in the backward pass: nothing of size [n, v] ever exists.
    /// - Parameters:
    ///   - weight: `[v, d]`; this tensor is `[n, d]`.
    ///   - targets: `[n]`, 64-bit.
    ///   - inverseTemperature: `[n]`, or nil for 1.
    ///   - cap: logits z become cap · tanh(z / cap) before the temperature.
    public func tokenLogp(
        weight: Tensor, targets: Tensor, inverseTemperature: Tensor?, cap: Double? = nil, wantEntropy: Bool
    ) -> (logp: Tensor, entropy: Tensor?) {
        var logp: ct_tensor?
        var entropy: ct_tensor?
        let status =
            wantEntropy
            ? ct_token_logp(&logp, &entropy, handle, weight.handle, targets.handle, inverseTemperature?.handle, cap ?? 0)
            : ct_token_logp(&logp, nil, handle, weight.handle, targets.handle, inverseTemperature?.handle, cap ?? 0)
        check("tokenLogp", [self, weight, targets], status)
        guard let logp else { fatalError("tokenLogp: no result") }
        return (Tensor(owning: logp), entropy.map(Tensor.init(owning:)))
    }

    /// One token per row of logits `[r, v]` by inverting the distribution at `uniform` [r], with its log-probability.
    ///
    /// Temperature 0 takes the most likely. The log-probability is that of the whole distribution at the temperature (at 1
    /// where it is 0), also where `topK` or `topP` cut the choice, so that it agrees with a later forward pass.
    public func sample(uniform: Tensor, temperature: Double, topK: Int, topP: Double) -> (tokens: Tensor, logp: Tensor) {
        var tokens: ct_tensor?
        var logp: ct_tensor?
        check(
            "sample", [self, uniform],
            ct_sample(&tokens, &logp, handle, uniform.handle, temperature, Int64(topK), topP))
        guard let tokens, let logp else { fatalError("sample: no result") }
        return (Tensor(owning: tokens), Tensor(owning: logp))
    }
}

/// The columns of a cache that each row of a decoding step sees: those from its own first one to a common end. Made once a step, for all
/// layers.
public struct SeenColumns {
    let starts: Tensor
    let end: Int
    /// Nil where there is nothing to hide, so that kernels that take no mask may be used, and in float32 on a CPU, which reads `starts`.
    let mask: Tensor?

    /// - Parameters:
    ///   - starts: `first` where the caches are, `[r]`.
    ///   - caches: a tensor of the caches' type and device.
    public init(first: [Int], starts: Tensor, end: Int, caches: Tensor) {
        (self.starts, self.end) = (starts, end)
        let isComposed = caches.device != .cpu || caches.dtype != .float32
        mask =
            isComposed && first.contains { $0 > 0 }
            ? make("columnMask", [starts]) { ct_column_mask($0, starts.handle, Int64(end), caches.dtype.rawValue) } : nil
    }
}
