import Foundation

/// What Hugging Face `tokenizers` takes a character for. Swift's own tables follow other versions of Unicode, which on
/// some systems change with the system, so these come with the source.
struct CharacterFlags: OptionSet {
    let rawValue: UInt8

    /// What the splitting rules tell apart, in the two lowest bits: 0 other, 1 `\p{L}`, 2 `\p{N}`, 3 `\s`.
    static let classes = CharacterFlags(rawValue: 3)
    static let letter = CharacterFlags(rawValue: 1)
    static let number = CharacterFlags(rawValue: 2)
    static let space = CharacterFlags(rawValue: 3)
    static let other: CharacterFlags = []
    /// What the pre-tokenizer Digits takes for one.
    static let digit = CharacterFlags(rawValue: 4)
    /// `\w`
    static let word = CharacterFlags(rawValue: 8)
    /// A mark that the normal forms sort among its neighbours: its combining class is not 0.
    static let mark = CharacterFlags(rawValue: 16)
    /// Ends a composition, or is changed by NFC alone.
    static let composesWithPrevious = CharacterFlags(rawValue: 32)
    /// Begins a composition, or holds marks that others may come between.
    static let composesWithNext = CharacterFlags(rawValue: 64)
    /// What the pre-tokenizer Punctuation takes for it.
    static let punctuation = CharacterFlags(rawValue: 128)

    /// Whether the splitting rules take a character for `\s`.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool { table[Int(scalar.value)].characterClass == .space }

    /// Letter, number, space or other.
    @inline(__always)
    var characterClass: CharacterFlags { intersection(.classes) }

    /// The flags of all code points. Never freed: it lives as long as the process.
    nonisolated(unsafe) static let table: UnsafePointer<CharacterFlags> = expand(runs) { CharacterFlags(rawValue: $0) }

    /// The values of all code points, from runs in base 64.
    static func expand<Value>(_ runs: String, _ value: (UInt8) -> Value) -> UnsafePointer<Value> {
        let table = UnsafeMutablePointer<Value>.allocate(capacity: 0x110000)
        var place = 0
        var (length, shift) = (0, 0)
        var readsValue = false
        for byte in Data(base64Encoded: runs) ?? Data() {
            if readsValue {
                precondition(place + length <= 0x110000, "CharacterTable.swift is damaged")
                (table + place).initialize(repeating: value(byte), count: length)
                place += length
                (length, shift, readsValue) = (0, 0, false)
            } else {
                length |= Int(byte & 0x7F) << shift
                shift += 7
                readsValue = byte < 0x80
            }
        }
        precondition(place == 0x110000, "CharacterTable.swift is damaged")
        return UnsafePointer(table)
    }
}

/// The scalar that begins at `place` of valid UTF-8, and its width in bytes.
@inline(__always)
func decodeScalar(_ text: Bytes, at place: Int) -> (scalar: UInt32, width: Int) {
    let first = UInt32(text[place])
    func tail(_ offset: Int) -> UInt32 { UInt32(text[place + offset]) & 0x3F }
    switch first {
    case ..<0x80: return (first, 1)
    case ..<0xE0: return ((first & 0x1F) << 6 | tail(1), 2)
    case ..<0xF0: return ((first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
    default: return ((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
    }
}

/// The scalar that ends before `end` of valid UTF-8, and where it begins; nil at the beginning.
func lastScalar(of text: Bytes, before end: Int) -> (scalar: UInt32, start: Int)? {
    var start = end
    while start > 0 {
        start -= 1
        if text[start] & 0xC0 != 0x80 { return (decodeScalar(text, at: start).scalar, start) }
    }
    return nil
}
