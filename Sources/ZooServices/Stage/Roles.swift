import Foundation
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// A network of the run under a role, with an optimizer if it is trained.
package final class RoleNetwork {
    package let name: String
    package private(set) var network: any Network
    /// nil: frozen. Where its state is shared out, it moves this rank's parameters alone.
    package private(set) var optimizer: (any Optimizer)?
    /// nil: this process holds the whole state of the optimizer.
    package private(set) var shards: Shards?
    let settings: OptimizerSettings
    /// Updates so far.
    package var version = 0
    /// Whether a gradient has been accumulated since the last update.
    package var hasGradient = false

    init(name: String, network: any Network, settings: OptimizerSettings?) {
        self.name = name
        self.network = network
        self.settings = settings ?? OptimizerSettings()
        optimizer = settings.map { Self.optimizer($0, network.parameters) }
    }

    private static func optimizer(_ settings: OptimizerSettings, _ parameters: [NamedTensor]) -> any Optimizer {
        switch settings.optim {
        case .adamw:
            AdamW(
                parameters: parameters, betas: (settings.beta1, settings.beta2), eps: settings.epsilon,
                weightDecay: settings.weightDecay)
        case .sgd: SGD(parameters: parameters, weightDecay: settings.weightDecay)
        }
    }

    /// Bytes that the optimizer holds for all parameters after their first update, on all ranks together.
    package var stateBytes: Int {
        guard optimizer != nil, settings.optim == .adamw else { return 0 }
        return network.parameters.reduce(0) { $0 + 2 * ($1.tensor.count * MemoryLayout<Float>.size) }
    }

    /// Names of parameters whose state other ranks hold.
    package var others: Set<String> {
        guard shards != nil, let optimizer else { return [] }
        return Set(network.parameters.map(\.name)).subtracting(optimizer.parameters.map(\.name))
    }

    /// Shares the optimizer's state out, before its first update.
    fileprivate func share(over ranks: Ranks) {
        precondition(version == 0 && shards == nil, "role \(name) has been updated already")
        let shards = Shards(of: network.parameters, ranks: ranks.size)
        self.shards = shards
        optimizer = Self.optimizer(settings, shards.part(of: network.parameters, ranks.rank))
    }

    /// Becomes a frozen copy of `source`.
    package func become(copyOf source: RoleNetwork) { network = source.network.copy(trainable: false) }

    /// The learning rate of an update after `progress` (0 to 1) of the budget; constant from 1 on.
    func learningRate(at progress: Double) -> Double {
        let warm = settings.warmup
        if progress < warm { return settings.learningRate * min(1, max(progress, 1e-3) / warm) }
        let rest = warm < 1 ? min(1, (progress - warm) / (1 - warm)) : 1
        switch settings.schedule {
        case .constant: return settings.learningRate
        case .linear: return settings.learningRate * (1 - rest)
        case .cosine: return settings.learningRate * 0.5 * (1 + cos(.pi * rest))
        }
    }
}

/// The networks of a run by role. A role is built on first use, so a critic that no algorithm uses costs nothing.
package final class Roles {
    /// How to create the network of a role, and how it is trained; without settings it is frozen.
    package struct Plan {
        var settings: OptimizerSettings?
        var outputs: Set<NetworkOutput>
        var make: () throws -> any Network

        package init(settings: OptimizerSettings?, outputs: Set<NetworkOutput>, make: @escaping () throws -> any Network) {
            self.settings = settings
            self.outputs = outputs
            self.make = make
        }
    }

    private let plans: [String: Plan]
    package private(set) var built: [String: RoleNetwork] = [:]
    private var shards: (ranks: Ranks, above: Int)?
    /// Of building networks so far, which happens within an iteration where an algorithm first asks for one.
    package private(set) var readingSeconds = 0.0

    package init(_ plans: [String: Plan]) { self.plans = plans }

    /// The role's network where it was built; nil where it was not yet. Throws `.notFound` if the recipe has no such role.
    func known(_ name: String) throws -> RoleNetwork? {
        if let role = built[name] { return role }
        guard plans[name] != nil else { throw unknown(name) }
        return nil
    }

    /// The role's network, built on first use. Throws `.notFound` if the recipe has no such role.
    package func role(_ name: String) throws -> RoleNetwork {
        if let role = built[name] { return role }
        guard let plan = plans[name] else { throw unknown(name) }
        let start = secondsNow()
        defer { readingSeconds += secondsNow() - start }
        let role = try MemoryUse.noting(.reading("role '\(name)'")) {
            RoleNetwork(name: name, network: try plan.make(), settings: plan.settings)
        }
        share(role)
        built[name] = role
        return role
    }

    /// Shares out the optimizers' states that take more than `bytes`, before the first update.
    package func share(over ranks: Ranks, above bytes: Int) {
        guard ranks.areSeveral else { return }
        shards = (ranks, bytes)
        for role in built.values { share(role) }
    }

    private func share(_ role: RoleNetwork) {
        guard let shards, role.stateBytes > shards.above else { return }
        role.share(over: shards.ranks)
    }

    /// The outputs of a role, whether or not it is built yet.
    package func outputs(of name: String) throws -> Set<NetworkOutput> {
        if let plan = plans[name] { return plan.outputs }
        guard let role = built[name] else { throw unknown(name) }
        return Set(NetworkOutput.allCases.filter { $0 != .klReference && role.network.supports($0) })
    }

    /// Adds a frozen copy of `source` under a new name; does nothing if the role exists.
    package func addCopy(_ name: String, of source: RoleNetwork) {
        guard built[name] == nil, plans[name] == nil else { return }
        built[name] = RoleNetwork(name: name, network: source.network.copy(trainable: false), settings: nil)
    }

    /// Removes the roles made by ``addCopy(_:of:)`` except those in `names`.
    package func removeCopies(but names: Set<String>) {
        for name in built.keys where !names.contains(name) && plans[name] == nil { built[name] = nil }
    }

    private func unknown(_ name: String) -> ZooError {
        RoleRules.unknown(name, known: Set(plans.keys).union(built.keys))
    }
}
