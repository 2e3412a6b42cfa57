import ZooPlugins

/// What is wrong with a recipe, as one sentence: `recipes/sentiment.yaml:14: stages[1].budget: expected …, found …`.
public struct RecipeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file and line, or the option of the command line that said it.
    public let place: String
    /// The dotted path of the key; empty where the whole file is meant.
    public let path: String
    /// What was expected, what was found and, where it is not plain, the fix.
    public let reason: String

    public init(_ place: String, path: String = "", _ reason: String) {
        self.place = place
        self.path = path
        self.reason = reason
    }

    public var description: String { [place, path, reason].filter { !$0.isEmpty }.joined(separator: ": ") }
}
