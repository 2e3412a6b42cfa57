import CZoo

/// A network of the host by what it does: `policy`, `reference`, `critic`, `reward`, `teacher`, or one that `blend` made.
public struct Role: Hashable, Sendable, ExpressibleByStringLiteral {
    public let name: String

    public init(_ name: String) { self.name = name }
    public init(stringLiteral name: String) { self.name = name }

    public static let policy = Role("policy")
    public static let reference = Role("reference")
    public static let critic = Role("critic")
    public static let reward = Role("reward")
    public static let teacher = Role("teacher")
}

/// What a network says of a batch: a number per step or per sequence.
public struct Output: Hashable, Sendable, ExpressibleByStringLiteral {
    public let name: String

    public init(_ name: String) { self.name = name }
    public init(stringLiteral name: String) { self.name = name }

    /// Per step: log-probability of the action, at the batch's temperature.
    public static let logp = Output("logp")
    /// Per step: entropy of the distribution that the action was drawn from, in nats.
    public static let entropy = Output("entropy")
    /// Per step: the critic's estimate for the state before the action.
    public static let value = Output("value")
    /// Per sequence: its log-likelihood (policy, reference), or the scalar of a reward model.
    public static let score = Output("score")
    /// Per step, of the policy: the exact KL(π‖π_ref) of the step's distribution from the reference's, in the units of `logp`. Its
    /// gradient flows into the policy alone. Only some policies give it; `ModelService.supports` tells.
    public static let klReference = Output("kl:reference")
}

/// The outputs of a forward pass, by name.
public struct Outputs: Sendable {
    private(set) var columns: [Column]

    init(_ columns: [Column]) { self.columns = columns }

    /// The numbers of one output: [steps], or [n] for one per sequence. Throws where it was not asked for.
    public subscript(_ output: Output) -> [Double] {
        get throws {
            guard let column = columns.first(where: { $0.name == output.name }) else {
                let asked = columns.map(\.name).joined(separator: ", ")
                throw ZooError(.notFound, "the output '\(output.name)' was not asked for; asked for: \(asked)")
            }
            return column.doubles
        }
    }

    /// Throws unless the outputs are the wanted ones in order, and finite.
    func checked(_ wanted: [Output], of role: Role) throws -> Outputs {
        guard columns.map(\.name) == wanted.map(\.name) else {
            throw ZooError(
                .internal,
                "role '\(role.name)' gave the outputs \(columns.map(\.name)); expected \(wanted.map(\.name))")
        }
        for column in columns { try requireFinite(column.doubles, "output '\(column.name)' of role '\(role.name)'") }
        return self
    }
}

/// The value of a loss and its derivative by each output: [steps], or [n] for an output per sequence. An output that is not
/// named has derivative 0.
public struct Loss: Sendable {
    public var value: Double
    public var gradients: [Output: [Double]]

    public init(_ value: Double, _ gradients: [Output: [Double]]) {
        self.value = value
        self.gradients = gradients
    }
}

/// How the host may cut a batch before it calls a loss.
public enum Cut: Sendable {
    /// Any subset of whole sequences: the parts' losses and gradients add up.
    case separable
    /// Sequences with the same `group` or `pair` stay together.
    case grouped
    /// Not at all.
    case whole

    var flags: UInt32 {
        switch self {
        case .separable: ZOO_LOSS_SEPARABLE
        case .grouped: ZOO_LOSS_GROUPED
        case .whole: ZOO_LOSS_WHOLE
        }
    }
}
