import CTorch

/// Runs `body` without recording gradients on this thread; restores the setting on the way out, thrown errors included.
public func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_grad_enabled()
    ct_set_grad_enabled(false)
    defer { ct_set_grad_enabled(before) }
    return try body()
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

extension Tensor {
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
