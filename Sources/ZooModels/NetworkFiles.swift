import Foundation
import ZooTensor

/// Reads a model folder, of the family that its `config.json` names in `model_type`: `tabular` or one of `Family`.
///
/// - Parameters:
///   - head: the output on top; a value or score head that the folder lacks is made anew.
///   - generator: draws a new score head; nil gives zeros.
public func loadNetwork(
    from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?
) throws -> any Network {
    let keys = try ConfigKeys.read(folder)
    switch keys.json["model_type"] as? String {
    case "tabular":
        return try Tabular.load(from: folder, head: head, device: device, trainable: trainable)
    case let type? where Family(rawValue: type) != nil:
        return try CausalLM.load(from: folder, head: head, device: device, trainable: trainable, generator: generator)
    default:
        throw keys.refuse("model_type", "one of \((Family.allCases.map(\.rawValue) + ["tabular"]).joined(separator: ", "))")
    }
}

/// What a network with fresh weights is made from.
public enum NetworkConfig: Sendable, Equatable {
    case causalLM(CausalLMConfig)
    case tabular(TabularConfig)
}

/// A network with fresh weights.
public func initializeNetwork(
    config: NetworkConfig, head: Head, device: Device, trainable: Bool, generator: Generator
) throws -> any Network {
    switch config {
    case .causalLM(let config):
        try CausalLM.initialize(config: config, head: head, device: device, trainable: trainable, generator: generator)
    case .tabular(let config):
        try Tabular.initialize(config: config, head: head, device: device, trainable: trainable)
    }
}

/// Writes `config.json` and `model.safetensors`; the weights come last, so that a folder with weights is complete.
func writeModel(
    to folder: URL, config: [String: Any], parameters: [NamedTensor], generation: GenerationConfig? = nil
) throws {
    do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
        throw ModelError("\(folder.path): cannot be created: \(error.localizedDescription)")
    }
    let json = try JSONSerialization.data(withJSONObject: config, options: [.prettyPrinted, .sortedKeys])
    let file = try AtomicFile(folder.appendingPathComponent("config.json"))
    try file.write(json)
    try file.commit()
    try generation?.write(to: folder)
    try Safetensors.write(parameters, to: folder.appendingPathComponent("model.safetensors"))
}
