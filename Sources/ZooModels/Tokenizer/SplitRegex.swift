/// A regular expression of a Split in `tokenizer.json`, matched as Oniguruma does it: the first alternative that fits wins.
///
/// The rules of Llama 3, Qwen 2 and GPT-2 are matched by hand (``WordScanner``); this is for all the others. What it does not know is
/// refused by name.
struct SplitRegex: Sendable {
    indirect enum Node: Sendable {
        case one(ScalarSet)
        /// These bytes.
        case literal([UInt8])
        case sequence([Node])
        case choice([Node])
        /// As many as fit, or as few where it is lazy; possessive: never fewer than fit.
        case repeated(Node, ClosedRange<Int>, Greed)
        case ahead(Node, isThere: Bool)
        /// `^` and `$` stand at the ends of lines, in Oniguruma always.
        case lineStart, lineEnd
    }

    enum Greed: Sendable { case greedy, lazy, possessive }

    private let root: Node

    /// - Throws: ``SplitRegexParser/Fault``
    init(_ pattern: String) throws {
        root = try SplitRegexParser.parse(pattern)
    }

    /// The pattern that is this text.
    init(literal: String) {
        root = .literal(Array(literal.utf8))
    }

    /// The matches in `text` from left to right, each beginning where the one before ends or later. Empty ones are among them.
    func matches(in text: Bytes) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var place = 0
        while place <= text.count {
            let end = Self.end(of: root, in: text, from: place) { $0 }
            if let end, end > place || result.last?.upperBound != place { result.append(place..<end) }
            if let end, end > place {
                place = end
            } else {
                guard place < text.count else { break }
                place += decodeScalar(text, at: place).width
            }
        }
        return result
    }

    /// Where a match of `node` from `place` ends after which `rest` fits; the end of `rest`.
    private static func end(of node: Node, in text: Bytes, from place: Int, rest: (Int) -> Int?) -> Int? {
        switch node {
        case .one(let set):
            return after(set, in: text, at: place).flatMap(rest)
        case .literal(let bytes):
            return text.has(bytes, at: place) ? rest(place + bytes.count) : nil
        case .sequence(let nodes):
            return end(of: nodes[...], in: text, from: place, rest: rest)
        case .choice(let nodes):
            for node in nodes { if let found = end(of: node, in: text, from: place, rest: rest) { return found } }
            return nil
        case .repeated(.one(let set), let counts, let greed):
            return greed == .lazy
                ? lazyEnd(of: set, counts, in: text, from: place, rest: rest)
                : greedyEnd(of: set, counts, in: text, from: place, keepsAll: greed == .possessive, rest: rest)
        case .repeated(let inner, let counts, let greed):
            if greed == .possessive {
                return end(of: .repeated(inner, counts, .greedy), in: text, from: place) { $0 }.flatMap(rest)
            }
            func again() -> Int? {
                guard counts.upperBound > 0 else { return nil }
                let fewer = max(0, counts.lowerBound - 1)...counts.upperBound - 1
                return end(of: inner, in: text, from: place) { next in
                    // After an empty round all those that are missing are empty too.
                    next == place
                        ? (counts.lowerBound > 0 ? rest(place) : nil)
                        : end(of: .repeated(inner, fewer, greed), in: text, from: next, rest: rest)
                }
            }
            if counts.lowerBound > 0 { return again() }
            return greed == .lazy ? rest(place) ?? again() : again() ?? rest(place)
        case .ahead(let inner, let isThere):
            return (end(of: inner, in: text, from: place) { $0 } != nil) == isThere ? rest(place) : nil
        case .lineStart:
            return place == 0 || text[place - 1] == 0x0A ? rest(place) : nil
        case .lineEnd:
            return place == text.count || text[place] == 0x0A ? rest(place) : nil
        }
    }

    private static func end(of nodes: ArraySlice<Node>, in text: Bytes, from place: Int, rest: (Int) -> Int?) -> Int? {
        guard let first = nodes.first else { return rest(place) }
        return end(of: first, in: text, from: place) { end(of: nodes.dropFirst(), in: text, from: $0, rest: rest) }
    }

    @inline(__always)
    private static func after(_ set: ScalarSet, in text: Bytes, at place: Int) -> Int? {
        guard place < text.count else { return nil }
        let (scalar, width) = decodeScalar(text, at: place)
        return set.contains(scalar) ? place + width : nil
    }

    private static func greedyEnd(
        of set: ScalarSet, _ counts: ClosedRange<Int>, in text: Bytes, from start: Int, keepsAll: Bool, rest: (Int) -> Int?
    ) -> Int? {
        var (place, count) = (start, 0)
        while count < counts.upperBound, let next = after(set, in: text, at: place) {
            place = next
            count += 1
        }
        guard count >= counts.lowerBound else { return nil }
        if keepsAll { return rest(place) }
        while true {
            if let found = rest(place) { return found }
            guard count > counts.lowerBound else { return nil }
            repeat { place -= 1 } while text[place] & 0xC0 == 0x80
            count -= 1
        }
    }

    private static func lazyEnd(
        of set: ScalarSet, _ counts: ClosedRange<Int>, in text: Bytes, from start: Int, rest: (Int) -> Int?
    ) -> Int? {
        var (place, count) = (start, 0)
        while true {
            if count >= counts.lowerBound, let found = rest(place) { return found }
            guard count < counts.upperBound, let next = after(set, in: text, at: place) else { return nil }
            place = next
            count += 1
        }
    }
}
