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

    /// ``shown``, on one line.
    public var shownOnOneLine: String { split(whereSeparator: \.isNewline).joined(separator: " ").shown }
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
