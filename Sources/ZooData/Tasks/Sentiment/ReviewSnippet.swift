import Foundation

/// A sentence from a movie review, and how people rated its sentiment.
struct ReviewSnippet: Sendable, Equatable {
    /// Cleaned text.
    var text: String
    /// The mean of about 20 people's ratings, from -4 (most negative) to 4 (most positive).
    var rating: Double

    var words: [Substring] { text.split(separator: " ") }

    /// Reads lines of id, tab, mean rating, tab, text; texts that come again are left out.
    static func load(_ file: URL) throws -> [ReviewSnippet] {
        var reader = try LineReader(file)
        var snippets: [ReviewSnippet] = []
        var seen: Set<String> = []
        while let line = try reader.next() {
            if line.isEmpty { continue }
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count == 3, let rating = Double(columns[1]), -4...4 ~= rating else {
                throw DataError(
                    "\(file.path):\(reader.lineNumber)", "expected id, tab, mean rating from -4 to 4, tab, text")
            }
            let text = clean(String(columns[2]))
            guard !text.isEmpty else { throw DataError("\(file.path):\(reader.lineNumber)", "the text is empty") }
            if seen.insert(text.lowercased()).inserted { snippets.append(ReviewSnippet(text: text, rating: rating)) }
        }
        return snippets
    }

    /// Undoes what the creation of the file did to the sentences, where possible.
    ///
    /// The file writes `&amp;` for `&`, `''` for quotes and a backquote for an apostrophe. Its hyphens are lost: a dash
    /// became a run of three or more spaces, which is one again here; a hyphen within a word became one space, and stays so.
    static func clean(_ text: String) -> String {
        var text = text
        let replacements = [
            ("&amp;", "&"), ("``", "\""), ("''", "\""), ("`", "'"), ("\u{2019}", "'"), ("\u{2013}", "-"),
        ]
        for (old, new) in replacements { text = text.replacingOccurrences(of: old, with: new) }
        text = text.replacingOccurrences(of: " {3,}", with: " - ", options: .regularExpression)
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
