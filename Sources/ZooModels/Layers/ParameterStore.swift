import ZooTensor

/// Hands out a checkpoint's tensors by name and shape, or makes them anew, and keeps the list of parameters in that order.
struct ParameterStore {
    /// What a fresh tensor holds.
    enum Fill {
        case normal(deviation: Double)
        case ones, zeros
    }

    /// What happens to a tensor that the checkpoint lacks.
    enum Missing {
        case refused
        /// Newly initialised if its name is among `names` (nil: any); without a generator random values are 0.
        case made(Generator?, names: Set<String>? = nil)
    }

    private var rest: [String: Tensor]
    private let missing: Missing
    private let device: Device
    private let trainable: Bool
    /// Of matrices that are frozen.
    private let frozenType: DType
    private(set) var parameters: [NamedTensor] = []

    /// - Parameter frozenType: element type of the matrices if they are not trained; all else is float32.
    init(
        tensors: [String: Tensor], missing: Missing = .refused, device: Device, trainable: Bool, frozenType: DType = .float32
    ) {
        rest = tensors
        self.missing = missing
        self.device = device
        self.trainable = trainable
        self.frozenType = trainable ? .float32 : frozenType
    }

    /// A copy of tensor `name`, in float32 unless it is a frozen matrix; throws if it is missing or has another shape.
    mutating func take(_ name: String, _ shape: [Int], fill: Fill = .zeros) throws -> Tensor {
        add(name, try source(name, shape, fill).clone())
    }

    /// Copies the weights, and where `bias` the biases, of a layer with these parts: `NAME.weight` `[rows, columns]`, or
    /// `[columns, rows]` where transposed, and `NAME.bias` `[rows]`.
    mutating func takeProjection(
        _ parts: [(name: String, rows: Int)], columns: Int, bias: Bool, isTransposed: Bool, deviation: Double
    ) throws -> Projection {
        precondition(!isTransposed || parts.count == 1, "the columns of several parts do not lie one after the other")
        let weight = try takeFused(
            parts.map { ($0.name + ".weight", isTransposed ? [columns, $0.rows] : [$0.rows, columns]) },
            fill: .normal(deviation: deviation))
        let biases = bias ? try takeFused(parts.map { ($0.name + ".bias", [$0.rows]) }, fill: .zeros) : nil
        return Projection(weight: weight, bias: biases, isTransposed: isTransposed, modules: parts.map(\.name))
    }

    /// Copies several tensors that differ in their first size into one block of memory.
    mutating func takeFused(_ names: [(name: String, shape: [Int])], fill: Fill) throws -> Projection.Fused {
        if names.count == 1 {
            let only = try take(names[0].name, names[0].shape, fill: fill)
            return .init(whole: only, parts: [only])
        }
        let sources = try names.map { try source($0.name, $0.shape, fill) }
        let whole = withoutGrad { Tensor.concatenate(sources) }
        var row = 0
        let parts = names.map { name, shape in
            defer { row += shape[0] }
            return add(name, whole.narrow(0, row..<row + shape[0]).detached())
        }
        return .init(whole: whole, parts: parts)
    }

    /// Throws if the checkpoint holds a tensor that the network does not have, unless its name ends as one of `constants`.
    func finish(constants: [String] = []) throws {
        let extra = rest.keys.filter { name in !constants.contains(where: name.hasSuffix) }
        if let first = extra.min() {
            throw ModelError("tensor \(first) does not belong to this network (\(extra.count) such tensor(s))")
        }
    }

    private mutating func add(_ name: String, _ tensor: Tensor) -> Tensor {
        tensor.requiresGrad = trainable
        parameters.append(NamedTensor(name, tensor))
        return tensor
    }

    private mutating func source(_ name: String, _ shape: [Int], _ fill: Fill) throws -> Tensor {
        guard let tensor = rest.removeValue(forKey: name) else {
            guard case .made(let generator, let names) = missing, names?.contains(name) != false else {
                throw ModelError("tensor \(name) is missing; expected shape \(shape)")
            }
            return typed(fresh(shape, fill, generator)).to(device)
        }
        guard tensor.shape == shape else {
            throw ModelError("tensor \(name) has shape \(tensor.shape); expected \(shape)")
        }
        guard [.float32, .float16, .bfloat16, .float64].contains(tensor.dtype) else {
            throw ModelError("tensor \(name) is \(tensor.dtype); expected float32, float16 or bfloat16")
        }
        return typed(tensor.detached()).to(device)
    }

    /// Heads of one row stay in float32, as norms and biases do: they are small, and all of a score depends on them.
    private func typed(_ tensor: Tensor) -> Tensor {
        let isMatrix = tensor.rank == 2 && tensor.size(0) > 1
        return tensor.to(isMatrix ? frozenType : .float32)
    }

    private func fresh(_ shape: [Int], _ fill: Fill, _ generator: Generator?) -> Tensor {
        switch fill {
        case .normal(let deviation):
            generator.map { Tensor.normal(shape, generator: $0) * deviation } ?? .zeros(shape)
        case .ones: .ones(shape)
        case .zeros: .zeros(shape)
        }
    }
}
