extension JSONReader {
    /// The next value, which must be a string.
    package mutating func string() throws(JSONFault) -> String {
        skipSpace()
        guard take("\"") else { throw fault("expected a string, found \(found)") }
        var start = index
        // Nearly all strings have neither escapes nor control characters.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
        if next == UInt8(ascii: "\"") {
            index += 1
            return text(start..<index - 1)
        }
        var result: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                result += bytes[start..<index]
                index += 1
                return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                result += bytes[start..<index]
                index += 1
                result += String(try escape()).utf8
                start = index
            case 0..<0x20: throw fault("\(found) is in a string; write it as \(JSONText.escape(Unicode.Scalar(byte)))")
            default: index += 1
            }
        }
        throw fault("the text ends within a string: is it cut off?")
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
        guard let byte = next else { throw fault("the text ends within a string: is it cut off?") }
        let scalar: Unicode.Scalar
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(byte)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default: throw fault("'\\' before \(found) is not an escape")
        }
        index += 1
        return scalar
    }

    /// The character of `\u0041`, or of two halves such as `\ud83d\ude00`.
    private mutating func escapedScalar() throws(JSONFault) -> Unicode.Scalar {
        let first = try escapedUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        if first < 0xDC00, next == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") {
            index += 1
            let second = try escapedUnit()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00)
            {
                return scalar
            }
        }
        throw fault("\\u\(String(first, radix: 16)) is an unpaired half of a surrogate pair")
    }

    private mutating func escapedUnit() throws(JSONFault) -> UInt16 {
        index += 1
        let digits = bytes[index..<min(index + 4, bytes.count)]
        guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt16(text(digits.startIndex..<digits.endIndex), radix: 16)
        else { throw fault("'\\u' needs four hexadecimal digits") }
        index += 4
        return value
    }

    /// A number: an `integer` if it is written without a fraction or an exponent and fits 64 bits.
    mutating func number() throws(JSONFault) -> JSONValue {
        let start = index
        let isNegative = take("-")
        if take("0") {
            guard !Self.isDigit(next) else { throw fault("a number starts with 0") }
        } else {
            try digits()
        }
        let isWhole = next != UInt8(ascii: ".") && next != UInt8(ascii: "e") && next != UInt8(ascii: "E")
        // Certainly fits; token ids come by the hundred thousand.
        if isWhole, index - start <= 18 {
            let value = bytes[(isNegative ? start + 1 : start)..<index].reduce(0) { 10 &* $0 &+ Int($1 &- 0x30) }
            return .integer(isNegative ? -value : value)
        }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = text(start..<index)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw fault("the number \(text.prefix(40)) is too large") }
        return .number(value)
    }

    private mutating func digits() throws(JSONFault) {
        guard Self.isDigit(next) else { throw fault("expected a digit, found \(found)") }
        while Self.isDigit(next) { index += 1 }
    }
}
