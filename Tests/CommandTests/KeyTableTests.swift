import Foundation
import Testing

/// The tables between two comments in the pages of recipes; `make key-tables` writes them.
@Suite("tables of keys")
struct KeyTableTests {
    private static let pages = ["README", "flux", "images", "logging", "lora", "rewards", "server"]
    /// The same keys as the policy's, which the page says in a sentence.
    private static let said: Set = ["stages.NAME.optimizer.critic"]

    @Test("each says what `zoo recipe keys PATH --markdown` prints", arguments: pages)
    func table(page: String) throws {
        let file = Command.root.appending(path: "recipes/\(page).md")
        let text = try String(contentsOf: file, encoding: .utf8)
        try Command.inFolder { zoo in
            var changed = ""
            var rest = text[...]
            while let begin = try Self.begin.firstMatch(in: rest), let end = rest.range(of: Self.end) {
                let (path, table) = (String(begin.output.1), rest[begin.range.upperBound..<end.lowerBound])
                let now = try zoo("recipe", "keys", path, "--markdown").output
                changed += rest[..<begin.range.upperBound] + now
                rest = rest[end.lowerBound...]
                changed += rest.prefix(Self.end.count)
                rest = rest.dropFirst(Self.end.count)
                if !Self.writes { #expect(table == now, "recipes/\(page).md, \(path), is not up to date: run `make key-tables`") }
            }
            if Self.writes { try Data((changed + rest).utf8).write(to: file) }
        }
    }

    @Test("every key of a recipe is in one of them")
    func complete() throws {
        let pages = try Self.pages.map {
            try String(contentsOf: Command.root.appending(path: "recipes/\($0).md"), encoding: .utf8)
        }
        let shown = Set(pages.flatMap { $0.matches(of: Self.begin).map { String($0.output.1) } })
        try Command.inFolder { zoo in
            let lines = try zoo("recipe", "keys").output.split(separator: "\n").map(String.init)
            // A path stands alone on the line above its table's title.
            let paths = zip(lines, lines.dropFirst()).filter { $1.hasPrefix("key ") }.map(\.0)
            #expect(paths.count > 15)
            #expect(Set(paths).subtracting(shown) == Self.said)
        }
    }

    @Test("a key is found by its path in the last stage or from the top; a misspelt one names the nearest")
    func paths() throws {
        try Command.inFolder { zoo in
            let short = try zoo("recipe", "keys", "optimizer.learning_rate").output
            #expect(try zoo("recipe", "keys", "stages.base.optimizer.learning_rate").output == short)
            #expect(short.contains("learning_rate") && short.contains("number above 0 to 1000") && !short.contains("beta1"))
            #expect(try zoo("recipe", "keys", "compare.variants").output.contains("compare.variants.NAME\n"))
            let slip = try zoo("recipe", "keys", "optimizer.learning_rat")
            #expect(slip.errors.contains("no key 'optimizer.learning_rat'; did you mean 'optimizer.learning_rate'?"))
        }
    }

    private static let writes = ProcessInfo.processInfo.environment["ZOO_KEY_TABLES"] == "write"
    private static var begin: Regex<(Substring, Substring)> { /<!-- keys of (\S+): made by `make key-tables` -->\n/ }
    private static let end = "<!-- end of keys -->\n"
}
