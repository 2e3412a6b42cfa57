import Foundation
import ZooTensor

/// A network that low-rank adapters can be laid over, whatever it makes.
public protocol AdaptableNetwork: Network {
    /// A new adapter over this network, which is to be frozen.
    ///
    /// - Parameter name: what the adapter's file is to call this network: its folder.
    /// - Throws: ``ModelError`` where a target fits no linear layer.
    func newAdapter(
        named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws -> any AdaptableNetwork
    /// An adapter's folder over this network.
    func adapter(_ folder: AdapterFolder, head: Head, trainable: Bool) throws -> any AdaptableNetwork
    /// Whether an adapter has the same layers, rank and scale as another.
    func hasLayout(of other: any Network) -> Bool
}

extension CausalLM: AdaptableNetwork {
    public func newAdapter(
        named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws -> any AdaptableNetwork {
        try CausalLM(adapting: self, named: name, config: config, head: head, generator: generator)
    }

    public func adapter(_ folder: AdapterFolder, head: Head, trainable: Bool) throws -> any AdaptableNetwork {
        try CausalLM(adapting: self, with: folder, head: head, trainable: trainable)
    }

    public func hasLayout(of other: any Network) -> Bool { (other as? CausalLM).map(hasLayout) ?? false }
}

extension FlowImage: AdaptableNetwork {
    public func newAdapter(
        named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws -> any AdaptableNetwork {
        try FlowImage(adapting: self, named: name, config: config, head: head, generator: generator)
    }

    public func adapter(_ folder: AdapterFolder, head: Head, trainable: Bool) throws -> any AdaptableNetwork {
        try FlowImage(adapting: self, with: folder, head: head, trainable: trainable)
    }

    public func hasLayout(of other: any Network) -> Bool { (other as? FlowImage).map(hasLayout) ?? false }
}

/// Reads an adapter's base, of the family that the adapter is for, and adds the adapter to its weights.
///
/// - Parameter base: the base's folder.
public func mergedNetwork(_ folder: AdapterFolder, base: URL) throws -> any Network {
    switch folder.layout {
    case .peft: try CausalLM.load(merging: folder, base: base, head: .languageModel, device: .cpu, trainable: false)
    case .diffusers: try FlowImage.load(merging: folder, base: base, trainable: false)
    }
}
