import Synchronization
import ZooBase

/// What the process is doing that takes memory, so that it can say what did not fit.
package enum MemoryUse: Sendable, Equatable {
    /// Reading a network: a role's, or a reward's.
    case reading(String)
    case forward(role: String, steps: Int)
    case backward(role: String, steps: Int)
    /// Tokens that a sequence may get are in the second number; 0 for images.
    case sampling(role: String, sequences: Int, tokens: Int)
    /// An update, whose first one makes the optimizer's state.
    case update(role: String)

    /// Of the thread that works; there is one.
    private static let current = Mutex<MemoryUse?>(nil)

    package static var now: MemoryUse? { current.withLock { $0 } }

    /// Runs `body`, which takes memory for that.
    package static func noting<Result>(_ use: MemoryUse, _ body: () throws -> Result) rethrows -> Result {
        let before = now
        current.withLock { $0 = use }
        defer { current.withLock { $0 = before } }
        return try body()
    }

    package var words: String {
        switch self {
        case .reading(let name): "the network of \(name)"
        case .forward(let role, let steps): "a forward pass of role '\(role)' over \(steps) steps"
        case .backward(let role, let steps): "a backward pass of role '\(role)' over \(steps) steps"
        case .sampling(let role, let sequences, let tokens):
            "sampling \(sequences) sequences" + (tokens > 0 ? " of up to \(tokens) new tokens" : "") + " of role '\(role)'"
        case .update(let role): "an update of role '\(role)': its gradients and its optimizer's state"
        }
    }
}
