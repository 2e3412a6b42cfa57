/// A token that is found in the text before it is cut into words, such as an end-of-text mark.
struct AddedToken: Codable, Sendable, Equatable {
    var id: TokenizerFile.TokenId
    var content: String
    var singleWord = false
    var stripsLeft = false
    var stripsRight = false
    /// Whether it is looked for after normalization rather than before.
    var normalized = false
    var special = false

    enum CodingKeys: String, CodingKey {
        case id, content, normalized, special
        case singleWord = "single_word"
        case stripsLeft = "lstrip"
        case stripsRight = "rstrip"
    }
}

/// Finds added tokens in text: the leftmost first, and of those that begin at one place the longest.
struct AddedTokenFinder: Sendable {
    enum Piece {
        case text(ArraySlice<UInt8>)
        case token(Int32)
    }

    /// The tokens that begin with each byte, longest first.
    private var byFirstByte = [[(bytes: [UInt8], token: AddedToken)]](repeating: [], count: 256)
    private let isEmpty: Bool

    /// - Parameter tokens: each with what it looks like in the text.
    init(_ tokens: [(bytes: [UInt8], token: AddedToken)]) {
        isEmpty = tokens.isEmpty
        for token in tokens.sorted(by: { $0.bytes.count > $1.bytes.count }) {
            if let first = token.bytes.first { byFirstByte[Int(first)].append(token) }
        }
    }

    /// The pieces of `text` in order; none is empty.
    func split(_ text: ArraySlice<UInt8>) -> [Piece] { splitWithRanges(text).map(\.piece) }

    /// The pieces of `text` in order, each with its place in it; none is empty.
    func splitWithRanges(_ text: ArraySlice<UInt8>) -> [(piece: Piece, range: Range<Int>)] {
        guard !isEmpty else { return text.isEmpty ? [] : [(.text(text), text.indices)] }
        var pieces: [(piece: Piece, range: Range<Int>)] = []
        var start = text.startIndex
        var place = start
        while place < text.endIndex {
            let rest = text[place...]
            guard let (bytes, token) = byFirstByte[Int(text[place])].first(where: { rest.starts(with: $0.bytes) }) else {
                place += 1
                continue
            }
            var matchStart = place
            var matchEnd = place + bytes.count
            place = matchEnd
            if token.singleWord, endsInWord(text[..<matchStart]) || beginsWithWord(text[matchEnd...]) { continue }
            if token.stripsLeft { matchStart = max(start, beforeSpaces(text[..<matchStart])) }
            if token.stripsRight { matchEnd = afterSpaces(text[matchEnd...]) }
            if start < matchStart { pieces.append((.text(text[start..<matchStart]), start..<matchStart)) }
            pieces.append((.token(Int32(token.id.number)), matchStart..<matchEnd))
            start = matchEnd
            place = matchEnd
        }
        if start < text.endIndex { pieces.append((.text(text[start...]), start..<text.endIndex)) }
        return pieces
    }

    private func beginsWithWord(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && isWordCharacter(decodeScalar(text, at: text.startIndex).scalar)
    }

    private func endsInWord(_ text: ArraySlice<UInt8>) -> Bool {
        lastScalar(of: text).map { isWordCharacter($0.scalar) } ?? false
    }

    private func afterSpaces(_ text: ArraySlice<UInt8>) -> Int {
        var end = text.startIndex
        while end < text.endIndex {
            let (scalar, width) = decodeScalar(text, at: end)
            guard scalar.properties.isWhitespace else { break }
            end += width
        }
        return end
    }

    private func beforeSpaces(_ text: ArraySlice<UInt8>) -> Int {
        var text = text
        while let (scalar, start) = lastScalar(of: text), scalar.properties.isWhitespace { text = text[..<start] }
        return text.endIndex
    }

    private func lastScalar(of text: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, start: Int)? {
        guard let start = text.lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return nil }
        return (decodeScalar(text, at: start).scalar, start)
    }

    /// `\w` by Unicode Technical Standard 18, annex C.
    private func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return properties.isAlphabetic || properties.isJoinControl
        }
    }
}
