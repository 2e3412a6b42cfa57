/// What an algorithm reads of a stage's datasets.
public enum DataKind: String, Codable, CaseIterable, Sendable {
    /// What the policy is to continue.
    case prompts
    /// Of two answers the better and the worse.
    case pairs
    /// Answers, conversations or texts to imitate.
    case examples

    /// The accepted shapes of a dataset, the preferred one first.
    package var shapes: [DatasetShape] {
        switch self {
        case .prompts: [.prompt, .promptCompletion]
        case .pairs: [.preference]
        case .examples: [.promptCompletion, .messages, .text]
        }
    }
}
