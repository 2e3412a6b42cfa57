import Foundation
import ZooTensor

/// Hands out a checkpoint's tensors by name and shape, and keeps the list of parameters in that order.
struct ParameterStore {
    private var rest: [String: Tensor]
    private let device: Device
    private let trainable: Bool
    private(set) var parameters: [NamedTensor] = []

    init(tensors: [String: Tensor], device: Device, trainable: Bool) {
        rest = tensors
        self.device = device
        self.trainable = trainable
    }

    /// A float32 copy of tensor `name`; throws where it is missing or has another shape.
    mutating func take(_ name: String, _ shape: [Int]) throws -> Tensor {
        add(name, try source(name, shape).clone())
    }

    /// Copies the weights, and where `bias` the biases, of a layer with these parts: `NAME.weight` `[rows, columns]`, or
    /// `[columns, rows]` where transposed, and `NAME.bias` `[rows]`.
    mutating func takeProjection(
        _ parts: [(name: String, rows: Int)], columns: Int, bias: Bool = false, isTransposed: Bool = false
    ) throws -> Projection {
        precondition(!isTransposed || parts.count == 1, "the columns of several parts do not lie one after the other")
        let weight = try takeFused(
            parts.map { ($0.name + ".weight", isTransposed ? [columns, $0.rows] : [$0.rows, columns]) })
        let biases = bias ? try takeFused(parts.map { ($0.name + ".bias", [$0.rows]) }) : nil
        return Projection(weight: weight, bias: biases, isTransposed: isTransposed, modules: parts.map(\.name))
    }

    /// Copies several tensors that differ in their first size into one block of memory.
    mutating func takeFused(_ names: [(name: String, shape: [Int])]) throws -> Projection.Fused {
        if names.count == 1 {
            let only = try take(names[0].name, names[0].shape)
            return .init(whole: only, parts: [only])
        }
        let sources = try names.map { try source($0.name, $0.shape) }
        let whole = withoutGrad { Tensor.concatenate(sources) }
        var row = 0
        let parts = names.map { name, shape in
            defer { row += shape[0] }
            return add(name, whole.narrow(0, row..<row + shape[0]).detached())
        }
        return .init(whole: whole, parts: parts)
    }

    /// Throws where the checkpoint holds a tensor that the network does not have.
    func finish() throws {
        // Older checkpoints store this constant.
        let extra = rest.keys.filter { !$0.hasSuffix("rotary_emb.inv_freq") }
        if let first = extra.min() {
            throw ModelError("tensor \(first) has no place in this network (\(extra.count) such tensor(s))")
        }
    }

    private mutating func add(_ name: String, _ tensor: Tensor) -> Tensor {
        tensor.requiresGrad = trainable
        parameters.append(NamedTensor(name, tensor))
        return tensor
    }

    private mutating func source(_ name: String, _ shape: [Int]) throws -> Tensor {
        guard let tensor = rest.removeValue(forKey: name) else {
            throw ModelError("tensor \(name) is missing; expected shape \(shape)")
        }
        guard tensor.shape == shape else {
            throw ModelError("tensor \(name) has shape \(tensor.shape); expected \(shape)")
        }
        return tensor.detached().to(.float32).to(device)
    }
}

extension Float {
    func power(_ exponent: Float) -> Float { Foundation.pow(self, exponent) }
    var cosine: Float { Foundation.cos(self) }
    var sine: Float { Foundation.sin(self) }
}
