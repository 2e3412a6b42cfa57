/// Cuts text into the words within which byte pairs are joined.
struct PreTokenizer: Sendable {
    /// A splitting rule.
    enum Pattern: Sendable {
        /// ``WordScanner/endOfGPT2Word(from:)``
        case gpt2
        /// ``WordScanner/endOfGroupedWord(from:digits:)``
        case grouped(digits: Int)
        /// A word begins at each of these.
        case before([UInt8])
        /// A word ends after each of these.
        case after([UInt8])
        /// The text is one word.
        case whole
    }

    enum Prefix: Sendable { case never, first, always }

    var pattern = Pattern.gpt2
    /// Whether the vocabulary spells bytes rather than characters.
    var isByteLevel = true
    /// The word separator, prepended to text that does not start with it, by `prefix`.
    var mark = [UInt8(ascii: " ")]
    var prefix = Prefix.never
    /// Whether spaces are turned into `mark`.
    var replacesSpaces = false
    /// What the text is cut by before `pattern` is applied, one after the other.
    var splits: [TextSplit] = []

    /// Text with its marks put in, and where it was split.
    struct Prepared {
        var bytes: [UInt8] = []
        var edits: [SourceMap.Edit] = []
        /// Where pieces end; nil if all of the text is one.
        var ends: [Int]?
    }

    /// What `text` is before it is cut by ``pattern``; nil if that is the text itself.
    func prepare(_ text: Bytes, after before: TextBefore) -> Prepared? {
        guard !splits.isEmpty else { return marked(text, after: before) }
        var result = Prepared(ends: [])
        var start = 0
        for end in endsOfSplits(in: text) {
            if let piece = marked(text.part(start..<end), after: start == 0 ? before : .normalizedToken) {
                let shift = result.bytes.count
                result.edits += piece.edits.map { edit in
                    .init(
                        source: edit.source.lowerBound + start..<edit.source.upperBound + start,
                        result: edit.result.lowerBound + shift..<edit.result.upperBound + shift)
                }
                result.bytes += piece.bytes
            } else {
                result.bytes += text[start..<end]
            }
            result.ends?.append(result.bytes.count)
            start = end
        }
        return result
    }

    private func marked(_ text: Bytes, after before: TextBefore) -> Prepared? {
        let replaced = replacesSpaces ? replaceAll([UInt8(ascii: " ")], by: mark, in: text) : nil
        let wanted =
            switch prefix {
            case .never: false
            case .first: before == .nothing
            case .always: before != .text
            }
        let hasMark = text.has(mark, at: 0) || replaced?.bytes.starts(with: mark) ?? false
        guard wanted, !hasMark, !text.isEmpty else { return replaced.map { Prepared(bytes: $0.bytes, edits: $0.edits) } }
        var result = Prepared(bytes: mark, edits: [.init(source: 0..<0, result: 0..<mark.count)])
        if let replaced {
            result.bytes += replaced.bytes
            result.edits += replaced.edits.map { edit in
                .init(source: edit.source, result: edit.result.lowerBound + mark.count..<edit.result.upperBound + mark.count)
            }
        } else {
            result.bytes += text
        }
        return result
    }

    private func endsOfSplits(in text: Bytes) -> [Int] {
        guard !text.isEmpty else { return [] }
        return splits.reduce([text.count]) { ends, split in
            var result: [Int] = []
            var start = 0
            for end in ends {
                result += split.ends(in: text.part(start..<end)).map { start + $0 }
                start = end
            }
            return result
        }
    }

    /// Calls `body` with the place of each word in prepared text, in order; together they are all of it.
    @inline(__always)
    func forEachWord(in text: Bytes, ends: [Int]?, _ body: (Range<Int>) -> Void) {
        guard let ends else { return split(text, from: 0, body) }
        var start = 0
        for end in ends {
            split(text.part(start..<end), from: start, body)
            start = end
        }
    }

    @inline(__always)
    private func split(_ text: Bytes, from base: Int, _ body: (Range<Int>) -> Void) {
        let scanner = WordScanner(text)
        var start = 0
        while start < text.count {
            var end: Int
            switch pattern {
            case .gpt2: end = scanner.endOfGPT2Word(from: start)
            case .grouped(let digits): end = scanner.endOfGroupedWord(from: start, digits: digits)
            case .before(let mark):
                end = start + 1
                while end < text.count, !text.has(mark, at: end) { end += 1 }
            case .after(let mark):
                end = start
                while end < text.count, !text.has(mark, at: end) { end += 1 }
                end = min(text.count, end + mark.count)
            case .whole: end = text.count
            }
            body(base + start..<base + end)
            start = end
        }
    }
}

/// `text` with each `pattern` replaced, from left to right, and the places; nil if there is none.
func replaceAll(_ pattern: [UInt8], by content: [UInt8], in text: Bytes) -> (bytes: [UInt8], edits: [SourceMap.Edit])? {
    var bytes: [UInt8] = []
    var edits: [SourceMap.Edit] = []
    var copied = 0
    var place = 0
    while place + pattern.count <= text.count {
        guard text[place] == pattern[0], text.has(pattern, at: place) else {
            place += 1
            continue
        }
        if edits.isEmpty { bytes.reserveCapacity(text.count + text.count / 4) }
        bytes += text[copied..<place]
        edits.append(.init(source: place..<place + pattern.count, result: bytes.count..<bytes.count + content.count))
        bytes += content
        place += pattern.count
        copied = place
    }
    guard !edits.isEmpty else { return nil }
    bytes += text[copied...]
    return (bytes, edits)
}
