import Foundation

/// Words already encoded. Text repeats its words, so most of encoding is a look-up here.
struct WordCache {
    // Long words repeat rarely, and a full cache starts over: memory stays within some megabytes.
    static let longestWord = 64
    private static let capacity = 1 << 16

    private struct Entry {
        var hash: UInt64
        var word: UInt32
        var tokens: UInt32
        var wordCount: UInt16
        var tokenCount: UInt16
    }

    /// One more than the place in `entries`; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 10)
    private var entries: [Entry] = []
    private var words: [UInt8] = []
    private(set) var tokens: [WordToken] = []
    private let seed = UInt64.random(in: .min ... .max)

    /// Where the tokens of `word` are in ``tokens``; `encode` appends them where they are not known.
    @inline(__always)
    mutating func tokens(of word: Bytes, encode: (Bytes, inout [WordToken]) -> Void) -> Range<Int> {
        let hash = word.hash(seed: seed)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash, Int(entry.wordCount) == word.count, isEqual(Int(entry.word), word) {
                return Int(entry.tokens)..<Int(entry.tokens) + Int(entry.tokenCount)
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return insert(word, hash, encode)
    }

    private func isEqual(_ start: Int, _ word: Bytes) -> Bool {
        words.withUnsafeBufferPointer { words in
            guard let known = words.baseAddress, let other = word.baseAddress else { return word.isEmpty }
            return memcmp(known + start, other, word.count) == 0
        }
    }

    @inline(never)
    private mutating func insert(_ word: Bytes, _ hash: UInt64, _ encode: (Bytes, inout [WordToken]) -> Void) -> Range<Int> {
        if entries.count == Self.capacity { empty() }
        let first = tokens.count
        encode(word, &tokens)
        entries.append(
            Entry(
                hash: hash, word: UInt32(words.count), tokens: UInt32(first), wordCount: UInt16(word.count),
                tokenCount: UInt16(tokens.count - first)))
        words.append(contentsOf: word)
        if 2 * entries.count > slots.count {
            slots = Array(repeating: 0, count: 2 * slots.count)
            for number in 1...entries.count { place(number) }
        } else {
            place(entries.count)
        }
        return first..<tokens.count
    }

    private mutating func empty() {
        entries.removeAll(keepingCapacity: true)
        words.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        slots = Array(repeating: 0, count: slots.count)
    }

    private mutating func place(_ number: Int) {
        var slot = Int(truncatingIfNeeded: entries[number - 1].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(number)
    }
}

/// Lends each caller a separate cache, so that threads never wait for one another.
final class WordCaches: @unchecked Sendable {
    private let lock = NSLock()
    private var idle: [WordCache] = []

    func withCache<Result>(_ body: (inout WordCache) -> Result) -> Result {
        var cache = lock.withLock { idle.popLast() } ?? WordCache()
        let result = body(&cache)
        lock.withLock { idle.append(cache) }
        return result
    }
}
