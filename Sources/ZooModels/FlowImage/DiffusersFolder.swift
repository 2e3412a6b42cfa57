import Foundation
import ZooTensor

/// Reading and writing one component of a folder in diffusers' layout.
enum DiffusersFolder {
    static let weights = "diffusion_pytorch_model"

    /// An object of a JSON file; throws where the file is missing or holds something else.
    static func object(_ file: URL, hint: String) throws -> ConfigKeys {
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError("\(file.path) is missing; \(hint)")
        }
        return try ConfigKeys.read(file: file).keys
    }

    /// The component's tensors, from one file or from those that its index lists.
    static func tensors(in folder: URL) throws -> [String: Tensor] {
        try Safetensors.readModel(in: folder, name: weights)
    }

    /// Writes `config.json` and the weights; these come last, so that a component with weights is complete.
    static func write(_ folder: URL, config: [String: Any], parameters: [NamedTensor]) throws {
        try write(json: config, to: folder.appendingPathComponent("config.json"))
        try Safetensors.write(parameters, to: folder.appendingPathComponent(weights + ".safetensors"))
    }

    static func write(json: [String: Any], to file: URL) throws {
        let folder = file.deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ModelError("\(folder.path): cannot be created: \(error.localizedDescription)")
        }
        let output = try AtomicFile(file)
        try output.write(JSONSerialization.data(withJSONObject: json, options: [.prettyPrinted, .sortedKeys]))
        try output.commit()
    }
}

/// Hands out a component's tensors by name and shape as float32 parameters; several of one input share memory.
struct ComponentTensors {
    private var rest: [String: Tensor]
    private let device: Device
    private let trainable: Bool
    private(set) var parameters: [NamedTensor] = []

    init(_ tensors: [String: Tensor], device: Device, trainable: Bool) {
        rest = tensors
        self.device = device
        self.trainable = trainable
    }

    mutating func take(_ name: String, _ shape: [Int]) throws -> Tensor { add(name, try source(name, shape).clone()) }

    /// Weight `[out, in]` and bias `[out]` of the linear layers `names`, one after the other in memory.
    mutating func affine(_ names: [(name: String, out: Int)], _ input: Int) throws -> Affine {
        let weights = try fused(names.map { ($0.name + ".weight", [$0.out, input]) })
        let biases = try fused(names.map { ($0.name + ".bias", [$0.out]) })
        return Affine(weight: weights.whole, bias: biases.whole, weights: weights.parts, biases: biases.parts)
    }

    mutating func affine(_ name: String, _ output: Int, _ input: Int) throws -> Affine {
        try affine([(name, output)], input)
    }

    private mutating func fused(_ names: [(name: String, shape: [Int])]) throws -> (whole: Tensor, parts: [Tensor]) {
        let sources = try names.map { try source($0.name, $0.shape) }
        let whole = withoutGrad { sources.count == 1 ? sources[0].clone() : .concatenate(sources) }
        var row = 0
        let parts = names.map { name, shape in
            defer { row += shape[0] }
            return add(name, whole.narrow(0, row..<row + shape[0]).detached())
        }
        return (whole, parts)
    }

    /// Throws where the file holds a tensor that the component does not have.
    func finish() throws {
        if let first = rest.keys.min() {
            throw ModelError("tensor \(first) has no place in this network (\(rest.count) such tensor(s))")
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
