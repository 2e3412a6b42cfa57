/// JSON written piece by piece, to keep the order of keys and every bit of a number.
package enum JSONText {
    /// A text in JSON's quotes, which YAML reads too.
    ///
    /// - Parameter isEscaped: what else is escaped as `\u2028`, in addition to quotes, backslashes and control characters.
    package static func quoted(
        _ text: some Sequence<Unicode.Scalar>, escaping isEscaped: (Unicode.Scalar) -> Bool = { _ in false }
    ) -> String {
        var quoted = "\"".unicodeScalars
        for scalar in text {
            switch scalar {
            case "\"": quoted.append(contentsOf: "\\\"".unicodeScalars)
            case "\\": quoted.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": quoted.append(contentsOf: "\\n".unicodeScalars)
            case "\r": quoted.append(contentsOf: "\\r".unicodeScalars)
            case "\t": quoted.append(contentsOf: "\\t".unicodeScalars)
            case "\u{8}": quoted.append(contentsOf: "\\b".unicodeScalars)
            case "\u{C}": quoted.append(contentsOf: "\\f".unicodeScalars)
            case _ where scalar.value < 0x20 || isEscaped(scalar): quoted.append(contentsOf: escape(scalar).unicodeScalars)
            default: quoted.append(scalar)
            }
        }
        quoted.append("\"")
        return String(quoted)
    }

    package static func quoted(_ text: String) -> String { quoted(text.unicodeScalars) }

    /// `\u00e9`; two of them, a surrogate pair, beyond 16 bits.
    package static func escape(_ scalar: Unicode.Scalar) -> String {
        String(scalar).utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)"
        }.joined()
    }

    /// The shortest text that reads back as the same number; null if JSON has none.
    package static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }
}
