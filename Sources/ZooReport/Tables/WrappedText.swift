extension StringProtocol {
    /// The text in lines of at most `width` columns, broken at spaces; a word that is longer is broken behind a `/`, or else anywhere.
    func lines(ofWidth width: Int) -> [String] {
        guard displayWidth > width else { return [String(self)] }
        var (lines, line, used) = ([String](), "", 0)
        func close() {
            lines.append(line)
            (line, used) = ("", 0)
        }
        for word in split(separator: " ") {
            for (index, piece) in word.pieces(ofWidth: width).enumerated() {
                let (space, columns) = (line.isEmpty || index > 0 ? 0 : 1, piece.displayWidth)
                if !line.isEmpty, used + space + columns > width {
                    close()
                } else if space > 0 {
                    line += " "
                    used += 1
                }
                line += piece
                used += columns
            }
        }
        if !line.isEmpty { close() }
        return lines
    }

    /// Each line of the text broken to `width` columns; what continues a line is indented by `indent` more than the line.
    package func wrapped(toWidth width: Int, indent: Int = 4) -> String {
        split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard line.displayWidth > width else { return String(line) }
            let own = line.prefix { $0 == " " }.count
            let first = String(repeating: " ", count: own)
            // Only the first line has its own indentation; all get the room of the others.
            let parts = line.lines(ofWidth: Swift.max(8, width - own - indent))
            return parts.enumerated().map { index, part in
                first + (index == 0 ? "" : String(repeating: " ", count: indent)) + part
            }.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// A word in parts of at most `width` columns.
    fileprivate func pieces(ofWidth width: Int) -> [String] {
        guard displayWidth > width else { return [String(self)] }
        var (pieces, piece, used) = ([String](), "", 0)
        // Where the piece may end: behind its last slash.
        var end: String.Index?
        for character in self {
            if used + character.displayWidth > width, !piece.isEmpty {
                let cut = end ?? piece.endIndex
                pieces.append(String(piece[..<cut]))
                piece = String(piece[cut...])
                (used, end) = (piece.displayWidth, nil)
            }
            piece.append(character)
            used += character.displayWidth
            if character == "/" { end = piece.endIndex }
        }
        return pieces + [piece]
    }
}
