extension TextTable {
    /// Aligned columns in at most `width` columns of a terminal.
    ///
    /// Texts and titles are broken at spaces, the widest column first; numbers are not. If that leaves too little room for a last column
    /// of sentences, these are written under their rows; a table that is still too wide is written in blocks, each with the first
    /// ``keys`` columns. Only a table whose keys and one more column are wider than that exceeds the width.
    public func plain(width: Int) -> String {
        guard self.width > width else { return plain() }
        let floors = floors
        if let widths = fitted(widths, floors, to: width) { return wrapped(widths) }
        if hasSentences, let widths = fitted(Array(widths.dropLast()), Array(floors.dropLast()), to: width) {
            let notes = ([columns.last?.title ?? ""] + rows.map { oneLine($0.last ?? "") }).map { $0.lines(ofWidth: width - 4) }
            return taking(Array(columns.indices.dropLast())).wrapped(widths, notes: notes)
        }
        guard columns.count > keys else { return wrapped(floors) }
        let count = (keys..<columns.count).last { fitted(widths, floors, upTo: $0 + 1, to: width) != nil } ?? keys
        guard count + 1 < columns.count else { return wrapped(floors) }
        let (first, rest) = (Array(columns.indices.prefix(count + 1)), columns.indices.dropFirst(count + 1))
        return taking(first).plain(width: width) + "\n" + taking(Array(columns.indices.prefix(keys)) + rest).plain(width: width)
    }

    /// The room that sentences need to be read in.
    private static let sentence = 40
    /// The longest word that no column breaks.
    private static let word = 40

    /// Whether the last column is of sentences, which may stand under the rows.
    private var hasSentences: Bool {
        columns.count > keys && columns.last?.isNumber == false && (widths.last ?? 0) > Self.sentence
    }

    /// The least width of each column.
    private var floors: [Int] {
        columns.indices.map { index in
            func longest(_ text: String) -> Int { text.split(separator: " ").map(\.displayWidth).max() ?? 0 }
            let title = longest(columns[index].title)
            let cells = rows.map { oneLine($0[index]) }
            if columns[index].isNumber { return max(title, cells.map(\.displayWidth).max() ?? 0) }
            let words = min(Self.word, cells.map(longest).max() ?? 0)
            return max(title, hasSentences && index == columns.count - 1 ? max(words, Self.sentence) : words)
        }
    }

    private func fitted(_ widths: [Int], _ floors: [Int], upTo count: Int, to width: Int) -> [Int]? {
        fitted(Array(widths.prefix(count)), Array(floors.prefix(count)), to: width)
    }

    /// The widths with the widest ones narrowed until all fit; nil if they do not.
    private func fitted(_ widths: [Int], _ floors: [Int], to width: Int) -> [Int]? {
        var result = widths
        var excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
        while excess > 0 {
            guard let widest = result.indices.filter({ result[$0] > floors[$0] }).max(by: { result[$0] < result[$1] }) else {
                return nil
            }
            result[widest] -= 1
            excess -= 1
        }
        return result
    }

    private func taking(_ indices: [Int]) -> TextTable {
        var table = TextTable(indices.map { columns[$0] })
        table.keys = keys
        for row in rows { table.append(indices.map { row[$0] }) }
        return table
    }

    /// - Parameters:
    ///   - widths: of the columns.
    ///   - notes: lines under the titles and under each row.
    private func wrapped(_ widths: [Int], notes: [[String]] = []) -> String {
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        var result = ([columns.map(\.title)] + rows.map { $0.map(oneLine) }).enumerated().map { index, row in
            let under = index < notes.count ? notes[index].filter { !$0.isEmpty } : []
            return broken(row, widths) + under.map { "    " + $0 }
        }
        result.insert([rule], at: 1)
        return lines(of: result.flatMap { $0 })
    }

    /// A row whose cells go over as many lines as they need.
    private func broken(_ cells: [String], _ widths: [Int]) -> [String] {
        let parts = zip(cells, widths).map { $0.lines(ofWidth: $1) }
        return (0..<(parts.map(\.count).max() ?? 1)).map { index in
            line(parts.map { index < $0.count ? $0[index] : "" }, widths)
        }
    }
}
