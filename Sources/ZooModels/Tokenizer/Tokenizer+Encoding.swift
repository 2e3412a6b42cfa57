extension Tokenizer {
    /// The ids of `text`.
    ///
    /// Text that spells an added token, such as `<eos>`, gets that token's id.
    /// - Parameter addSpecialTokens: puts the marks of the file's post-processor around the text, as Hugging Face does
    ///   unless it is told not to.
    public func encode(_ text: String, addSpecialTokens: Bool = false) -> [Int32] {
        encode(text, addSpecialTokens: addSpecialTokens, ranges: nil).ids
    }

    /// The ids of `text` where it continues the text of `context`.
    ///
    /// SentencePiece's tokenizers put a mark in front of a text, which stands for a space: a completion that is encoded apart would
    /// get one that it does not have. Tokens that join the end of the context and the start of `text` are not made, as none are
    /// when a model continues the context.
    /// - Parameter context: ids of this tokenizer; the begin token alone is an empty text.
    public func encode(_ text: String, after context: some BidirectionalCollection<Int32>) -> [Int32] {
        guard let last = context.last, context.count > 1 || last != bosToken else { return encode(text) }
        guard let token = addedTokens[last] else { return encode(text, addSpecialTokens: false, ranges: nil, after: .text).ids }
        // The token would have taken the spaces.
        let rest = token.stripsRight ? String(text.drop { $0.unicodeScalars.allSatisfy(CharacterFlags.isSpace) }) : text
        return encode(
            rest, addSpecialTokens: false, ranges: nil, after: token.normalized ? .normalizedToken : .token
        ).ids
    }

    /// The ids of `text`, each with the bytes of the text's UTF-8 that it stands for.
    ///
    /// The marks that `addSpecialTokens` puts around the text have empty ranges at its ends. Where the normalizer changed a
    /// stretch of text, such as a letter with its accent, all tokens of it have the whole stretch as their range. The ids are
    /// those of ``encode(_:addSpecialTokens:)``.
    public func encodeWithOffsets(
        _ text: String, addSpecialTokens: Bool = false
    ) -> (ids: [Int32], ranges: [Range<Int>]) {
        let output = encode(text, addSpecialTokens: addSpecialTokens, ranges: [])
        return (output.ids, output.ranges ?? [])
    }

    private func encode(
        _ text: String, addSpecialTokens: Bool, ranges: [Range<Int>]?, after before: TextBefore = .nothing
    ) -> EncodedText {
        var text = text
        return text.withUTF8 { text in
            var output = EncodedText(ranges: ranges)
            output.ids.reserveCapacity(text.count / 4 + 8)
            if addSpecialTokens { for id in template.prefix { output.append(id, 0..<0) } }
            caches.withCache { encode(text, after: before, &$0, &output) }
            if addSpecialTokens { for id in template.suffix { output.append(id, text.count..<text.count) } }
            return output
        }
    }

    private func encode(
        _ text: Bytes, after before: TextBefore, _ cache: inout WordCache, _ output: inout EncodedText
    ) {
        for piece in addedBeforeNormalizing.split(text) {
            if let id = piece.id {
                output.append(id, piece.range)
                continue
            }
            let part = text.part(piece.range)
            let map = SourceMap().piece(at: piece.range.lowerBound)
            let before = piece.range.lowerBound == 0 ? before : .token
            if let (bytes, edits) = normalizer.normalize(part, after: before) {
                // The last change is undone first.
                let map = edits.reduce(map) { $0.piece(at: 0, edits: $1) }
                bytes.withUnsafeBufferPointer { encode(normalized: $0, after: before, map, &cache, &output) }
            } else {
                encode(normalized: part, after: before, map, &cache, &output)
            }
        }
    }

    private func encode(
        normalized text: Bytes, after before: TextBefore, _ map: SourceMap, _ cache: inout WordCache,
        _ output: inout EncodedText
    ) {
        for piece in addedAfterNormalizing.split(text) {
            if let id = piece.id {
                output.append(id, output.ranges == nil ? 0..<0 : map.source(of: piece.range))
                continue
            }
            let part = text.part(piece.range)
            let start = piece.range.lowerBound
            if let prepared = preTokenizer.prepare(part, after: start == 0 ? before : .normalizedToken) {
                prepared.bytes.withUnsafeBufferPointer {
                    output.map = map.piece(at: start, edits: prepared.edits)
                    encodeWords(of: $0, ends: prepared.ends, &cache, &output)
                }
            } else {
                output.map = map.piece(at: start)
                encodeWords(of: part, ends: nil, &cache, &output)
            }
        }
    }

    private func encodeWords(of text: Bytes, ends: [Int]?, _ cache: inout WordCache, _ output: inout EncodedText) {
        preTokenizer.forEachWord(in: text, ends: ends) { word in
            guard cutsAtMarks else { return encodeWord(word, of: text, &cache, &output) }
            var start = word.lowerBound
            while start < word.upperBound {
                let end = endOfMarkedWord(in: text, from: start, before: word.upperBound)
                encodeWord(start..<end, of: text, &cache, &output)
                start = end
            }
        }
    }

    /// Marks, and what follows up to the next mark.
    private func endOfMarkedWord(in text: Bytes, from start: Int, before limit: Int) -> Int {
        let mark = Vocabulary.mark
        var end = start
        while end < limit, text.has(mark, at: end) { end += mark.count }
        while end < limit, text[end] != mark[0] || !text.has(mark, at: end) { end += 1 }
        return end
    }

    @inline(__always)
    private func encodeWord(_ place: Range<Int>, of text: Bytes, _ cache: inout WordCache, _ output: inout EncodedText) {
        let word = text.part(place)
        guard word.count <= WordCache.longestWord else {
            var tokens: [WordToken] = []
            merges.encode(word, into: &tokens)
            output.append(tokens, of: place.lowerBound)
            return
        }
        let tokens = cache.tokens(of: word, encode: merges.encode)
        output.append(cache.tokens[tokens], of: place.lowerBound)
    }
}

/// What stands before a piece of text.
enum TextBefore {
    /// The text begins with the piece.
    case nothing
    /// Text, which the piece continues.
    case text
    /// An added token that was found before the text was normalized.
    case token
    /// An added token that was found in normalized text.
    case normalizedToken
}

/// The tokens of a text as they come.
private struct EncodedText {
    var ids: [Int32] = []
    /// The bytes of the source, if requested.
    var ranges: [Range<Int>]?
    /// Where the words that come come from.
    var map = SourceMap()

    init(ranges: [Range<Int>]?) { self.ranges = ranges }

    mutating func append(_ id: Int32, _ range: Range<Int>) {
        ids.append(id)
        ranges?.append(range)
    }

    /// Appends the tokens of the word that begins at `start` of the text of `map`.
    @inline(__always)
    mutating func append(_ tokens: some Collection<WordToken>, of start: Int) {
        for token in tokens { ids.append(token.id) }
        guard ranges != nil else { return }
        for token in tokens { ranges?.append(map.source(of: start + Int(token.start)..<start + Int(token.end))) }
    }
}
