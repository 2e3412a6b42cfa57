import Foundation
import Testing

/// The table between two comments in recipes/README.md; `make parameter-tables` writes it.
@Suite("the table of common metrics")
struct MetricTableTests {
    private static let begin = "<!-- metrics: made by `make parameter-tables` -->\n"
    private static let end = "<!-- end of metrics -->\n"

    @Test("says what `zoo metrics --markdown` prints")
    func table() throws {
        let file = Command.root.appending(path: "recipes/README.md")
        var page = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(page.range(of: Self.begin)?.upperBound)
        let stop = try #require(page.range(of: Self.end, range: start..<page.endIndex)?.lowerBound)
        try Command.inFolder { zoo in
            let table = try zoo("metrics", "--markdown").output
            #expect(table.contains("| `common/kl` | nats per sequence |"))
            if ProcessInfo.processInfo.environment["ZOO_PARAMETER_TABLES"] == "write" {
                page.replaceSubrange(start..<stop, with: table)
                try Data(page.utf8).write(to: file)
            } else {
                #expect(page[start..<stop] == table, "recipes/README.md is not up to date: run `make parameter-tables`")
            }
        }
    }
}
