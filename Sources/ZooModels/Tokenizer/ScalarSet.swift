import Foundation

/// A set of characters, as a class of a regular expression names it: `[^\r\n\p{L}]`.
struct ScalarSet: Sendable {
    private var ranges: [ClosedRange<UInt32>] = []
    /// A bit for each general category.
    private var categories: UInt32 = 0
    /// Whether it has what `\s` names.
    private var spaces = false
    private var parts: [ScalarSet] = []
    private var isNegated = false
    /// The answers for the characters of ASCII.
    private var ascii: (UInt64, UInt64) = (0, 0)

    static let space: ScalarSet = {
        var set = ScalarSet()
        set.spaces = true
        return set.finished()
    }()

    init() {}

    init(_ scalar: UInt32) {
        insert(scalar...scalar)
        self = finished()
    }

    /// - Parameter property: as in `\p{Lu}`; nil for names that are not general categories.
    init?(property: String) {
        guard let mask = GeneralCategory.mask(property) else { return nil }
        categories = mask
        self = finished()
    }

    mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }
    mutating func insert(_ set: ScalarSet) { parts.append(set) }

    func negated() -> ScalarSet {
        var set = self
        set.isNegated.toggle()
        return set.finished()
    }

    /// The set as it stands, ready to be asked.
    func finished() -> ScalarSet {
        var set = self
        set.ascii = (0, 0)
        for scalar: UInt32 in 0..<128 where computed(scalar) {
            if scalar < 64 { set.ascii.0 |= 1 << UInt64(scalar) } else { set.ascii.1 |= 1 << UInt64(scalar - 64) }
        }
        return set
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.0 >> UInt64(scalar) & 1 == 1 }
        if scalar < 128 { return ascii.1 >> UInt64(scalar - 64) & 1 == 1 }
        return computed(scalar)
    }

    private func computed(_ scalar: UInt32) -> Bool {
        let isIn =
            categories >> UInt32(GeneralCategory.table[Int(scalar)]) & 1 == 1 || ranges.contains { $0.contains(scalar) }
            || (spaces && CharacterFlags.table[Int(scalar)].characterClass == .space) || parts.contains { $0.computed(scalar) }
        return isIn != isNegated
    }
}

/// The general category of each character, as Hugging Face `tokenizers` takes it for its regular expressions.
enum GeneralCategory {
    /// In the order of the table's numbers.
    static let names = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
        "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs", "Cn",
    ]

    /// A bit for each category that a property names, such as `Lu` or `L`; nil if it names none.
    static func mask(_ property: String) -> UInt32? {
        let found = names.indices.filter { names[$0] == property || (property.count == 1 && names[$0].hasPrefix(property)) }
        return found.isEmpty ? nil : found.reduce(0) { $0 | 1 << UInt32($1) }
    }

    /// By code point. Never freed: it lives as long as the process.
    nonisolated(unsafe) static let table: UnsafePointer<UInt8> = CharacterFlags.expand(runs) { $0 }
}
