import ZooBase
import ZooPlugins

/// A fault of a recipe, as one sentence: `recipes/sentiment.yaml:14: stages[1].budget: expected …, found …`.
public struct RecipeError: PlainError, Equatable, Sendable {
    /// The file and line, or the command-line option, of the fault.
    public let place: String
    /// The dotted path of the key; empty for the whole file.
    public let path: String
    /// What was expected, what was found and, if not obvious, the fix.
    public let reason: String

    public init(_ place: String, path: String = "", _ reason: String) {
        self.place = place
        self.path = path
        self.reason = reason
    }

    public var description: String { [place, path, reason].filter { !$0.isEmpty }.joined(separator: ": ") }
    public var status: CommandStatus { .data }
}
