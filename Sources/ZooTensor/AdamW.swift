import CTorch

/// A tensor with the name it has on disk.
public struct NamedTensor {
    public let name: String
    public let tensor: Tensor

    public init(_ name: String, _ tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }

    /// Whether weight decay pulls at it: matrices and tables of vectors do, norms, biases and other vectors do not.
    ///
    /// Hugging Face's `Trainer` leaves out the same ones (`get_decay_parameter_names`), by their names.
    public var isDecayed: Bool { tensor.shape.count > 1 }
}

/// Moves parameters by their gradients.
public protocol Optimizer: AnyObject {
    var parameters: [NamedTensor] { get }
    /// Moves every parameter that has a gradient.
    func step(learningRate: Double)
    /// Forgets the gradients.
    func zeroGradients()
    /// Bytes held beside the parameters.
    var bytes: Int { get }
    /// All that a resume needs, by name.
    var state: [String: Tensor] { get }
    /// Continues from a saved `state`, bit for bit; throws if a tensor is missing, superfluous or misshapen.
    func restore(_ state: [String: Tensor]) throws
}

/// Adam with decoupled weight decay, one fused call over all parameters. Loshchilov & Hutter 2019, algorithm 2.
///
/// A parameter without a gradient is left alone, as in PyTorch. Its moments appear on its first step.
public final class AdamW: Optimizer {
    public let parameters: [NamedTensor]
    public let betas: (Double, Double)
    public let eps: Double
    public let weightDecay: Double
    private var slots: [Slot?]

    private struct Slot {
        let first: Tensor, second: Tensor, step: Tensor
    }

    /// - Parameter weightDecay: pulls every parameter that ``NamedTensor/isDecayed`` by learningRate · weightDecay · parameter per step.
    public init(parameters: [NamedTensor], betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0) {
        self.parameters = parameters
        self.betas = betas
        self.eps = eps
        self.weightDecay = weightDecay
        slots = Array(repeating: nil, count: parameters.count)
    }

    public func step(learningRate: Double) {
        var moves: [(parameter: NamedTensor, gradient: Tensor, slot: Slot)] = []
        for (index, parameter) in parameters.enumerated() {
            guard let gradient = parameter.tensor.gradient else { continue }
            let slot = slots[index] ?? Self.emptySlot(like: parameter.tensor)
            slots[index] = slot
            moves.append((parameter, gradient, slot))
        }
        guard weightDecay != 0 else { return move(moves, learningRate, decay: 0) }
        move(moves.filter(\.parameter.isDecayed), learningRate, decay: weightDecay)
        move(moves.filter { !$0.parameter.isDecayed }, learningRate, decay: 0)
    }

    private func move(
        _ moves: [(parameter: NamedTensor, gradient: Tensor, slot: Slot)], _ learningRate: Double, decay: Double
    ) {
        if moves.isEmpty { return }
        let moved = moves.map(\.parameter.tensor)
        let status = withHandles(moved) { tensors, count in
            withHandles(moves.map(\.gradient)) { gradients, _ in
                withHandles(moves.map(\.slot.first)) { first, _ in
                    withHandles(moves.map(\.slot.second)) { second, _ in
                        withHandles(moves.map(\.slot.step)) { steps, _ in
                            ct_adamw(
                                tensors, gradients, first, second, steps, count, learningRate, betas.0, betas.1, eps, decay)
                        }
                    }
                }
            }
        }
        check("AdamW.step", moved, status)
    }

    public func zeroGradients() { for parameter in parameters { parameter.tensor.clearGradient() } }

    /// Bytes held by the moments.
    public var bytes: Int {
        slots.compactMap { $0 }.reduce(0) { $0 + ($1.first.count + $1.second.count + 1) * DType.float32.size }
    }

    /// The moments and step counts by name (`NAME.exp_avg`, `NAME.exp_avg_sq`, `NAME.step`): all that a resume needs.
    public var state: [String: Tensor] {
        var state: [String: Tensor] = [:]
        for case (let parameter, let slot?) in zip(parameters, slots) {
            state[parameter.name + ".exp_avg"] = slot.first
            state[parameter.name + ".exp_avg_sq"] = slot.second
            state[parameter.name + ".step"] = slot.step
        }
        return state
    }

    public func restore(_ state: [String: Tensor]) throws {
        var rest = state
        var restored: [Slot?] = []
        func take(_ name: String, shape: [Int]) throws -> Tensor? {
            guard let saved = rest.removeValue(forKey: name) else { return nil }
            guard saved.shape == shape, saved.dtype == .float32 else {
                throw TensorError("optimizer state \(name): expected float32 \(shape), found \(saved.dtype) \(saved.shape)")
            }
            return saved.clone()
        }
        for parameter in parameters {
            let name = parameter.name
            let shape = parameter.tensor.shape
            let found = (
                try take(name + ".exp_avg", shape: shape), try take(name + ".exp_avg_sq", shape: shape),
                try take(name + ".step", shape: [])
            )
            switch found {
            case (nil, nil, nil): restored.append(nil)
            case (let first?, let second?, let step?):
                let device = parameter.tensor.device
                restored.append(Slot(first: first.to(device), second: second.to(device), step: step.to(device)))
            default: throw TensorError("optimizer state of \(name) is incomplete: expected exp_avg, exp_avg_sq and step")
            }
        }
        if let extra = rest.keys.min() { throw TensorError("optimizer state \(extra) belongs to no parameter of this network") }
        slots = restored
    }

    private static func emptySlot(like parameter: Tensor) -> Slot {
        let shape = parameter.shape
        let device = parameter.device
        return Slot(
            first: .zeros(shape, device: device), second: .zeros(shape, device: device), step: .zeros([], device: device))
    }
}

/// The Euclidean norm of all gradients together, 0 if there are none.
public func gradientNorm(_ parameters: [NamedTensor]) -> Double {
    globalNorm(parameters.compactMap(\.tensor.gradient))
}

/// Scales the gradients so that their joint norm is at most `maxNorm`; returns the norm before.
///
/// As in PyTorch, the factor is maxNorm / (norm + 1e-6). A norm that is not finite leaves the gradients alone, for the
/// caller to refuse.
@discardableResult
public func clipGradientNorm(_ parameters: [NamedTensor], maxNorm: Double) -> Double {
    let gradients = parameters.compactMap(\.tensor.gradient)
    let norm = globalNorm(gradients)
    let factor = maxNorm / (norm + 1e-6)
    if norm.isFinite, factor < 1 {
        check("clipGradientNorm", gradients, withHandles(gradients) { ct_scale($0, $1, factor) })
    }
    return norm
}

private func globalNorm(_ gradients: [Tensor]) -> Double {
    var norm = 0.0
    check("gradientNorm", gradients, withHandles(gradients) { ct_global_norm(&norm, $0, $1) })
    return norm
}
