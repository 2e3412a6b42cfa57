import Foundation
import ZooTensor

/// Reads a model folder, or an adapter's with its base merged, of the family that its `config.json` names in `model_type` (`llama`, `tabular`).
///
/// - Parameters:
///   - head: the output on top; a value or score head that the folder lacks is made anew.
///   - generator: draws a new score head; nil gives zeros.
public func loadNetwork(
    from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?
) throws -> any Network {
    if AdapterFolder.isOne(folder) {
        return try CausalLM.load(
            merging: AdapterFolder(folder), head: head, device: device, trainable: trainable, generator: generator)
    }
    let keys = try ConfigKeys.read(folder)
    switch keys.json["model_type"] as? String {
    case "llama":
        return try CausalLM.load(from: folder, head: head, device: device, trainable: trainable, generator: generator)
    case "tabular":
        return try Tabular.load(from: folder, head: head, device: device, trainable: trainable)
    default: throw keys.refuse("model_type", "\"llama\" or \"tabular\"")
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

/// Writes `config.json` and `model.safetensors`.
func writeModel(to folder: URL, config: [String: Any], parameters: [NamedTensor]) throws {
    try writeFolder(folder, json: config, as: "config.json", parameters: parameters, as: "model.safetensors")
}

/// Writes a JSON file and a safetensors file; the weights come last, so that a folder with weights is complete.
func writeFolder(
    _ folder: URL, json: [String: Any], as jsonName: String, parameters: [NamedTensor], as weightsName: String
) throws {
    do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
        throw ModelError("\(folder.path): cannot be created: \(error.localizedDescription)")
    }
    let data = try JSONSerialization.data(withJSONObject: json, options: [.prettyPrinted, .sortedKeys])
    let file = try AtomicFile(folder.appendingPathComponent(jsonName))
    try file.write(data)
    try file.commit()
    try Safetensors.write(parameters, to: folder.appendingPathComponent(weightsName))
}
