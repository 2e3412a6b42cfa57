import Foundation

/// What `zoo plugins check` found.
public struct ConformanceReport: Sendable, Equatable, Codable {
    /// One case, for one algorithm or reward, or for the plugin as a whole.
    public struct Result: Sendable, Equatable, Codable {
        public enum Outcome: String, Sendable, Codable {
            case passed, failed, skipped
        }

        /// "numerics/gradients"
        public var id: String
        /// nil for a case that is not of an algorithm.
        public var algorithm: String?
        /// nil for a case that is not of a reward.
        public var reward: String?
        /// What a good plugin does.
        public var claim: String
        /// The header that says so, and its words.
        public var rule: String
        public var outcome: Outcome
        /// What was seen; the sentence of the failure, or why the case was skipped.
        public var detail: String
        /// Of a failure: which table, length, call or setting was tried.
        public var trial: String?
        public var expected: String?
        public var found: String?
        /// Of a failure: the command that runs this case alone.
        public var rerun: String?
        /// Wall-clock time of the process.
        public var seconds = 0.0
    }

    /// Absolute path of the file.
    public var path: String
    public var results: [Result]

    /// True where nothing failed.
    public var passed: Bool { !results.contains { $0.outcome == .failed } }

    /// Lines for a terminal: one a case, and a summary.
    public func table() -> String {
        let names = results.map { $0.id + (($0.algorithm ?? $0.reward).map { " " + $0 } ?? "") }
        let width = names.map(\.count).max() ?? 0
        var lines = zip(results, names).map { result, name in
            let mark = ["passed": "ok  ", "failed": "FAIL", "skipped": "--  "][result.outcome.rawValue] ?? ""
            return "\(mark)  \(name.padding(toLength: width, withPad: " ", startingAt: 0))  \(result.detail)"
        }
        for result in results where result.outcome == .failed {
            lines.append("\n\(result.id): \(result.claim)\n    \(result.detail)\n    rule   \(result.rule)")
            if let rerun = result.rerun { lines.append("    again  \(rerun)") }
        }
        let counts = Dictionary(grouping: results, by: \.outcome).mapValues(\.count)
        lines.append(
            "\n\(path): \(counts[.passed] ?? 0) passed, \(counts[.failed] ?? 0) failed, \(counts[.skipped] ?? 0) skipped")
        return lines.joined(separator: "\n")
    }

    /// The report as JSON with sorted keys.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
