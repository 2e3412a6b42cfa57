/// How a loss takes its KL(π‖π_ref): estimated from the action that was drawn, or `exact`, from the policy's output `kl:reference`.
///
/// The exact KL has no noise of its own, and at the states of the samples its gradient is that of KL(π‖π_ref), whoever drew them.
public enum LossKL: Hashable, Sendable {
    case estimated(KLEstimator)
    case exact

    /// What the loss asks of the policy beside log π.
    public var outputs: [Output] { self == .exact ? [.klReference] : [] }

    /// Whether the gradient is another estimator's, and not the derivative of the value.
    public var isStraightThrough: Bool {
        if case .estimated(let estimator) = self { estimator.isStraightThrough } else { false }
    }

    /// Throws where this is `exact` and the policy does not give it. `parameter` is its name in recipes.
    public func check(_ model: ModelService, parameter: String) throws {
        guard self == .exact, try !model.supports(.policy, .klReference) else { return }
        throw ZooError(
            .invalidArgument,
            "parameter '\(parameter)' is 'exact', but this policy does not give the output '\(Output.klReference.name)'; "
                + "set it to 'k3', which estimates the KL from log-probabilities")
    }

    /// The KL of the steps that `outputs` are of. `referenceLogp`, log π_ref [steps], is read where the KL is estimated.
    public func steps(_ outputs: Outputs, referenceLogp: @autoclosure () throws -> [Double]) throws -> StepKL {
        switch self {
        case .estimated(let estimator): .estimated(estimator, reference: try referenceLogp())
        case .exact: .exact(try outputs[.klReference])
        }
    }
}

extension LossKL: RawRepresentable, CaseIterable, ParameterValue {
    public static let allCases = KLEstimator.allCases.map(LossKL.estimated) + [.exact]

    public init?(rawValue: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    public var rawValue: String {
        if case .estimated(let estimator) = self { estimator.rawValue } else { "exact" }
    }
}

/// A KL for each step of a batch, and its derivatives.
public enum StepKL: Sendable {
    /// By the estimator, from log π_ref, [steps].
    case estimated(KLEstimator, reference: [Double])
    /// The output `kl:reference`, [steps].
    case exact([Double])

    /// The KL of one step and its derivatives by the policy's outputs.
    public struct Term: Sendable, Equatable {
        public var value: Double
        public var byLogp = 0.0
        /// By `kl:reference`.
        public var byExact = 0.0
    }

    /// The KL of step `step`, whose action has log-probability `logp`, cut to ±`limit`.
    public func term(_ step: Int, logp: Double, limit: Double = .infinity) -> Term {
        switch self {
        case .estimated(let estimator, let reference):
            Term(
                value: estimator.value(logp, reference: reference[step], limit: limit),
                byLogp: estimator.gradient(logp, reference: reference[step], limit: limit))
        case .exact(let kl): Term(value: min(kl[step], limit), byExact: kl[step] <= limit ? 1 : 0)
        }
    }
}
