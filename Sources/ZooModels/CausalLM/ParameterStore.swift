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

    /// Copies several matrices `[rows, columns]` into one block of memory.
    mutating func takeFused(_ names: [(name: String, rows: Int)], columns: Int) throws -> FusedWeight {
        let sources = try names.map { try source($0.name, [$0.rows, columns]) }
        let whole = withoutGrad { Tensor.concatenate(sources) }
        var row = 0
        let parts = names.map { name, rows in
            defer { row += rows }
            return add(name, whole.narrow(0, row..<row + rows).detached())
        }
        return FusedWeight(whole: whole, parts: parts)
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
