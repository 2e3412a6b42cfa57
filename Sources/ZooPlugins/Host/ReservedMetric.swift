import ZooBase
import ZooKit

/// Metric names reserved by the host: an algorithm may not use them.
package enum ReservedMetric {
    private static let names = ["step"]
    private static let longest = 200
    private static let prefixes = [
        "budget/", CommonMetric.prefix, "eval/", "evaluation/", "grad_norm/", "lr/", SourceMetric.prefix,
        "zoo.",
    ]

    /// - Throws: `.invalidArgument` if an algorithm may not use the name.
    package static func check(_ name: String) throws {
        guard !name.isEmpty else { throw ZooError(.invalidArgument, "a metric has an empty name; expected one such as 'loss'") }
        guard name.isPlainLine, name.utf8.count <= longest else {
            throw ZooError(
                .invalidArgument,
                "the name of metric '\(String(name.prefix(80)).shownOnOneLine)' has a control character or more than \(longest) bytes; "
                    + "expected one such as 'loss'")
        }
        if names.contains(name) || prefixes.contains(where: name.hasPrefix) {
            let all = names + prefixes.map { "\($0)…" }
            throw ZooError(
                .invalidArgument,
                "metric '\(name)' has a name reserved by the host, which are \(all.joined(separator: ", ")); log it under another name"
            )
        }
    }
}
