import Foundation
import ZooBase
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The networks of a stage that trains adapters. They share one frozen base: the policy and the critic are adapters over it, and the
/// reference is the initial policy, which is the plain base if its adapter is new.
package final class AdaptedModels {
    private let factory: ModelFactory
    private let config: LoRAConfig
    private let policySource: ModelSource
    private let stage: String
    /// By folder.
    private var bases: [String: any AdaptableNetwork] = [:]

    package init(_ stage: Stage, config: LoRAConfig, factory: ModelFactory) {
        self.factory = factory
        self.config = config
        policySource = stage.policy
        self.stage = stage.name
    }

    /// The policy's adapter, over its base.
    package func policy() throws -> any Network {
        let origin = try origin(policySource)
        return try factory.recomputing(trained(base(origin.base, head: .languageModel), origin, .languageModel))
    }

    /// A frozen network. It costs nothing if its source is the policy's base, and only an adapter if it is one over that base.
    package func reference(_ source: ModelSource) throws -> any Network {
        let origin = try origin(source)
        guard origin.base == (try self.origin(policySource).base) else {
            return try factory.network(source, head: .languageModel, trainable: false)
        }
        let base = try base(origin.base, head: .languageModel)
        guard let adapter = origin.adapter else { return base }
        return try named { try base.adapter(adapter, head: .languageModel, trainable: false) }
    }

    /// An adapter and a value head, over the policy's base if the source has the same base, else over a separate frozen one.
    package func critic(_ source: ModelSource) throws -> any Network {
        let origin = try origin(source)
        let isShared = origin.base == (try self.origin(policySource).base)
        let base = try base(origin.base, head: isShared ? .languageModel : .value)
        return try factory.recomputing(trained(base, origin, .value))
    }

    /// A reward model that is an adapter over the policy's base, for which it costs no second base; nil if it is another.
    package func reward(_ source: ModelSource) throws -> (any Network)? {
        guard let folder = try factory.folder(source), AdapterFolder.isOne(folder) else { return nil }
        let origin = try origin(source)
        guard let adapter = origin.adapter, adapter.isClassifier, origin.base == (try self.origin(policySource).base),
            case let base as CausalLM = try base(origin.base, head: .languageModel)
        else { return nil }
        return try named { try CausalLM(adapting: CausalLM(scoring: base), with: adapter, head: .score, trainable: false) }
    }

    // MARK: - Parts

    /// An adapter to train: a new one, or the source's own, which must then match the recipe as far as that says something.
    private func trained(_ base: any AdaptableNetwork, _ origin: (base: URL, adapter: AdapterFolder?), _ head: Head) throws
        -> any AdaptableNetwork
    {
        let wanted = try fresh(base, origin, head)
        guard let adapter = origin.adapter else { return wanted }
        let network = try named { try base.adapter(adapter, head: head, trainable: true) }
        guard adapter.config.isContinued(by: config) || network.hasLayout(of: wanted) else {
            func projections(_ network: any Network) -> Int { network.parameters.count { $0.name.contains("lora_A") } }
            throw ZooError(
                .invalidArgument,
                """
                stage '\(stage)': policy.lora differs from the adapter that the \(head == .value ? "critic" : "policy") \
                continues, \(adapter.url.path): r \(config.r), lora_alpha \(config.alpha.text), use_rslora \(config.usesRSLoRA) and \
                \(projections(wanted)) projections; the file has r \(adapter.config.r), lora_alpha \(adapter.config.alpha.text), \
                use_rslora \(adapter.config.usesRSLoRA) and \(projections(network)); use the same values, or merge it into a base first: zoo merge
                """)
        }
        return network
    }

    private func fresh(_ base: any AdaptableNetwork, _ origin: (base: URL, adapter: AdapterFolder?), _ head: Head) throws
        -> any AdaptableNetwork
    {
        do {
            return try base.newAdapter(
                named: origin.base.path, config: config, head: head, generator: factory.generator())
        } catch {
            throw ZooError(.invalidArgument, "stage '\(stage)': policy.lora: \(plainWords(error))")
        }
    }

    private func origin(_ source: ModelSource) throws -> (base: URL, adapter: AdapterFolder?) {
        guard let folder = try factory.folder(source) else {
            throw ZooError(.invalidArgument, "stage '\(stage)': policy.lora needs an existing model, not 'new'")
        }
        func real(_ folder: URL) -> URL {
            URL(filePath: folder.resolvingSymlinksInPath().standardizedFileURL.path, directoryHint: .isDirectory)
        }
        return try named {
            guard AdapterFolder.isOne(folder) else { return (real(folder), nil) }
            let adapter = try AdapterFolder(folder)
            return (real(try adapter.base()), adapter)
        }
    }

    private func base(_ folder: URL, head: Head) throws -> any AdaptableNetwork {
        if let base = bases[folder.path] { return base }
        let network = try factory.network(.folder(folder), head: head, trainable: false)
        guard let base = network as? any AdaptableNetwork else {
            throw ZooError(
                .invalidArgument,
                "stage '\(stage)': policy.lora adapts language and image models; \(folder.path) is \(network.family)")
        }
        bases[folder.path] = base
        return base
    }

    /// Errors about a folder, instead of about the algorithm that asked for the network.
    private func named<Value>(_ read: () throws -> Value) throws -> Value {
        do { return try read() } catch { throw ZooError(plain: error) }
    }
}

extension Double {
    /// Whole numbers without a fraction.
    fileprivate var text: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
