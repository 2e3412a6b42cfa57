/// When a stage ends: one limit.
public struct Budget: Sendable, Equatable {
    public enum Axis: String, Sendable, CaseIterable {
        case iterations
        /// Optimizer updates of the trained network: the policy, or the reward model.
        case updates
        /// Passes, possibly fractional, over the rows that the algorithm reads: prompts, pairs or examples.
        case epochs
        /// Sampled tokens (or denoising steps).
        case sampledSteps = "sampled_steps"
        case rewardQueries = "reward_queries"
        /// Floating-point operations of all roles.
        case flops
        case seconds

        /// Whether an algorithm that learns from built pairs spends such a budget on building them.
        public var paysForSamples: Bool { self == .sampledSteps || self == .rewardQueries }
    }
    public var axis: Axis
    public var amount: Double

    package init(
        axis: Axis, amount: Double
    ) {
        self.axis = axis
        self.amount = amount
    }
}

extension Budget {
    static let schema = Schema("one limit, such as {updates: 40}", blank: Budget(axis: .updates, amount: 1)) {
        Key(oneOf: Axis.allCases.map(\.choice), \.self)
    }
}

extension Budget.Axis {
    fileprivate var choice: KeyChoice<Budget> {
        KeyChoice(rawValue, codec, doc) {
            Budget(axis: self, amount: $0)
        } content: {
            $0.axis == self ? $0.amount : nil
        }
    }

    private var codec: Codec<Double> {
        switch self {
        case .seconds, .epochs: .positive(to: 1e9)
        case .flops: .positive(to: 1e30)
        case .iterations, .updates, .sampledSteps, .rewardQueries: .whole(from: 1, to: 1_000_000_000_000)
        }
    }

    private var doc: String {
        switch self {
        case .iterations: "Iterations: each collects, then updates."
        case .updates: "Optimizer updates of the policy; if none is trained, of the reward model."
        case .epochs: "Passes over the rows that the algorithm reads; may be fractional."
        case .sampledSteps: "Sampled tokens; of images, denoising steps."
        case .rewardQueries: "Samples that were rewarded."
        case .flops: "Floating-point operations of all roles."
        case .seconds: "Seconds."
        }
    }
}
