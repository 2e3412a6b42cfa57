/// A step of a pre-tokenizer that cuts text into pieces: Split, Digits or Punctuation.
struct TextSplit: Sendable {
    enum Separator: Sendable {
        case digits, punctuation
        case regex(SplitRegex)
    }

    /// What becomes of a separator, by the names of `tokenizers`.
    enum Behavior: String, Sendable, CaseIterable {
        /// A piece of its own.
        case isolated = "Isolated"
        /// One piece with the separators beside it.
        case contiguous = "Contiguous"
        case withPrevious = "MergedWithPrevious"
        case withNext = "MergedWithNext"
    }

    var separator: Separator
    var behavior: Behavior
    /// Whether the text between is what separates.
    var isInverted = false

    /// Where the pieces of `text` end; none is empty.
    func ends(in text: Bytes) -> [Int] {
        var pieces: [(range: Range<Int>, separates: Bool)] = []
        var place = 0
        for match in separators(in: text) {
            if place < match.lowerBound { pieces.append((place..<match.lowerBound, isInverted)) }
            pieces.append((match, !isInverted))
            place = match.upperBound
        }
        if place < text.count { pieces.append((place..<text.count, isInverted)) }
        var merged: [Range<Int>] = []
        for (index, piece) in pieces.enumerated() {
            let before = index > 0 ? pieces[index - 1].separates : nil
            let joins =
                switch behavior {
                case .isolated: false
                case .contiguous: before == piece.separates
                case .withPrevious: piece.separates && before == false
                case .withNext: !piece.separates && before == true
                }
            if joins, let last = merged.popLast() {
                merged.append(last.lowerBound..<piece.range.upperBound)
            } else {
                merged.append(piece.range)
            }
        }
        return merged.filter { !$0.isEmpty }.map(\.upperBound)
    }

    private func separators(in text: Bytes) -> [Range<Int>] {
        switch separator {
        case .regex(let regex): return regex.matches(in: text)
        case .digits: return characters(with: .digit, in: text)
        case .punctuation: return characters(with: .punctuation, in: text)
        }
    }

    private func characters(with flag: CharacterFlags, in text: Bytes) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var place = 0
        while place < text.count {
            let (scalar, width) = decodeScalar(text, at: place)
            if CharacterFlags.table[Int(scalar)].contains(flag) { result.append(place..<place + width) }
            place += width
        }
        return result
    }
}
