import Foundation

extension Tokenizer {
    /// Learns a byte-level vocabulary from `texts`, the same on every machine.
    ///
    /// The vocabulary holds the marks, the 256 bytes, and merges in order of their counts, ties going to the lower pair of
    /// ids: what `BpeTrainer(initial_alphabet=ByteLevel.alphabet())` of Hugging Face `tokenizers` learns from these texts.
    /// - Parameters:
    ///   - vocabularySize: the number of tokens; fewer if the texts have no pair left to join.
    ///   - specialTokens: they get the first ids, in the order begin, end, fill.
    /// - Throws: ``TokenizerError`` if `vocabularySize` does not hold the marks and the 256 bytes.
    public static func train(
        on texts: some Sequence<String>, vocabularySize: Int, specialTokens: SpecialTokens = .standard
    ) throws -> Tokenizer {
        let marks = specialTokens.all
        guard vocabularySize >= marks.count + 256, vocabularySize < 1 << 24 else {
            throw TokenizerError(
                file: "the new tokenizer",
                reason: "vocabularySize is \(vocabularySize); expected \(marks.count + 256) (256 bytes and "
                    + "\(marks.count) marks) to \((1 << 24) - 1)")
        }
        let preTokenizer = PreTokenizer()
        var counts: [[UInt8]: Int] = [:]
        for var text in texts {
            text.withUTF8 { text in
                preTokenizer.forEachWord(in: text, ends: nil) { counts[Array(text[$0]), default: 0] += 1 }
            }
        }

        var trainer = BytePairTrainer(marks: marks, wordCounts: counts)
        trainer.learn(vocabularySize: vocabularySize)

        let contents = TrainedFile(
            addedTokens: marks.enumerated().map { AddedToken(id: Int32($0), content: $1, special: true) },
            model: .init(vocabulary: trainer.tokens, merges: trainer.merges.map { [$0.left, $0.right] }))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try Tokenizer(
            data: encoder.encode(contents), file: "the new tokenizer",
            companions: CompanionFiles(companions(for: specialTokens), in: URL(fileURLWithPath: "the new tokenizer")))
    }
}

/// `tokenizer.json` as it is written for a new byte-level vocabulary.
private struct TrainedFile: Encodable {
    struct ByteLevel: Encodable {
        var type = "ByteLevel"
        var addPrefixSpace = false
        var trimOffsets = true
        var usesRegex = true

        enum CodingKeys: String, CodingKey {
            case type
            case addPrefixSpace = "add_prefix_space"
            case trimOffsets = "trim_offsets"
            case usesRegex = "use_regex"
        }
    }

    struct Model: Encodable {
        var type = "BPE"
        var fusesUnknown = false
        var byteFallback = false
        var ignoresMerges = false
        var vocabulary: [String: Int]
        var merges: [[String]]

        init(vocabulary: [String], merges: [[String]]) {
            self.vocabulary = Dictionary(vocabulary.enumerated().map { ($1, $0) }) { first, _ in first }
            self.merges = merges
        }

        enum CodingKeys: String, CodingKey {
            case type, merges
            case fusesUnknown = "fuse_unk"
            case byteFallback = "byte_fallback"
            case ignoresMerges = "ignore_merges"
            case vocabulary = "vocab"
        }
    }

    var version = "1.0"
    var addedTokens: [AddedToken]
    var preTokenizer = ByteLevel()
    var decoder = ByteLevel()
    var model: Model

    enum CodingKeys: String, CodingKey {
        case version, decoder, model
        case addedTokens = "added_tokens"
        case preTokenizer = "pre_tokenizer"
    }
}

/// Learns merges by counting pairs. Only words that hold the joined pair are counted again.
/// Source: Sennrich et al., "Neural machine translation of rare words with subword units", section 3.2.
private struct BytePairTrainer {
    private struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    /// Ordered so that the least is the next to join: the largest count, then the lower ids.
    private struct Candidate: Comparable {
        var pair: Pair
        var count: Int

        static func < (a: Candidate, b: Candidate) -> Bool {
            (b.count, a.pair.left, a.pair.right) < (a.count, b.pair.left, b.pair.right)
        }
    }

    /// The tokens by id.
    private(set) var tokens: [String]
    private(set) var merges: [(left: String, right: String)] = []
    private var ids: [String: Int32] = [:]
    private var words: [(symbols: [Int32], count: Int)]
    private var pairCounts: [Pair: Int] = [:]
    /// The words that may hold each pair.
    private var places: [Pair: Set<Int>] = [:]
    private var candidates = Heap<Candidate>()

    init(marks: [String], wordCounts: [[UInt8]: Int]) {
        tokens = marks + ByteAlphabet.scalars.sorted().map { String($0) }
        for (id, token) in tokens.enumerated() where ids[token] == nil { ids[token] = Int32(id) }
        let known = ids
        let byteIds = ByteAlphabet.scalars.map { known[String($0)] ?? 0 }
        words = wordCounts.map { (symbols: $0.key.map { byteIds[Int($0)] }, count: $0.value) }
        for (place, word) in words.enumerated() {
            for (left, right) in zip(word.symbols, word.symbols.dropFirst()) {
                let pair = Pair(left: left, right: right)
                pairCounts[pair, default: 0] += word.count
                places[pair, default: []].insert(place)
            }
        }
        for (pair, count) in pairCounts { candidates.insert(Candidate(pair: pair, count: count)) }
    }

    mutating func learn(vocabularySize: Int) {
        while tokens.count < vocabularySize, let candidate = candidates.popLeast() {
            let pair = candidate.pair
            let count = pairCounts[pair] ?? 0
            guard count > 0 else { continue }
            // Counted before other merges broke some of these pairs up.
            guard count == candidate.count else {
                candidates.insert(Candidate(pair: pair, count: count))
                continue
            }
            join(pair)
        }
    }

    private mutating func join(_ pair: Pair) {
        let (left, right) = (tokens[Int(pair.left)], tokens[Int(pair.right)])
        let token = ids[left + right] ?? Int32(tokens.count)
        if Int(token) == tokens.count {
            tokens.append(left + right)
            ids[left + right] = token
        }
        merges.append((left, right))

        var grown: Set<Pair> = []
        for place in places.removeValue(forKey: pair) ?? [] {
            let count = words[place].count
            Self.join(pair, to: token, in: &words[place].symbols) { changed, sign in
                pairCounts[changed, default: 0] += sign * count
                if sign > 0 {
                    places[changed, default: []].insert(place)
                    grown.insert(changed)
                }
            }
        }
        pairCounts[pair] = nil
        for pair in grown { candidates.insert(Candidate(pair: pair, count: pairCounts[pair] ?? 0)) }
    }

    /// Replaces `pair` by `token` from left to right, and reports each neighbouring pair that goes (-1) or comes (+1).
    private static func join(_ pair: Pair, to token: Int32, in symbols: inout [Int32], report: (Pair, Int) -> Void) {
        var joined: [Int32] = []
        var place = 0
        while place < symbols.count {
            guard place + 1 < symbols.count, symbols[place] == pair.left, symbols[place + 1] == pair.right else {
                joined.append(symbols[place])
                place += 1
                continue
            }
            if let before = joined.last {
                report(Pair(left: before, right: pair.left), -1)
                report(Pair(left: before, right: token), 1)
            }
            place += 2
            if place < symbols.count {
                report(Pair(left: pair.right, right: symbols[place]), -1)
                report(Pair(left: token, right: symbols[place]), 1)
            }
            joined.append(token)
        }
        symbols = joined
    }
}
