import Foundation
import ZooBase
import ZooTensor

/// Reads a model folder: a pipeline's with `model_index.json`; or one, or an adapter's with its base merged, of the family that its
/// `config.json` names in `model_type`, `tabular` or one of `Family`.
///
/// - Parameters:
///   - head: the output on top; a value or score head that the folder lacks is newly initialised.
///   - generator: draws a new score head; nil gives zeros.
///   - pooling: of a language model's new score head; nil: its last step.
public func loadNetwork(
    from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?,
    pooling: CausalLMConfig.Pooling? = nil
) throws -> any Network {
    if AdapterFolder.isOne(folder) {
        let adapter = try AdapterFolder(folder)
        switch adapter.layout {
        case .peft:
            return try CausalLM.load(
                merging: adapter, head: head, device: device, trainable: trainable, generator: generator)
        case .diffusers:
            return try FlowImage.load(merging: adapter, head: head, device: device, trainable: trainable)
        }
    }
    if FlowImage.isPipeline(folder) { return try FlowImage.load(from: folder, head: head, device: device, trainable: trainable) }
    let keys = try ConfigKeys.read(folder)
    switch keys.json["model_type"]?.string {
    case "tabular":
        return try Tabular.load(from: folder, head: head, device: device, trainable: trainable)
    case let type? where Family(rawValue: type) != nil:
        return try CausalLM.load(
            from: folder, head: head, device: device, trainable: trainable, generator: generator, pooling: pooling)
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

/// Writes `config.json`, `generation_config.json` where there is one, and `model.safetensors`.
func writeModel(
    to folder: URL, config: JSONObject, parameters: [NamedTensor], generation: GenerationConfig? = nil
) throws {
    try writeFolder(
        folder, json: config, as: "config.json", generation: generation, parameters: parameters, as: "model.safetensors")
}

/// Writes a JSON file and a safetensors file; the weights come last, so that a folder with weights is complete.
func writeFolder(
    _ folder: URL, json: JSONObject, as jsonName: String, generation: GenerationConfig? = nil, parameters: [NamedTensor],
    as weightsName: String
) throws {
    try writeJSON(json, to: folder.appendingPathComponent(jsonName))
    try generation?.write(to: folder)
    try Safetensors.write(parameters, to: folder.appendingPathComponent(weightsName))
}

/// Writes an object to a file, whose folder is made where it is missing.
func writeJSON(_ json: JSONObject, to file: URL) throws {
    try OutputFile.createFolder(file.deletingLastPathComponent())
    try OutputFile.write(JSONValue.object(json).prettyData(escapesSlashes: true), to: file)
}
