import Foundation

/// What reading a recipe needs to know besides its text, and what it has read so far.
package final class Reading {
    /// A stage that later ones can name by `from`.
    struct Known {
        var name: String
        var algorithm: String
        /// The roles that it saves besides its model.
        var saved: [String]
    }

    /// The recipe; relative paths begin in its folder, or in that of the base that says them.
    let file: URL
    /// The ids that plugins offer; nil: not known.
    let knownAlgorithms: [String]?
    /// What parameters may be called besides their own names.
    let names: ParameterNames
    /// Whether files must exist: not those of a run that was.
    let checksFiles: Bool
    var stages: [Known] = []
    /// The names of the comparison's variants; nil: not known.
    var variants: [String]?

    package init(
        file: URL, knownAlgorithms: [String]? = nil, names: ParameterNames = ParameterNames(), checksFiles: Bool = true
    ) {
        (self.file, self.knownAlgorithms, self.names, self.checksFiles) = (file, knownAlgorithms, names, checksFiles)
    }
}

/// A value of a recipe together with its dotted path.
package struct Field {
    let node: RecipeNode
    let path: String
    let reading: Reading

    func error(_ reason: String) -> RecipeError { RecipeError(node.place, path: path, reason) }
}
