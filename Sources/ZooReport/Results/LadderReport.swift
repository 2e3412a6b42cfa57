import ZooRecords

/// What changes from one rung of a ladder to the next.
package struct LadderReport {
    package let rungs: [Rung]

    package init(rungs: [Rung]) { self.rungs = rungs }

    private static let title = "From one rung to the next"

    /// For a terminal; empty if there is no ladder.
    package func plain() -> String {
        guard !rungs.isEmpty else { return "" }
        let blocks = rungs.map { rung in
            (["\(rung.from) → \(rung.to)"] + lines(rung).map { "    \($0)" }).joined(separator: "\n")
        }
        return "\(Self.title):\n\n" + blocks.joined(separator: "\n") + "\n"
    }

    /// A section of `comparison.md`; empty if there is no ladder.
    package func markdown() -> String {
        guard !rungs.isEmpty else { return "" }
        let items = rungs.map { rung in
            (["- **\(rung.from)** → **\(rung.to)**"] + lines(rung).map { "  - `\($0)`" }).joined(separator: "\n")
        }
        return "\n## \(Self.title)\n\n" + items.joined(separator: "\n") + "\n"
    }

    private func lines(_ rung: Rung) -> [String] {
        rung.differences.isEmpty ? ["nothing: both are the same recipe"] : rung.differences.map(\.description)
    }
}
