extension StringProtocol {
    /// Columns that a terminal gives the text: 2 for East Asian wide characters and emoji, 0 for marks, 1 for others.
    public var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

    /// The text cut to `width` columns, with `…` where something is missing.
    public func truncated(toWidth width: Int) -> String {
        guard displayWidth > width else { return String(self) }
        var (result, used) = ("", 0)
        for character in self {
            guard used + character.displayWidth < width else { break }
            result.append(character)
            used += character.displayWidth
        }
        return width > 0 ? result + "…" : ""
    }

    /// The text with spaces up to `width` columns, before it or behind it.
    func padded(toWidth width: Int, trailing: Bool) -> String {
        let space = String(repeating: " ", count: Swift.max(0, width - displayWidth))
        return trailing ? self + space : space + self
    }
}

extension Character {
    var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return wideRanges.contains { $0.contains(first.value) } ? 2 : 1
        }
    }
}

/// The blocks of East Asian Width W and F (Unicode annex 11) that are not emoji.
private let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x20000...0x3FFFD,
]
