import ZooKit

/// Names of metrics that are the host's own: an algorithm may not log under them.
package enum ReservedMetric {
    private static let names = ["step"]
    private static let prefixes = ["budget/", "eval/", "evaluation/", "grad_norm/", "lr/"]

    /// - Throws: `.invalidArgument` where an algorithm may not use the name.
    package static func check(_ name: String) throws {
        guard !name.isEmpty else { throw ZooError(.invalidArgument, "a metric has an empty name; expected one such as 'loss'") }
        if names.contains(name) || prefixes.contains(where: name.hasPrefix) {
            let all = names + prefixes.map { "\($0)…" }
            throw ZooError(
                .invalidArgument,
                "metric '\(name)' has a name of the host's own, which are \(all.joined(separator: ", ")); log it under another one"
            )
        }
    }
}
