import Foundation

/// Byte-pair encoding of one word: starting from single bytes, the adjacent pair with the lowest rank is joined until
/// none is left. Source: Sennrich et al., "Neural machine translation of rare words with subword units", algorithm 1.
struct BytePairMerges: Sendable {
    /// The id of each single byte; nil where the vocabulary lacks it.
    let byteIds: [Int32?]
    /// What a byte without an id becomes; nil drops it, as Hugging Face `tokenizers` does.
    let unknownId: Int32?
    /// Whole words by their bytes, for vocabularies that look there before they merge (`ignore_merges`).
    let wholeWords: [[UInt8]: Int32]
    /// `rank << 32 | id of the joined token`, by `left << 32 | right`.
    private var joined: [UInt64: UInt64] = [:]

    init(byteIds: [Int32?], unknownId: Int32?, wholeWords: [[UInt8]: Int32]) {
        self.byteIds = byteIds
        self.unknownId = unknownId
        self.wholeWords = wholeWords
    }

    mutating func reserveCapacity(_ count: Int) { joined.reserveCapacity(count) }

    /// Joins `left` and `right` to `token` at `rank`; of two ranks for one pair the later call wins.
    mutating func add(left: Int32, right: Int32, token: Int32, rank: Int) {
        joined[Self.pack(left, right)] = UInt64(rank) << 32 | UInt64(token)
    }

    /// The token ids of one word: O(n log n) in its bytes.
    func encode(_ word: [UInt8]) -> [Int32] { encodeWithRanges(word).map(\.id) }

    /// The token ids of one word, each with the bytes of the word that it stands for.
    func encodeWithRanges(_ word: [UInt8]) -> [(id: Int32, range: Range<Int>)] {
        if let id = wholeWords[word] { return [(id, 0..<word.count)] }
        var symbols: [Int32] = []
        var places: [Int] = []
        for (place, byte) in word.enumerated() {
            guard let id = byteIds[Int(byte)] ?? unknownId else { continue }
            symbols.append(id)
            places.append(place)
        }
        guard symbols.count > 1 else { return zip(symbols, places).map { ($0, $1..<$1 + 1) } }
        let end = symbols.count
        // A linked list over `symbols`; a joined pair lives on at its left place, its right place becomes `gone`.
        let gone: Int32 = -1
        var next = Array(1...end)
        var previous = Array(-1..<end - 1)
        // Ordered by rank, then from left to right.
        var candidates = Heap<UInt64>()
        func rank(at place: Int) -> UInt64? {
            guard place >= 0, next[place] < end else { return nil }
            return joined[Self.pack(symbols[place], symbols[next[place]])]
        }
        for place in 0..<end - 1 {
            if let found = rank(at: place) { candidates.insert(found & ~0xFFFF_FFFF | UInt64(place)) }
        }
        while let candidate = candidates.popLeast() {
            let place = Int(candidate & 0xFFFF_FFFF)
            // Stale where the pair was broken up by an earlier join.
            guard symbols[place] != gone, let found = rank(at: place), found >> 32 == candidate >> 32 else { continue }
            let right = next[place]
            symbols[place] = Int32(truncatingIfNeeded: found & 0xFFFF_FFFF)
            symbols[right] = gone
            next[place] = next[right]
            if next[place] < end { previous[next[place]] = place }
            for neighbour in [previous[place], place] {
                if let found = rank(at: neighbour) { candidates.insert(found & ~0xFFFF_FFFF | UInt64(neighbour)) }
            }
        }
        return symbols.indices.filter { symbols[$0] != gone }.map { place in
            (symbols[place], places[place]..<places[next[place] - 1] + 1)
        }
    }

    private static func pack(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

/// Words already encoded. Text repeats its words, so most of encoding is a look-up here. Safe from any thread.
final class WordCache: @unchecked Sendable {
    // Long words repeat rarely, and a full cache stops growing: memory stays within a few megabytes.
    private static let longestWord = 64
    private static let capacity = 1 << 16

    private let lock = NSLock()
    private var ids: [[UInt8]: [Int32]] = [:]

    func ids(of word: [UInt8], encode: ([UInt8]) -> [Int32]) -> [Int32] {
        guard word.count <= Self.longestWord else { return encode(word) }
        if let known = lock.withLock({ ids[word] }) { return known }
        let new = encode(word)
        lock.withLock { if ids.count < Self.capacity { ids[word] = new } }
        return new
    }
}
