import Foundation
import ZooBase
import ZooTensor

/// A critic that reads the hidden states of a policy: one linear layer of its own on a shared trunk.
///
/// Its parameters are the head's alone. Its gradient also flows into the trunk's parameters, unless it is detached.
public final class ValueHead: Network {
    public let trunk: CausalLM
    /// Whether the trunk is left out of the gradient.
    public let detach: Bool
    public let parameters: [NamedTensor]
    public var family: String { trunk.family }

    private let weight: Tensor
    private let bias: Tensor

    /// A head of zeros: V = 0 everywhere.
    public convenience init(trunk: CausalLM, detach: Bool = false, trainable: Bool = true) {
        let device = trunk.device
        self.init(
            trunk: trunk, weight: .zeros([1, trunk.config.hiddenSize], device: device), bias: .zeros([1], device: device),
            detach: detach, trainable: trainable)
    }

    private init(trunk: CausalLM, weight: Tensor, bias: Tensor, detach: Bool, trainable: Bool) {
        self.trunk = trunk
        self.detach = detach
        self.weight = weight
        self.bias = bias
        weight.requiresGrad = trainable
        bias.requiresGrad = trainable
        parameters = [NamedTensor("score.weight", weight), NamedTensor("score.bias", bias)]
    }

    /// Reads a head that `save` wrote.
    public static func load(from folder: URL, trunk: CausalLM, detach: Bool = false, trainable: Bool = true) throws -> ValueHead {
        let file = folder.appendingPathComponent("value_head.safetensors")
        var store = ParameterStore(
            tensors: try Safetensors.read(file, mustBeFinite: true), device: trunk.device, trainable: trainable)
        do {
            let weight = try store.take("score.weight", [1, trunk.config.hiddenSize])
            let bias = try store.take("score.bias", [1])
            try store.finish()
            return ValueHead(trunk: trunk, weight: weight, bias: bias, detach: detach, trainable: trainable)
        } catch let error as ModelError {
            throw ModelError("\(file.path): \(error)")
        }
    }

    public func supports(_ output: NetworkOutput) -> Bool { output == .value }

    public func forward(_ batch: Sequences, _ outputs: [NetworkOutput]) throws -> [Tensor] {
        try batch.validate(vocabulary: trunk.config.vocabularySize)
        if let output = outputs.first(where: { !supports($0) }) {
            throw ModelError("a value head on a shared trunk has no output \(output.rawValue)")
        }
        let states = try ActionStates(batch)
        if states.count == 0 { return outputs.map { _ in .zeros([0], device: trunk.device) } }
        let run = { try self.trunk.finalStates(states.layout, rows: states.rows) }
        let hidden = detach ? try withoutGrad(run) : try run()
        let values = hidden.linear(weight, bias: bias).reshape([-1])
        return outputs.map { _ in values }
    }

    public var activationBytes: Int { trunk.activationBytes }
    public var pairBytes: Int { trunk.pairBytes }

    public func forwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        let output = Double(2 * trunk.headWeight.size(0) * trunk.config.hiddenSize) * Double(batch.maskedCount)
        return trunk.forwardFLOPs(batch, outputs) - output + Double(2 * trunk.config.hiddenSize * batch.maskedCount)
    }

    public func backwardFLOPs(_ batch: Sequences, _ outputs: [NetworkOutput]) -> Double {
        guard trunk.isAdapted else { return 2 * forwardFLOPs(batch, outputs) }
        let output = Double(2 * trunk.headWeight.size(0) * trunk.config.hiddenSize) * Double(batch.maskedCount)
        return trunk.backwardFLOPs(batch, outputs) - output + Double(4 * trunk.config.hiddenSize * batch.maskedCount)
    }

    /// A head with its own copy of the weights, on the same trunk.
    public func copy(trainable: Bool) -> any Network {
        ValueHead(
            trunk: trunk, weight: weight.detached().clone(), bias: bias.detached().clone(), detach: detach, trainable: trainable)
    }

    /// Writes `value_head.safetensors`; the trunk is the policy's to save.
    public func save(to folder: URL) throws {
        try OutputFile.createFolder(folder)
        try Safetensors.write(parameters, to: folder.appendingPathComponent("value_head.safetensors"))
    }
}
