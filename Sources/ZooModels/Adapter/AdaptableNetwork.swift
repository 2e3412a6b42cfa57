import Foundation
import ZooTensor

/// A network that low-rank adapters can be laid over, whatever it makes.
public protocol AdaptableNetwork: Network {
    /// A new adapter over `base`, which is to be frozen.
    ///
    /// - Parameter name: the name of the base in the adapter's file: its folder.
    /// - Throws: ``ModelError`` if a target matches no linear layer.
    init(adapting base: Self, named name: String, config: LoRAConfig, head: Head, generator: Generator) throws
    /// An adapter's folder over `base`.
    ///
    /// - Parameter place: the base's folder, in place of the one that the adapter names.
    init(adapting base: Self, from place: URL?, with folder: AdapterFolder, head: Head, trainable: Bool) throws
    /// The scale s of each adapted layer, by its name; empty if there is none.
    var adapterScales: [String: Double] { get }
}

extension AdaptableNetwork {
    /// A new adapter over this network.
    public func newAdapter(
        named name: String, config: LoRAConfig, head: Head, generator: Generator
    ) throws -> any AdaptableNetwork {
        try Self(adapting: self, named: name, config: config, head: head, generator: generator)
    }

    /// An adapter's folder over this network.
    public func adapter(_ folder: AdapterFolder, head: Head, trainable: Bool) throws -> any AdaptableNetwork {
        try Self(adapting: self, from: nil, with: folder, head: head, trainable: trainable)
    }

    /// Whether an adapter has the same layers, rank and scale as another.
    public func hasLayout(of other: any AdaptableNetwork) -> Bool {
        parameters.hasLayout(of: other.parameters) && adapterScales == other.adapterScales
    }
}
