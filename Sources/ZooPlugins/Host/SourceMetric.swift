/// What the host logs of each source of a mixture of datasets.
public enum SourceMetric: String, CaseIterable, Sendable {
    case rows, epochs, reward

    /// What their names in logs begin with.
    public static let prefix = "source/"

    /// The name in logs: `source/math/reward`.
    public func name(_ source: String) -> String { "\(Self.prefix)\(source)/\(rawValue)" }

    public var unit: String {
        switch self {
        case .rows: "rows"
        case .epochs: "passes"
        case .reward: "of the reward"
        }
    }

    public var definition: String {
        switch self {
        case .rows: "of a mixture: rows that the iteration took from the source NAME"
        case .epochs: "of a mixture: passes over the rows of the source so far"
        case .reward: "of a mixture of prompts: `common/reward` over the samples of the source's prompts"
        }
    }
}
