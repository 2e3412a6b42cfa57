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
    /// nil: frozen.
    package let optimizer: (any Optimizer)?
    let settings: OptimizerSettings
    /// Updates so far.
    package var version = 0
    /// Whether a gradient has been accumulated since the last update.
    package var hasGradient = false

    init(name: String, network: any Network, settings: OptimizerSettings?) {
        self.name = name
        self.network = network
        self.settings = settings ?? OptimizerSettings()
        optimizer = settings.map { settings -> any Optimizer in
            switch settings.optim {
            case .adamw:
                AdamW(
                    parameters: network.parameters, betas: (settings.beta1, settings.beta2), eps: settings.epsilon,
                    weightDecay: settings.weightDecay)
            case .sgd: SGD(parameters: network.parameters, weightDecay: settings.weightDecay)
            }
        }
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
        let role = try MemoryUse.noting(.reading("role '\(name)'")) {
            RoleNetwork(name: name, network: try plan.make(), settings: plan.settings)
        }
        built[name] = role
        return role
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
