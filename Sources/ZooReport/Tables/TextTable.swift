import ZooBase

/// A table of texts that prints aligned, as Markdown, or as CSV.
///
/// ```swift
/// var table = TextTable([.text("algorithm"), .number("reward")])
/// table.append(["ppo", "0.84"])
/// print(table.plain())
/// ```
public struct TextTable: Sendable, Equatable {
    public struct Column: Sendable, Equatable {
        public var title: String
        /// Numbers are right-aligned.
        public var isNumber: Bool

        public static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
        public static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    public private(set) var columns: [Column]
    public private(set) var rows: [[String]] = []
    /// Leading columns that say what a row is: each block of a table that is too wide for one has them.
    public var keys = 1

    public init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row with one cell a column.
    public mutating func append(_ row: [String]) {
        precondition(row.count == columns.count, "the row has \(row.count) cells; expected \(columns.count)")
        rows.append(row)
    }

    /// Aligned columns under a rule, two spaces apart, each row on one line; ``plain(width:)`` is for a terminal.
    public func plain() -> String {
        let widths = self.widths
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        return lines(of: [line(columns.map(\.title), widths), rule] + rows.map { line($0.map(oneLine), widths) })
    }

    /// A table of GitHub's Markdown.
    public func markdown() -> String {
        func row(_ cells: [String]) -> String {
            "| " + cells.map { oneLine($0).replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        let rule = "|" + columns.map { $0.isNumber ? "--:" : ":--" }.joined(separator: "|") + "|"
        return lines(of: [row(columns.map(\.title)), rule] + rows.map(row))
    }

    /// Comma-separated values (RFC 4180).
    public func csv() -> String {
        func cell(_ text: String) -> String {
            text.contains { "\",\r\n".contains($0) || $0 == "\r\n" } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
        }
        return ([columns.map(\.title)] + rows).map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
    }

    /// Columns that `plain()` takes.
    public var width: Int { widths.reduce(0, +) + 2 * (widths.count - 1) }

    var widths: [Int] {
        columns.indices.map { index in ([columns[index].title] + rows.map { oneLine($0[index]) }).map(\.displayWidth).max() ?? 0 }
    }

    func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = zip(zip(cells, widths), columns).map { cell, column in
            cell.0.padded(toWidth: cell.1, trailing: !column.isNumber)
        }.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }

    func lines(of lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    func oneLine(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }).shown }
}
