import Foundation
import ZooBase
import ZooTensor

extension AdapterFolder {
    /// The tensors, under their names on disk; a critic's head is not among them.
    public func tensors() throws -> [String: Tensor] {
        let file = url.appendingPathComponent(layout.weightsName)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw FileError(.noInput, url.path, "\(layout.weightsName) is missing; only safetensors are supported")
        }
        return try Safetensors.read(file)
    }

    /// Throws if it adapts another kind of network.
    func require(_ expected: Layout) throws {
        guard layout == expected else {
            throw ModelError(
                "\(url.path): holds \(layout.weightsName), an adapter for another kind of network; expected \(expected.weightsName)"
            )
        }
    }

    func blaming(_ error: ModelError) -> ModelError {
        ModelError("\(url.appendingPathComponent(layout.weightsName).path): \(error)")
    }

    /// The tensors, checked against a base: all that the config asks for and no other, of the right shapes.
    func tensors(for base: some Adaptable) throws -> [String: Tensor] {
        let file = url.appendingPathComponent(layout.configName)
        let parts: [Projection.Part]
        do { parts = try base.adaptable(config) } catch { throw ModelError("\(file.path): \(error)") }
        let place = baseName.map { " for the base \($0)" } ?? " for its base"
        guard fanInFanOut == base.storesTransposed else {
            throw ModelError("\(file.path): fan_in_fan_out is \(fanInFanOut); expected \(!fanInFanOut)\(place)")
        }
        let found = try tensors()
        var rest = found
        for part in parts {
            let (down, up) = layout.names(part.name)
            for (name, shape) in [(down, [config.r, part.inputs]), (up, [part.outputs, config.r])] {
                guard let tensor = rest.removeValue(forKey: name) else {
                    throw blaming(ModelError("tensor \(name) is missing; expected shape \(shape)"))
                }
                guard tensor.shape == shape else {
                    throw blaming(ModelError("tensor \(name) has shape \(tensor.shape); expected \(shape)\(place)"))
                }
                guard [.float32, .float16, .bfloat16, .float64].contains(tensor.dtype) else {
                    throw blaming(ModelError("tensor \(name) is \(tensor.dtype); expected floating-point numbers"))
                }
                guard tensor.floats.allSatisfy(\.isFinite) else { throw blaming(ModelError("tensor \(name) is not finite")) }
            }
        }
        if let extra = rest.keys.min() {
            throw blaming(ModelError("tensor \(extra) does not belong to an adapter with these targets\(place)"))
        }
        return found
    }

    /// Adds every s · B A to the weights of a base.
    func merge(into base: some Adaptable) throws {
        let tensors = try tensors(for: base)
        try withoutGrad {
            for part in try base.adaptable(config) {
                let (down, up) = layout.names(part.name)
                guard let a = tensors[down], let b = tensors[up] else { continue }
                let device = part.weight.device
                let update = b.to(.float32).to(device).matmul(a.to(.float32).to(device)) * config.scale
                part.weight.copy(from: part.weight + (part.isTransposed ? update.transpose(0, 1) : update))
            }
        }
    }
}
