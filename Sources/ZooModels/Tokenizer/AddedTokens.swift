/// A token that is found in the text before it is cut into words, such as an end-of-text mark.
struct AddedToken: Encodable, Sendable, Equatable {
    var id: Int32
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

extension AddedToken {
    init(_ json: JSONPlace, idLimit: Int) throws {
        content = try json.required("content").string()
        id = try tokenId(json.required("id"), of: content, below: idLimit)
        singleWord = try json.required("single_word").bool()
        stripsLeft = try json.required("lstrip").bool()
        stripsRight = try json.required("rstrip").bool()
        normalized = try json.required("normalized").bool()
        special = try json.required("special").bool()
        guard !content.isEmpty else { throw json.error(".content is empty") }
    }
}

/// Finds added tokens in text: the leftmost first, and of those that begin at one place the longest.
struct AddedTokenFinder: Sendable {
    struct Piece {
        /// The added token, or nil for the text between.
        var id: Int32?
        var range: Range<Int>
    }

    /// The tokens that begin with each byte, longest first.
    private var byFirstByte = [[(bytes: [UInt8], token: AddedToken)]](repeating: [], count: 256)
    /// Whether some token begins with the byte.
    private var begins = [Bool](repeating: false, count: 256)
    private let isEmpty: Bool

    /// - Parameter tokens: each with what it looks like in the text.
    init(_ tokens: [(bytes: [UInt8], token: AddedToken)]) {
        isEmpty = tokens.isEmpty
        for token in tokens.sorted(by: { $0.bytes.count > $1.bytes.count }) {
            guard let first = token.bytes.first else { continue }
            byFirstByte[Int(first)].append(token)
            begins[Int(first)] = true
        }
    }

    /// The pieces of `text` in order; none is empty.
    func split(_ text: Bytes) -> [Piece] {
        guard !isEmpty else { return text.isEmpty ? [] : [Piece(id: nil, range: 0..<text.count)] }
        var pieces: [Piece] = []
        var start = 0
        var place = 0
        while let next = nextPlace(in: text, from: place) {
            place = next
            guard let (bytes, token) = byFirstByte[Int(text[place])].first(where: { text.has($0.bytes, at: place) }) else {
                place += 1
                continue
            }
            var (matchStart, matchEnd) = (place, place + bytes.count)
            place = matchEnd
            if token.singleWord,
                isWord(lastScalar(of: text, before: matchStart)?.scalar) || isWord(scalar(at: matchEnd, of: text))
            {
                continue
            }
            // Spaces that the token before took stay with it, and yet may hold a token of their own.
            if token.stripsLeft { matchStart = max(start, beforeSpaces(text, matchStart)) }
            if token.stripsRight { matchEnd = afterSpaces(text, matchEnd) }
            if start < matchStart { pieces.append(Piece(id: nil, range: start..<matchStart)) }
            pieces.append(Piece(id: token.id, range: matchStart..<matchEnd))
            start = matchEnd
        }
        if start < text.count { pieces.append(Piece(id: nil, range: start..<text.count)) }
        return pieces
    }

    private func nextPlace(in text: Bytes, from place: Int) -> Int? {
        begins.withUnsafeBufferPointer { begins in
            var place = place
            while place < text.count {
                if begins[Int(text[place])] { return place }
                place += 1
            }
            return nil
        }
    }

    private func scalar(at place: Int, of text: Bytes) -> UInt32? {
        place < text.count ? decodeScalar(text, at: place).scalar : nil
    }

    private func isWord(_ scalar: UInt32?) -> Bool { scalar.map { CharacterFlags.table[Int($0)].contains(.word) } ?? false }
    private func isSpace(_ scalar: UInt32) -> Bool { CharacterFlags.table[Int(scalar)].characterClass == .space }

    private func afterSpaces(_ text: Bytes, _ place: Int) -> Int {
        var end = place
        while end < text.count, case (let scalar, let width) = decodeScalar(text, at: end), isSpace(scalar) { end += width }
        return end
    }

    private func beforeSpaces(_ text: Bytes, _ place: Int) -> Int {
        var start = place
        while let last = lastScalar(of: text, before: start), isSpace(last.scalar) { start = last.start }
        return start
    }
}
