/// Turns ids back into text.
struct TextDecoder: Sendable {
    /// How tokens become text, according to a file.
    enum Rule: Sendable {
        /// Tokens spell bytes.
        case byteLevel
        /// Tokens unchanged, separated by spaces: the meaning of a file without a decoder.
        case joined
        /// The mark is a space, and nothing in the first token unless it `keepsFirst`.
        case metaspace([UInt8], keepsFirst: Bool)
        case characters(Characters)
    }

    /// What is done to tokens that spell characters, in this order.
    struct Characters: Sendable {
        var replacements: [(pattern: [UInt8], content: [UInt8])] = []
        /// Whether `<0x41>` is a byte.
        var fallsBack = false
        var fuses = false
        /// Takes up to `start` and `stop` of a character off the ends of the text.
        var strips: (content: [UInt8], start: Int, stop: Int)?
    }

    private let rule: Rule
    /// What each id adds to the text, one after the other.
    private var texts: [UInt8] = []
    private var ends: [Int] = []
    private var hasToken: [Bool] = []
    /// The byte that each id is; -1 for ids that are none.
    private var fallbackBytes: [Int16] = []
    /// What the ids add at the start of a text, if that differs.
    private var firsts: [Int32: [UInt8]] = [:]

    /// - Parameter tokens: the spelling of each id in bytes; nil for ids that no token has.
    init(_ rule: Rule, tokens: [[UInt8]?]) {
        self.rule = rule
        ends.reserveCapacity(tokens.count)
        for (id, token) in tokens.enumerated() {
            var text = token ?? []
            var byte: UInt8?
            switch rule {
            case .byteLevel, .joined: break
            case .metaspace(let mark, let keepsFirst):
                let spelled = text
                text = Self.replace(mark, by: [UInt8(ascii: " ")], in: text)
                if !keepsFirst, spelled != text { firsts[Int32(id)] = Self.replace(mark, by: [], in: spelled) }
            case .characters(let rule):
                for (pattern, content) in rule.replacements { text = Self.replace(pattern, by: content, in: text) }
                if rule.fallsBack { byte = Self.fallbackByte(text) }
            }
            texts += text
            ends.append(texts.count)
            hasToken.append(token != nil)
            fallbackBytes.append(byte.map(Int16.init) ?? -1)
        }
    }

    /// The text of `ids` without those that `isLeftOut` selects.
    func decode(_ ids: some Sequence<Int32>, isLeftOut: (Int32) -> Bool) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(4 * ids.underestimatedCount)
        // Where the bytes that are not yet known to be characters begin.
        var pending: Int?
        var isFirst = true
        for id in ids {
            let place = Int(id)
            guard ends.indices.contains(place), hasToken[place], !isLeftOut(id) else { continue }
            if fallbackBytes[place] >= 0 {
                pending = pending ?? text.count
                text.append(UInt8(fallbackBytes[place]))
            } else {
                if let start = pending { Self.settle(&text, from: start) }
                pending = nil
                if case .joined = rule, !isFirst { text.append(UInt8(ascii: " ")) }
                if isFirst, let first = firsts[id] {
                    text += first
                } else {
                    text += texts[(place == 0 ? 0 : ends[place - 1])..<ends[place]]
                }
            }
            isFirst = false
        }
        if let pending { Self.settle(&text, from: pending) }
        guard case .characters(let rule) = rule, let strips = rule.strips else { return String(decoding: text, as: UTF8.self) }
        return String(decoding: Self.strip(text[...], strips), as: UTF8.self)
    }

    /// Every byte that is not valid text becomes U+FFFD.
    private static func settle(_ text: inout [UInt8], from start: Int) {
        let count = text.count - start
        if String(validating: text[start...], as: UTF8.self) != nil { return }
        text.removeSubrange(start...)
        for _ in 0..<count { text += [0xEF, 0xBF, 0xBD] }
    }

    private static func strip(_ text: ArraySlice<UInt8>, _ strips: (content: [UInt8], start: Int, stop: Int)) -> ArraySlice<UInt8>
    {
        var text = text
        for _ in 0..<strips.start {
            guard text.starts(with: strips.content) else { break }
            text = text.dropFirst(strips.content.count)
        }
        for _ in 0..<strips.stop {
            guard text.suffix(strips.content.count).elementsEqual(strips.content) else { break }
            text = text.dropLast(strips.content.count)
        }
        return text
    }

    private static func replace(_ pattern: [UInt8], by content: [UInt8], in text: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { replaceAll(pattern, by: content, in: $0)?.bytes } ?? text
    }

    /// The byte that `<0x41>` spells.
    static func fallbackByte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">") else { return nil }
        let digits = token[3..<5]
        guard digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
