/// A token of a word, with the bytes of the word that it stands for.
struct WordToken {
    var id: Int32
    var start: UInt32
    var end: UInt32
}

/// Byte-pair encoding of one word: starting from single symbols, the adjacent pair with the lowest rank is joined until
/// none is left. Source: Sennrich et al., "Neural machine translation of rare words with subword units", algorithm 1.
struct BytePairMerges: Sendable {
    /// What a word is made of before pairs are joined.
    enum Symbols: Sendable {
        /// Bytes: the id of each, -1 if the vocabulary lacks it.
        case bytes([Int32])
        /// Characters by their scalars; those that are missing are spelled with the ids of their bytes, where there are any.
        case characters(NumberTable, bytes: [Int32]?)
    }

    private static let none: Int32 = -1
    /// Up to so many symbols a plain search for the least rank beats a heap.
    private static let shortWord = 48

    let symbols: Symbols
    /// What a symbol without an id becomes; nil drops it, as Hugging Face `tokenizers` does.
    let unknownId: Int32?
    /// Whether neighbouring unknown symbols become one token.
    let fusesUnknown: Bool
    /// Whole words, for vocabularies that look there before they merge (`ignore_merges`).
    let wholeWords: ByteStringTable?
    /// `rank << 32 | id of the joined token`, by `left << 32 | right`.
    private var joined: NumberTable

    init(
        symbols: Symbols, unknownId: Int32?, fusesUnknown: Bool = false,
        wholeWords: ByteStringTable? = nil, mergeCount: Int
    ) {
        self.symbols = symbols
        self.unknownId = unknownId
        self.fusesUnknown = fusesUnknown
        self.wholeWords = wholeWords
        joined = NumberTable(capacity: mergeCount)
    }

    /// Joins `left` and `right` to `token` at `rank`; of two ranks for one pair the later call wins.
    mutating func add(left: Int32, right: Int32, token: Int32, rank: Int) {
        joined.set(Self.pack(left, right), UInt64(rank) << 32 | UInt64(UInt32(bitPattern: token)))
    }

    /// Appends the tokens of one word to `tokens`: O(n log n) in its symbols.
    func encode(_ word: Bytes, into tokens: inout [WordToken]) {
        if let id = wholeWords?[word] {
            tokens.append(WordToken(id: id, start: 0, end: UInt32(word.count)))
            return
        }
        let first = tokens.count
        appendSymbols(of: word, to: &tokens)
        switch tokens.count - first {
        case ...1: return
        case ...Self.shortWord: joinShort(&tokens, from: first)
        default: joinLong(&tokens, from: first)
        }
    }

    private func appendSymbols(of word: Bytes, to tokens: inout [WordToken]) {
        var unknownEnd: UInt32?
        func append(_ id: Int32?, _ start: Int, _ end: Int) {
            let (start, end) = (UInt32(start), UInt32(end))
            if let id {
                tokens.append(WordToken(id: id, start: start, end: end))
            } else if let unknownId {
                if fusesUnknown, unknownEnd == start {
                    tokens[tokens.count - 1].end = end
                } else {
                    tokens.append(WordToken(id: unknownId, start: start, end: end))
                }
                unknownEnd = end
            }
        }
        switch symbols {
        case .bytes(let ids):
            for place in 0..<word.count {
                let id = ids[Int(word[place])]
                append(id == Self.none ? nil : id, place, place + 1)
            }
        case .characters(let ids, let byteIds):
            var place = 0
            while place < word.count {
                let (scalar, width) = decodeScalar(word, at: place)
                if let id = ids[UInt64(scalar)] {
                    append(Int32(truncatingIfNeeded: id), place, place + width)
                } else if let byteIds {
                    for offset in place..<place + width {
                        append(byteIds[Int(word[offset])], offset, offset + 1)
                    }
                } else {
                    append(nil, place, place + width)
                }
                place += width
            }
        }
    }

    private func joinShort(_ tokens: inout [WordToken], from first: Int) {
        var end = tokens.count
        tokens.withUnsafeMutableBufferPointer { tokens in
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: end - first) { found in
                func look(_ place: Int) -> UInt64 {
                    joined[Self.pack(tokens[place].id, tokens[place + 1].id)] ?? .max
                }
                for place in first..<end - 1 { found[place - first] = look(place) }
                while end - first > 1 {
                    var (best, least) = (first, UInt64.max)
                    for place in first..<end - 1 where found[place - first] < least {
                        (best, least) = (place, found[place - first])
                    }
                    guard least != .max else { break }
                    tokens[best].id = Int32(truncatingIfNeeded: least)
                    tokens[best].end = tokens[best + 1].end
                    end -= 1
                    for place in best + 1..<max(end, best + 1) {
                        tokens[place] = tokens[place + 1]
                        found[place - 1 - first] = found[place - first]
                    }
                    if best > first { found[best - 1 - first] = look(best - 1) }
                    if best < end - 1 { found[best - first] = look(best) }
                }
            }
        }
        tokens.removeLast(tokens.count - end)
    }

    private func joinLong(_ tokens: inout [WordToken], from first: Int) {
        let end = tokens.count - first
        // A linked list over the symbols; a joined pair lives on at its left place, its right place becomes none.
        var next = (0..<Int32(end)).map { $0 + 1 }
        var previous = (0..<Int32(end)).map { $0 - 1 }
        tokens.withUnsafeMutableBufferPointer { tokens in
            let symbols = UnsafeMutableBufferPointer(rebasing: tokens[first...])
            next.withUnsafeMutableBufferPointer { next in
                previous.withUnsafeMutableBufferPointer { join(symbols, next: next, previous: $0) }
            }
        }
        var kept = first
        for place in first..<tokens.count where tokens[place].id != Self.none {
            tokens[kept] = tokens[place]
            kept += 1
        }
        tokens.removeLast(tokens.count - kept)
    }

    private func join(
        _ symbols: UnsafeMutableBufferPointer<WordToken>, next: UnsafeMutableBufferPointer<Int32>,
        previous: UnsafeMutableBufferPointer<Int32>
    ) {
        func look(_ left: Int, _ right: Int) -> UInt64? {
            joined[Self.pack(symbols[left].id, symbols[right].id)]
        }
        /// Ordered by rank, then from left to right.
        func candidate(_ found: UInt64, _ place: Int) -> UInt64 { found & ~0xFFFF_FFFF | UInt64(place) }
        var candidates = Heap(
            (0..<symbols.count - 1).compactMap { place in
                look(place, place + 1).map { candidate($0, place) }
            })
        while let least = candidates.popLeast() {
            let place = Int(least & 0xFFFF_FFFF)
            let right = Int(next[place])
            // Stale where the pair was broken up by an earlier join.
            guard symbols[place].id != Self.none, right < symbols.count, let found = look(place, right),
                found >> 32 == least >> 32
            else { continue }
            symbols[place].id = Int32(truncatingIfNeeded: found)
            symbols[place].end = symbols[right].end
            symbols[right].id = Self.none
            let (before, after) = (Int(previous[place]), Int(next[right]))
            next[place] = Int32(after)
            if before >= 0, let found = look(before, place) {
                candidates.insert(candidate(found, before))
            }
            guard after < symbols.count else { continue }
            previous[after] = Int32(place)
            if let found = look(place, after) { candidates.insert(candidate(found, place)) }
        }
    }

    private static func pack(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
