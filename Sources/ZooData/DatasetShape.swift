/// What a dataset's rows hold, by the names of TRL's dataset formats.
public enum DatasetShape: String, CaseIterable, Codable, Sendable {
    case text
    /// Whole conversations.
    case messages
    case prompt
    case promptCompletion = "prompt+completion"
    /// The prompt may be left out: then it is what `chosen` and `rejected` begin with in common.
    case preference = "prompt+chosen+rejected"

    /// The columns that every row must have.
    public var columns: [String] {
        switch self {
        case .text: ["text"]
        case .messages: ["messages"]
        case .prompt: ["prompt"]
        case .promptCompletion: ["prompt", "completion"]
        case .preference: ["chosen", "rejected"]
        }
    }
}

/// Why a line is not a row.
struct RowFault: Error { var reason: String }
