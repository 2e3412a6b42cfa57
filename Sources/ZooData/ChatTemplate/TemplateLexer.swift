/// A piece of a template's source.
enum TemplateToken: Equatable {
    /// Text between tags, trimmed as their signs say.
    case data(Text)
    case variableBegin, variableEnd
    case blockBegin, blockEnd
    case name(String)
    case string(Text)
    case integer(Int)
    case float(Double)
    case symbol(String)
}

struct LocatedToken {
    var token: TemplateToken
    /// From 1.
    var line: Int
}

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on, as `transformers` has them.
///
/// Source: the documentation of Jinja 3.1, "Whitespace Control".
struct TemplateLexer {
    private let source: Text
    private var index = 0
    private var line = 1
    private var tokens: [LocatedToken] = []

    static func tokens(of source: String) throws(TemplateFault) -> [LocatedToken] {
        var lexer = TemplateLexer(source)
        try lexer.run()
        return lexer.tokens
    }

    /// Every end of a line becomes LF; one at the very end goes.
    private init(_ source: String) {
        var text: Text = []
        var scalars = source.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\r" {
                if scalars.first == "\n" { scalars.removeFirst() }
                text.append("\n")
            } else {
                text.append(scalar)
            }
        }
        if text.last == "\n" { text.removeLast() }
        self.source = text
    }

    private func at(_ offset: Int = 0) -> Unicode.Scalar? {
        index + offset < source.count ? source[index + offset] : nil
    }

    private func isAt(_ text: StaticString) -> Bool {
        var offset = 0
        return text.withUTF8Buffer { bytes in
            bytes.allSatisfy { byte in
                defer { offset += 1 }
                return at(offset)?.value == UInt32(byte)
            }
        }
    }

    /// Moves on, counting lines.
    private mutating func skip(_ count: Int) {
        line += source[index..<index + count].count { $0 == "\n" }
        index += count
    }

    private mutating func add(_ token: TemplateToken) { tokens.append(LocatedToken(token: token, line: line)) }

    private mutating func run() throws(TemplateFault) {
        while index < source.count {
            let start = index
            let startLine = line
            while index < source.count, !(isAt("{%") || isAt("{{") || isAt("{#")) { skip(1) }
            let data = trimmed(start..<index)
            if !data.isEmpty { tokens.append(LocatedToken(token: .data(data), line: startLine)) }
            guard index < source.count else { return }
            let kind = at(1)
            let begin = line
            skip(2)
            if at() == "-" || at() == "+" { skip(1) }
            switch kind {
            case "#": try comment(begin)
            case "%": try tag(.blockBegin, .blockEnd, end: "%")
            default: try tag(.variableBegin, .variableEnd, end: "}")
            }
        }
    }

    /// The text of a range before a tag (or the end), without what the tag's sign takes.
    private func trimmed(_ range: Range<Int>) -> Text {
        let data = Text(source[range])
        guard index < source.count else { return data }
        let sign = at(2)
        if sign == "-" { return data.stripped(left: false) }
        guard sign != "+", at(1) != "{" else { return data }
        // White space from the line's beginning to a block goes.
        let lineStart = (data.lastIndex(of: "\n") ?? -1) + 1
        let startsLine = lineStart > 0 || range.lowerBound == 0 || source[range.lowerBound - 1] == "\n"
        return startsLine && data[lineStart...].allSatisfy(\.isPythonSpace) ? Text(data[..<lineStart]) : data
    }

    /// Takes what follows the two characters that end a tag or comment: white space after `-`, else one line's end.
    private mutating func finish(minus: Bool, trimsLine: Bool) {
        skip(2)
        if minus {
            while let scalar = at(), scalar.isPythonSpace { skip(1) }
        } else if trimsLine, at() == "\n" {
            skip(1)
        }
    }

    private mutating func comment(_ begin: Int) throws(TemplateFault) {
        while index < source.count {
            if isAt("-#}") || isAt("+#}") {
                let minus = at() == "-"
                skip(1)
                return finish(minus: minus, trimsLine: false)
            }
            if isAt("#}") { return finish(minus: false, trimsLine: true) }
            skip(1)
        }
        throw TemplateFault(begin, "a comment starts with '{#' and does not end")
    }

    private mutating func tag(_ begin: TemplateToken, _ endToken: TemplateToken, end: Unicode.Scalar) throws(TemplateFault) {
        add(begin)
        let first = line
        var open: [Unicode.Scalar] = []
        let isBlock = begin == .blockBegin
        while let scalar = at() {
            if open.isEmpty {
                let signed = (scalar == "-" || (scalar == "+" && isBlock)) && at(1) == end && at(2) == "}"
                if signed || (scalar == end && at(1) == "}") {
                    add(endToken)
                    if signed { skip(1) }
                    return finish(minus: signed && scalar == "-", trimsLine: isBlock && !signed)
                }
            }
            try piece(scalar, &open)
        }
        throw TemplateFault(first, "a tag starts with '\(isBlock ? "{%" : "{{")' and does not end")
    }

    private mutating func piece(_ scalar: Unicode.Scalar, _ open: inout [Unicode.Scalar]) throws(TemplateFault) {
        switch scalar {
        case _ where scalar.isPythonSpace: skip(1)
        case "'", "\"": try string(scalar)
        case "0"..."9": try number()
        case "a"..."z", "A"..."Z", "_": name()
        default:
            let two = at(1).map { Text([scalar, $0]).string } ?? ""
            if ["==", "!=", "<=", ">=", "//", "**"].contains(two) {
                add(.symbol(two))
                return skip(2)
            }
            guard "+-/*%~[](){}<>=.:|,".unicodeScalars.contains(scalar) else {
                throw TemplateFault(line, "unexpected character '\(scalar)'")
            }
            try balance(scalar, &open)
            add(.symbol(String(scalar)))
            skip(1)
        }
    }

    private func balance(_ scalar: Unicode.Scalar, _ open: inout [Unicode.Scalar]) throws(TemplateFault) {
        let closing: [Unicode.Scalar: Unicode.Scalar] = ["(": ")", "[": "]", "{": "}"]
        if let close = closing[scalar] { return open.append(close) }
        guard [")", "]", "}"].contains(scalar) else { return }
        guard open.popLast() == scalar else { throw TemplateFault(line, "unexpected '\(scalar)'") }
    }

    private mutating func name() {
        let start = index
        while let scalar = at(),
            scalar == "_" || (scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)))
        {
            index += 1
        }
        add(.name(Text(source[start..<index]).string))
    }

    private mutating func number() throws(TemplateFault) {
        let start = index
        func digits() { while let scalar = at(), ("0"..."9").contains(scalar) || scalar == "_" { index += 1 } }
        digits()
        var isFloat = false
        if at() == ".", let next = at(1), ("0"..."9").contains(next) {
            isFloat = true
            index += 1
            digits()
        }
        let mark = index
        if at() == "e" || at() == "E" {
            index += 1
            if at() == "+" || at() == "-" { index += 1 }
            if let next = at(), ("0"..."9").contains(next) {
                isFloat = true
                digits()
            } else {
                index = mark
            }
        }
        let text = Text(source[start..<index]).string.filter { $0 != "_" }
        if isFloat, let value = Double(text) { return add(.float(value)) }
        guard !isFloat, let value = Int(text) else { throw TemplateFault(line, "'\(text)' is not a number that fits 64 bits") }
        add(.integer(value))
    }

    private mutating func string(_ quote: Unicode.Scalar) throws(TemplateFault) {
        let begin = line
        skip(1)
        var text: Text = []
        while let scalar = at() {
            skip(1)
            if scalar == quote { return tokens.append(LocatedToken(token: .string(text), line: begin)) }
            if scalar == "\\" { text += try escape() } else { text.append(scalar) }
        }
        throw TemplateFault(begin, "a string starts with \(quote) and does not end")
    }

    /// What a backslash and the characters after it stand for in Python.
    private mutating func escape() throws(TemplateFault) -> Text {
        guard let scalar = at() else { return ["\\"] }
        skip(1)
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}",
            "v": "\u{B}",
        ]
        if let value = simple[scalar] { return [value] }
        switch scalar {
        case "\n": return []
        case "x": return [try code(digits: 2)]
        case "u": return [try code(digits: 4)]
        case "U": return [try code(digits: 8)]
        case "0"..."7":
            var value = scalar.value - 48
            for _ in 0..<2 {
                guard let next = at(), ("0"..."7").contains(next) else { break }
                value = value * 8 + next.value - 48
                skip(1)
            }
            return [Unicode.Scalar(value) ?? "\u{FFFD}"]
        case "N": throw .outside(line, "the escape \\N")
        default: return ["\\", scalar]
        }
    }

    private mutating func code(digits: Int) throws(TemplateFault) -> Unicode.Scalar {
        let text = Text(source[index..<min(index + digits, source.count)]).string
        guard text.utf8.count == digits, !text.hasPrefix("+"), !text.hasPrefix("-"), let value = UInt32(text, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw TemplateFault(line, "an escape in a string is not a character: '\(text)'") }
        skip(digits)
        return scalar
    }
}
