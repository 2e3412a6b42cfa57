/// The optimizer of one network.
public struct OptimizerSettings: Sendable, Equatable {
    public enum Optim: String, Sendable, CaseIterable { case adamw, sgd }
    public enum Schedule: String, Sendable, CaseIterable { case constant, linear, cosine }
    /// The rule: `adamw` (Loshchilov and Hutter 2019), or `sgd`, which reads neither `beta1`, `beta2` nor `epsilon`.
    public var optim = Optim.adamw
    public var learningRate = 1e-5
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8
    /// Not applied to norms, biases and other vectors.
    public var weightDecay = 0.0
    /// 0: gradients are not clipped.
    public var maxGradientNorm = 1.0
    public var schedule: Schedule = .constant
    /// Share of the budget over which the learning rate rises from 0, update by update.
    public var warmup = 0.0

    public init() {}
}

extension OptimizerSettings {
    private static let schema = Schema("the optimizer's settings", blank: OptimizerSettings()) {
        Key("optim", \.optim, .choice, "The rule. `sgd` reads neither `beta1`, `beta2` nor `epsilon`.")
        Key(
            "learning_rate", \.learningRate, .positive(to: 1000),
            "Peak learning rate. An adapter's is 0.0005 unless set: it begins at 0 and has few numbers.")
        Key("beta1", \.beta1, .fromZeroBelowOne(), "Decay of the gradient's moving average.")
        Key("beta2", \.beta2, .fromZeroBelowOne(), "Decay of the squared gradient's.")
        Key("epsilon", \.epsilon, .positive(to: 1), "Added to the denominator.")
        Key(
            "weight_decay", \.weightDecay, .fromZero(to: 1000),
            "Applies to matrices and embeddings, not to norms, biases and other vectors.")
        Key(
            "max_gradient_norm", \.maxGradientNorm, .fromZero(to: 1e30), null: 0,
            "Gradients are scaled down to this norm. 0 or null: they are not.")
        Key("schedule", \.schedule, .choice, "The learning rate over the budget, after warmup.")
        Key("warmup", \.warmup, .fromZeroToOne(), "Share of the budget over which the learning rate rises from 0.")
    }

    /// Of adapters, where a recipe has no rate.
    static let adapterRate = 5e-4

    /// Gives the settings the rate of adapters, as far as a recipe's `optimizer` says none.
    static func takeAdapterRate(_ settings: inout [String: OptimizerSettings], unless given: Field?) throws {
        let section = try given.map { try Section($0) }
        guard section?.field("learning_rate") == nil else { return }
        settings["policy", default: OptimizerSettings()].learningRate = adapterRate
        for role in settings.keys where role != "policy" {
            guard let own = section?.field(role), try Section(own).field("learning_rate") == nil else { continue }
            settings[role]?.learningRate = adapterRate
        }
    }

    /// The policy's settings, and under other roles what differs for them.
    static let byRole = Schema("the optimizer's settings", blank: ["policy": OptimizerSettings()]) {
        schema.keys.map { $0.within(\.policy) }
        role("critic")
        role("reward")
    }

    /// The settings of a role; what they leave out is the policy's.
    private static func role(_ name: String) -> Key<[String: OptimizerSettings]> {
        Key(keys: [
            KeyDescription(
                name: name, shape: schema.shape, standard: "as the policy's",
                doc: "What differs for the \(name == "critic" ? "critic" : "reward network"): the same keys.")
        ]) { settings, section in
            guard let field = section.field(name) else { return }
            let codec = schema.codec(from: settings.policy)
            let words = "the \(name)'s settings"
            settings[name] = try Codec(words, codec.shape, read: codec.read, write: codec.write).value(field)
        } write: {
            [(name, $0[name].map(schema.node))]
        }
    }
}

extension [String: OptimizerSettings] {
    fileprivate var policy: OptimizerSettings {
        get { self["policy"] ?? OptimizerSettings() }
        set { self["policy"] = newValue }
    }
}
