import Foundation
import ZooBase

extension Page {
    /// The page without its charts, for a terminal or a pull request.
    public func markdown() -> String {
        var blocks = ["# \(Self.line(title))"]
        if !about.isEmpty { blocks.append(Self.line(about)) }
        if !notes.isEmpty { blocks.append(notes.map { "> - \(Self.line($0))" }.joined(separator: "\n")) }
        for section in sections {
            let parts = section.parts.compactMap(markdown)
            if !parts.isEmpty { blocks += ["## \(Self.line(section.title))"] + parts }
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }

    private func markdown(_ part: Part) -> String? {
        switch part {
        case .text(let text): text
        case .list(let items): items.map { "- \(Self.line($0))" }.joined(separator: "\n")
        case .table(let caption, let table): Self.caption(caption) + "\n\n" + table.markdown().trimmingCharacters(in: .newlines)
        case .code(let lines): lines.map { "    \(Self.line($0))" }.joined(separator: "\n")
        case .image(let caption, _): "(An image, in the page: \(Self.line(caption)))"
        case .chart(.samples, _): samples()
        case .chart: nil
        }
    }

    /// The first prompts with their samples, shown verbatim.
    private func samples() -> String? {
        guard !charts.samples.isEmpty else { return nil }
        return charts.samples.prefix(3).map { sample in
            (["    \(Self.line(sample.prompt)) …"] + sample.answers.map { "      \($0.variant): \(Self.line($0.text))" })
                .joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func caption(_ text: String) -> String { text.hasSuffix(".") ? line(text) : line(text) + ":" }

    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 }).trimmingCharacters(in: .whitespaces)
    }

    // MARK: - JSON

    private struct Whole: Encodable {
        struct Table: Encodable {
            var section: String
            var caption: String
            var columns: [String]
            var rows: [[String]]
        }
        var title: String
        var about: String
        var notes: [String]
        var statements: [String]
        var tables: [Table]
        var charts: Charts
    }

    /// Tables as they are shown, and the numbers behind the charts.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        let parts = sections.flatMap { section in section.parts.map { (section.id, $0) } }
        let whole = Whole(
            title: title, about: about, notes: notes,
            statements: parts.flatMap { if case .list(let items) = $0.1 { items } else { [String]() } },
            tables: parts.compactMap { id, part in
                guard case .table(let caption, let table) = part else { return nil }
                return Whole.Table(section: id, caption: caption, columns: table.columns.map(\.title), rows: table.rows)
            },
            charts: charts)
        return String(decoding: try encoder.encode(whole), as: UTF8.self) + "\n"
    }
}
