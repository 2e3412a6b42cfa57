/// The splitting rules of a `tokenizer.json`, matched by hand at one place: one pass, no backtracking.
struct WordScanner {
    let text: Bytes
    private let flags = CharacterFlags.table

    init(_ text: Bytes) { self.text = text }

    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    func endOfGPT2Word(from start: Int) -> Int {
        guard let first = character(at: start) else { return start }
        if let end = endOfContraction(from: start, ignoringCase: false) { return end }
        // ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
        let body = first.scalar == Self.space ? first.end : start
        if let next = character(at: body), next.class != .space { return endOfRun(of: next.class, from: next.end) }
        return endOfSpaces(from: start)
    }

    /// As `cl100k` and Llama 3: letters take any one leading mark, digits come in groups of at most `digits`.
    func endOfGroupedWord(from start: Int, digits: Int) -> Int {
        guard let first = character(at: start) else { return start }
        if let end = endOfContraction(from: start, ignoringCase: true) { return end }
        // `[^\r\n\p{L}\p{N}]?\p{L}+`
        if first.class == .letter { return endOfRun(of: .letter, from: first.end) }
        if first.class != .number, !isNewline(first.scalar), let next = character(at: first.end), next.class == .letter {
            return endOfRun(of: .letter, from: next.end)
        }
        // `\p{N}{1,digits}`
        if first.class == .number { return endOfRun(of: .number, from: first.end, atMost: digits - 1) }
        // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
        let body = first.scalar == Self.space ? first.end : start
        if let next = character(at: body), next.class == .other {
            var end = endOfRun(of: .other, from: next.end)
            while end < text.count, isNewline(UInt32(text[end])) { end += 1 }
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

    private static let space: UInt32 = 0x20

    @inline(__always)
    private func character(at place: Int) -> (scalar: UInt32, class: CharacterFlags, end: Int)? {
        guard place < text.count else { return nil }
        let (scalar, width) = decodeScalar(text, at: place)
        return (scalar, flags[Int(scalar)].characterClass, place + width)
    }

    @inline(__always)
    private func endOfRun(of wanted: CharacterFlags, from place: Int, atMost limit: Int = .max) -> Int {
        var end = place
        var count = 0
        while count < limit, let next = character(at: end), next.class == wanted {
            end = next.end
            count += 1
        }
        return end
    }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
    private func endOfSpaces(from start: Int) -> Int {
        var end = start
        var beforeLast = start
        while let next = character(at: end), next.class == .space {
            beforeLast = end
            end = next.end
        }
        return end == text.count || beforeLast == start ? end : beforeLast
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`
    @inline(__always)
    private func endOfContraction(from start: Int, ignoringCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'") else { return nil }
        return endOfContraction(after: start + 1, ignoringCase: ignoringCase)
    }

    private func endOfContraction(after start: Int, ignoringCase: Bool) -> Int? {
        guard let first = character(at: start) else { return nil }
        func fold(_ scalar: UInt32) -> UInt32 {
            guard ignoringCase else { return scalar }
            if scalar == 0x17F { return 0x73 }  // ſ, the one letter outside ASCII whose folding is in the list
            return 0x41...0x5A ~= scalar ? scalar + 32 : scalar
        }
        func second(_ wanted: Unicode.Scalar) -> Int? {
            character(at: first.end).flatMap { fold($0.scalar) == wanted.value ? $0.end : nil }
        }
        switch Unicode.Scalar(fold(first.scalar)) {
        case "s", "t", "m", "d": return first.end
        case "r", "v": return second("e")
        case "l": return second("l")
        default: return nil
        }
    }

    private func isNewline(_ scalar: UInt32) -> Bool { scalar == 0x0A || scalar == 0x0D }
}
