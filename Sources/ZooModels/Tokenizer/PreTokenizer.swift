/// Cuts text into the words within which byte pairs are joined.
struct PreTokenizer: Sendable {
    /// A splitting rule, by the regular expression that a `tokenizer.json` writes for it.
    enum Pattern: Sendable {
        /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
        case gpt2
        /// As `cl100k` and Llama 3: letters take any one leading mark, digits come in groups of at most `digits`.
        case grouped(digits: Int)
        /// The text is one word.
        case whole
    }

    enum Digits: Sendable { case untouched, apart, contiguous }

    var pattern = Pattern.gpt2
    /// Puts a space before text that does not begin with one.
    var addPrefixSpace = false
    /// Whether digits are split off before `pattern` is applied.
    var digits = Digits.untouched

    /// Calls `body` with each word's bytes, in order; together they are `text` (and the prefix spaces).
    func forEachWord(in text: ArraySlice<UInt8>, _ body: ([UInt8]) -> Void) {
        guard digits != .untouched else { return split(text, body) }
        var start = text.startIndex
        var end = start
        var inDigits = false
        while end < text.endIndex {
            let (scalar, width) = decodeScalar(text, at: end)
            let isDigit = CharacterClass(scalar) == .number
            if end > start, isDigit != inDigits || (isDigit && digits == .apart) {
                split(text[start..<end], body)
                start = end
            }
            inDigits = isDigit
            end += width
        }
        if start < end { split(text[start..<end], body) }
    }

    private func split(_ piece: ArraySlice<UInt8>, _ body: ([UInt8]) -> Void) {
        let space = UInt8(ascii: " ")
        let text = addPrefixSpace && !piece.isEmpty && piece.first != space ? [space] + piece : piece
        var start = text.startIndex
        while start < text.endIndex {
            let end: Int
            switch pattern {
            case .gpt2: end = WordScanner(text: text).endOfGPT2Word(from: start)
            case .grouped(let digits): end = WordScanner(text: text).endOfGroupedWord(from: start, digits: digits)
            case .whole: end = text.endIndex
            }
            body(Array(text[start..<end]))
            start = end
        }
    }
}

/// The two regular expressions, matched by hand at one place: one pass, no backtracking.
private struct WordScanner {
    let text: ArraySlice<UInt8>

    private func character(at place: Int) -> (scalar: Unicode.Scalar, class: CharacterClass, end: Int)? {
        guard place < text.endIndex else { return nil }
        let (scalar, width) = decodeScalar(text, at: place)
        return (scalar, CharacterClass(scalar), place + width)
    }

    private func endOfRun(of wanted: CharacterClass, from place: Int, atMost limit: Int = .max) -> Int {
        var end = place
        var count = 0
        while count < limit, let next = character(at: end), next.class == wanted {
            end = next.end
            count += 1
        }
        return end
    }

    func endOfGPT2Word(from start: Int) -> Int {
        guard let first = character(at: start) else { return start }
        if let end = endOfContraction(from: start, ignoringCase: false) { return end }
        // ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
        let body = first.scalar == " " ? first.end : start
        if let next = character(at: body), next.class != .space { return endOfRun(of: next.class, from: next.end) }
        return endOfSpaces(from: start)
    }

    func endOfGroupedWord(from start: Int, digits: Int) -> Int {
        guard let first = character(at: start) else { return start }
        if let end = endOfContraction(from: start, ignoringCase: true) { return end }
        // `[^\r\n\p{L}\p{N}]?\p{L}+`
        if first.class == .letter { return endOfRun(of: .letter, from: first.end) }
        if first.class != .number, !isNewline(first.scalar), character(at: first.end)?.class == .letter {
            return endOfRun(of: .letter, from: first.end)
        }
        // `\p{N}{1,digits}`
        if first.class == .number { return endOfRun(of: .number, from: start, atMost: digits) }
        // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
        let body = first.scalar == " " ? first.end : start
        if let next = character(at: body), next.class == .other {
            var end = endOfRun(of: .other, from: next.end)
            while let next = character(at: end), isNewline(next.scalar) { end = next.end }
            return end
        }
        // `\s*[\r\n]+`
        var end = start
        var afterNewline: Int?
        while let next = character(at: end), next.class == .space {
            end = next.end
            if isNewline(next.scalar) { afterNewline = end }
        }
        return afterNewline ?? endOfSpaces(from: start)
    }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
    private func endOfSpaces(from start: Int) -> Int {
        var end = start
        var beforeLast = start
        while let next = character(at: end), next.class == .space {
            beforeLast = end
            end = next.end
        }
        return end == text.endIndex || beforeLast == start ? end : beforeLast
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`
    private func endOfContraction(from start: Int, ignoringCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'"), let first = character(at: start + 1) else { return nil }
        func fold(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
            guard ignoringCase else { return scalar }
            if scalar == "\u{17F}" { return "s" }  // ſ, the one letter outside ASCII whose folding is in the list
            return "A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
        }
        switch fold(first.scalar) {
        case "s", "t", "m", "d": return first.end
        case "r", "v":
            return character(at: first.end).flatMap { fold($0.scalar) == "e" ? $0.end : nil }
        case "l":
            return character(at: first.end).flatMap { fold($0.scalar) == "l" ? $0.end : nil }
        default: return nil
        }
    }

    private func isNewline(_ scalar: Unicode.Scalar) -> Bool { scalar == "\n" || scalar == "\r" }
}

/// What the splitting rules tell apart: `\p{L}`, `\p{N}`, `\s` and the rest.
enum CharacterClass {
    case letter, number, space, other

    init(_ scalar: Unicode.Scalar) {
        if scalar.isASCII {
            self = Self.ascii[Int(scalar.value)]
        } else {
            self.init(properties: scalar.properties)
        }
    }

    private init(properties: Unicode.Scalar.Properties) {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = properties.isWhitespace ? .space : .other
        }
    }

    private static let ascii: [CharacterClass] = (UInt8(0)..<128).map { byte in
        CharacterClass(properties: Unicode.Scalar(byte).properties)
    }
}

/// The scalar that begins at `place` of valid UTF-8, and its width in bytes.
func decodeScalar(_ text: ArraySlice<UInt8>, at place: Int) -> (scalar: Unicode.Scalar, width: Int) {
    let first = UInt32(text[place])
    func tail(_ offset: Int) -> UInt32 { UInt32(text[place + offset]) & 0x3F }
    let (value, width): (UInt32, Int)
    switch first {
    case ..<0x80: (value, width) = (first, 1)
    case ..<0xE0: (value, width) = ((first & 0x1F) << 6 | tail(1), 2)
    case ..<0xF0: (value, width) = ((first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
    default: (value, width) = ((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", width)
}
