extension String {
    /// The text with whatever could control a terminal spelled out: control characters except tabs and newlines, and those
    /// that change the direction of writing. `\u{1b}` becomes `\u001b`, which JSON reads back as the same text.
    public var shown: String {
        guard unicodeScalars.contains(where: \.steersTerminal) else { return self }
        var result = String.UnicodeScalarView()
        let scalars = unicodeScalars
        for (index, scalar) in zip(scalars.indices, scalars) {
            // Lines may end as in CSV and on Windows.
            let endsLine = scalar == "\r" && scalars[scalars.index(after: index)...].first == "\n"
            if scalar.steersTerminal, !endsLine {
                let digits = String(scalar.value, radix: 16)
                result.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// Whether it has characters that ``shown`` spells out.
    public var steersTerminal: Bool { unicodeScalars.contains(where: \.steersTerminal) }

    /// Whether it is one line of text without control characters.
    public var isPlainLine: Bool { !steersTerminal && !contains { $0.isNewline || $0 == "\t" } }

    /// A line that a program printed for a terminal, as text: without the terminal's escape sequences, what is left of it after
    /// carriage returns, and with other control characters spelled out.
    public var withoutEscapes: String {
        guard steersTerminal else { return self }
        var kept = String.UnicodeScalarView()
        var rest = unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\u{1B}" { rest.dropEscape() } else { kept.append(scalar) }
        }
        let lines = kept.split(separator: "\r")
        return (lines.last.map { String(String.UnicodeScalarView($0)) } ?? "").shownOnOneLine
    }

    /// ``shown``, on one line.
    public var shownOnOneLine: String { split(whereSeparator: \.isNewline).joined(separator: " ").shown }
}

extension Substring.UnicodeScalarView {
    /// Drops the rest of an escape sequence: a control sequence, a string that the terminal reads (ECMA-48), or a shorter one.
    fileprivate mutating func dropEscape() {
        guard let first = popFirst() else { return }
        switch first {
        case "[":
            while let scalar = popFirst() { if (0x40...0x7E).contains(scalar.value) { return } }
        case "]", "P", "X", "^", "_":
            while let scalar = popFirst() {
                if scalar == "\u{07}" { return }
                if scalar == "\u{1B}" { return dropEscape() }
            }
        default:
            var last = first
            while (0x20...0x2F).contains(last.value), let next = popFirst() { last = next }
        }
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1 but for tab and newline; the embeddings, overrides and isolates of bidirectional text.
    fileprivate var steersTerminal: Bool {
        switch value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
