import CTorch

/// Runs `body` without recording gradients on this thread; restores the setting on the way out, thrown errors included.
public func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_enabled()
    ct_set_grad_enabled(false)
    defer { ct_set_grad_enabled(before) }
    return try body()
}

/// Runs `body` without gradients, with products that read each weight once, straight from where it lies: faster for up to 64 rows, as in
/// decoding, where weights are the traffic. Their bits are not those of a forward pass.
public func decoding<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_few_rows()
    ct_set_few_rows(true)
    defer { ct_set_few_rows(before) }
    return try withoutGrad(body)
}

/// Whether operators on this thread record gradients.
public var isGradEnabled: Bool { ct_grad_enabled() }

/// Back-propagates `gradients[i]` from `tensors[i]` into the leaves, adding to what they hold.
///
/// Tensors that no trainable leaf reaches must not be among them.
public func backward(_ tensors: [Tensor], gradients: [Tensor]) {
    precondition(tensors.count == gradients.count, "backward: \(tensors.count) tensors, \(gradients.count) gradients")
    if tensors.isEmpty { return }
    let status = withHandles(tensors) { heads, count in withHandles(gradients) { given, _ in ct_backward(heads, given, count) } }
    check("backward", tensors + gradients, status)
}

/// Runs a part of a network without keeping what it computes: the backward pass runs it again, with the same inputs. Chen et al. 2016,
/// https://arxiv.org/abs/1604.06174, section 3.
///
/// - Parameters:
///   - count: how many tensors `part` gives.
///   - part: the same operators each time; weights that it captures must not change before the backward pass.
public func recomputed(_ inputs: [Tensor], count: Int = 1, _ part: @escaping ([Tensor]) -> [Tensor]) -> [Tensor] {
    guard isGradEnabled else { return part(inputs) }
    let held = Unmanaged.passRetained(NetworkPart(run: part))
    var outputs = [ct_tensor?](repeating: nil, count: count)
    let status = withHandles(inputs) { given, inputCount in
        ct_recompute(
            &outputs, Int32(count), given, inputCount,
            { context, inputs, count, outputs in
                guard let context, let inputs, let outputs else { return }
                let part = Unmanaged<NetworkPart>.fromOpaque(context).takeUnretainedValue()
                let given = (0..<Int(count)).compactMap { inputs[$0].map(Tensor.init(owning:)) }
                for (place, output) in part.run(given).enumerated() { outputs[place] = output.handedOut() }
            }, held.toOpaque(), { context in context.map { Unmanaged<NetworkPart>.fromOpaque($0).release() } })
    }
    check("recomputed", inputs, status)
    return outputs.compactMap { $0.map(Tensor.init(owning:)) }
}

private final class NetworkPart {
    let run: ([Tensor]) -> [Tensor]

    init(run: @escaping ([Tensor]) -> [Tensor]) { self.run = run }
}

extension Tensor {
    /// A second handle of the same tensor, which its receiver frees.
    fileprivate func handedOut() -> ct_tensor? {
        var out: ct_tensor?
        check("handedOut", [self], ct_alias(&out, handle))
        return out
    }

    /// Whether operators on this tensor record gradients; settable on leaves only.
    public var requiresGrad: Bool {
        get { ct_requires_grad(handle) }
        set { check("requiresGrad", [self], ct_set_requires_grad(handle, newValue)) }
    }

    /// The gradient accumulated so far; nil if there is none.
    public var gradient: Tensor? {
        var out: ct_tensor?
        check("gradient", [self], ct_grad(&out, handle))
        return out.map(Tensor.init(owning:))
    }

    /// Forgets the gradient and frees its memory.
    public func clearGradient() { check("clearGradient", [self], ct_clear_grad(handle)) }

    /// The same memory outside of the gradient graph.
    public func detached() -> Tensor { make("detached", [self]) { ct_detach($0, handle) } }
}
