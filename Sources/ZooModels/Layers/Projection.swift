import ZooTensor

/// A linear layer of a block: one or several weight matrices of the same input, one after the other in memory, so that one
/// product serves all. Every product of a block goes through this type.
struct Projection {
    /// Weights or biases that lie one after the other in `whole`. `parts` are the parameters proper, with names and gradients
    /// of their own; they share the memory of `whole`.
    struct Fused {
        let whole: Tensor
        let parts: [Tensor]
    }

    /// `[Σ out, in]`; where `isTransposed` one part of `[in, out]`.
    let weight: Fused
    /// `[Σ out]`.
    let bias: Fused?
    /// GPT-2 stores its matrices the other way round.
    let isTransposed: Bool
    /// Names of the parts, as Hugging Face names the layers: `model.layers.0.self_attn.q_proj`.
    let modules: [String]
    var adapter: LowRank?
    /// Of `weight.whole`; another network over the same weights shares it.
    let half = HalfCopy()

    /// x `[n, in]` · weightᵀ + bias, and what an adapter adds, `[n, Σ out]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let output = product(x)
        return adapter?.added(to: output, x) ?? output
    }

    private func product(_ x: Tensor) -> Tensor {
        if half.isUsed {
            let copy = half.of(weight.whole)
            return x.linear(
                fused: isTransposed ? copy.transpose(0, 1) : copy,
                parts: isTransposed ? [weight.parts[0].transpose(0, 1)] : weight.parts, bias: bias?.whole,
                biasParts: bias?.parts ?? [])
        }
        if isTransposed { return x.linear(weight.parts[0].transpose(0, 1), bias: bias?.parts[0]) }
        if weight.parts.count == 1 { return x.linear(weight.parts[0], bias: bias?.parts[0]) }
        // Without gradients of its own the whole is a matrix like any other.
        guard isGradEnabled, weight.parts[0].requiresGrad else { return x.linear(weight.whole, bias: bias?.whole) }
        return x.linear(fused: weight.whole, parts: weight.parts, bias: bias?.whole, biasParts: bias?.parts ?? [])
    }

    /// residual `[n, out]` + the product, for a layer of one part.
    func callAsFunction(_ x: Tensor, addedTo residual: Tensor) -> Tensor {
        guard bias == nil, !isTransposed, !half.isUsed else { return residual + self(x) }
        let output = residual.addingLinear(x, weight.parts[0])
        return adapter?.added(to: output, x) ?? output
    }
}

/// A copy in bfloat16 of weights in float32, made anew whenever they have changed.
final class HalfCopy {
    var isUsed = false {
        didSet { if !isUsed { kept = nil } }
    }
    private var kept: (copy: Tensor, changes: Int)?

    func of(_ weight: Tensor) -> Tensor {
        if let kept, kept.changes == weight.changes { return kept.copy }
        kept = nil  // before there is another
        let made = (weight.detached().to(.bfloat16), weight.changes)
        kept = made
        return made.0
    }

    var bytes: Int { kept.map { $0.copy.count * $0.copy.dtype.size } ?? 0 }
}
