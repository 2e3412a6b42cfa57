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
///   - prompts: stored prompt embeddings for an image model.
///   - frozenType: element type of the matrices of a network that is not trained; a merged adapter's are float32.
public func loadNetwork(
    from folder: URL, head: Head, device: Device, trainable: Bool, generator: Generator?,
    pooling: CausalLMConfig.Pooling? = nil, prompts: StoredPrompts? = nil, frozenType: DType = .float32
) throws -> any Network {
    if AdapterFolder.isOne(folder) {
        let adapter = try AdapterFolder(folder)
        switch adapter.layout {
        case .peft:
            return try CausalLM.load(
                merging: adapter, head: head, device: device, trainable: trainable, generator: generator)
        case .diffusers:
            return try FlowImage.load(merging: adapter, prompts: prompts, head: head, device: device, trainable: trainable)
        }
    }
    if FlowImage.isPipeline(folder) {
        return try FlowImage.load(
            from: folder, prompts: prompts, head: head, device: device, trainable: trainable, frozenType: frozenType)
    }
    let keys = try ConfigKeys.read(folder)
    switch keys.json["model_type"]?.string {
    case "tabular":
        return try Tabular.load(from: folder, head: head, device: device, trainable: trainable)
    case let type? where Family(rawValue: type) != nil:
        return try CausalLM.load(
            from: folder, head: head, device: device, trainable: trainable, generator: generator, pooling: pooling,
            frozenType: frozenType)
    default:
        try keys.refuseOtherModels(in: folder, for: head)
        throw keys.refuse("model_type", "one of \((Family.allCases.map(\.rawValue) + ["tabular"]).joined(separator: ", "))")
    }
}

/// The `model_type` of a folder's `config.json`, or of its base's where it holds an adapter. Throws, naming what the folder is, if it is
/// not a language model's or a table's.
package func modelType(of folder: URL) throws -> String? {
    let model = AdapterFolder.isOne(folder) ? try AdapterFolder(folder).base() : folder
    let keys = try ConfigKeys.read(model)
    let type = keys.json["model_type"]?.string
    if type != "tabular" { try keys.refuseOtherModels(in: model, for: .value) }
    return type
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

/// Reads an adapter's base, of the family that the adapter is for, and adds the adapter to its weights.
///
/// - Parameter base: the base's folder.
public func mergedNetwork(_ folder: AdapterFolder, base: URL) throws -> any Network {
    switch folder.layout {
    case .peft: try CausalLM.load(merging: folder, base: base, head: .languageModel, device: .cpu, trainable: false)
    case .diffusers: try FlowImage.load(merging: folder, base: base, isRun: false, trainable: false)
    }
}
