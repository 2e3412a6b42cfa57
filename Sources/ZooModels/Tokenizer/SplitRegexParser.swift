import Foundation

/// Reads the syntax of Oniguruma as far as tokenizers use it.
struct SplitRegexParser {
    /// What is wrong with a pattern or not supported in it.
    struct Fault: Error { let reason: String }

    private let scalars: [Unicode.Scalar]
    private var place = 0
    /// Inside of `(?i:…)`.
    private var ignoresCase = false
    private var depth = 0
    /// In how many ways the repeated groups can match, at most.
    private var ways = 1.0

    private init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    static func parse(_ pattern: String) throws(Fault) -> SplitRegex.Node {
        var parser = SplitRegexParser(pattern)
        guard parser.scalars.count <= 10_000 else { throw Fault(reason: "is longer than 10,000 characters") }
        let node = try parser.choice()
        guard parser.next == nil else { throw parser.fault("a ')' without '('") }
        return node
    }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private func fault(_ what: String) -> Fault { Fault(reason: "has \(what) at character \(place + 1), which is not supported") }

    private func isNext(_ text: String) -> Bool { scalars[place...].starts(with: Array(text.unicodeScalars)) }

    private mutating func take(_ text: String) -> Bool {
        guard isNext(text) else { return false }
        place += text.unicodeScalars.count
        return true
    }

    private mutating func choice() throws(Fault) -> SplitRegex.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 50 else { throw fault("more than 50 groups in each other") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(Fault) -> SplitRegex.Node {
        var nodes: [SplitRegex.Node] = []
        while let scalar = next, scalar != "|", scalar != ")" { nodes.append(try repeated(atom())) }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func atom() throws(Fault) -> SplitRegex.Node {
        guard let scalar = next else { throw fault("no more characters") }
        switch scalar {
        case "(": return try group()
        case "[":
            place += 1
            return .one(try set())
        case "^":
            place += 1
            return .lineStart
        case "$":
            place += 1
            return .lineEnd
        case ".":
            place += 1
            return .one(ScalarSet(0x0A).negated())
        case "*", "+", "?": throw fault("'\(scalar)' after nothing")
        case "{" where isBraces: throw fault("'{' after nothing")
        case "\\": return .one(try escape(inSet: false))
        default:
            place += 1
            return .one(try literal(scalar))
        }
    }

    private mutating func group() throws(Fault) -> SplitRegex.Node {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var ahead: Bool?
        if take("(?i:") {
            ignoresCase = true
        } else if take("(?=") {
            ahead = true
        } else if take("(?!") {
            ahead = false
        } else if isNext("(?"), !isNext("(?:") {
            throw fault("the group '\(String(String.UnicodeScalarView(scalars[place...].prefix(4))))'")
        } else if !take("(?:") {
            place += 1
        }
        let inner = try choice()
        guard take(")") else { throw Fault(reason: "lacks a ')'") }
        return ahead.map { .ahead(inner, isThere: $0) } ?? inner
    }

    private mutating func repeated(_ node: SplitRegex.Node) throws(Fault) -> SplitRegex.Node {
        var counts: ClosedRange<Int>
        var isBraced = false
        if take("?") {
            counts = 0...1
        } else if take("*") {
            counts = 0...Int.max
        } else if take("+") {
            counts = 1...Int.max
        } else if let braces = braces() {
            guard braces != Self.outOfRange else { throw fault("a count above 1000, or from more to less,") }
            counts = braces
            isBraced = true
        } else {
            return node
        }
        var greed = SplitRegex.Greed.greedy
        // Oniguruma reads {2}? as a group that may be missing.
        if isBraced, next == "?" { throw fault("'?' after a count") }
        if take("?") { greed = .lazy } else if !isBraced, take("+") { greed = .possessive }
        if let more = next, "*+?".unicodeScalars.contains(more) || isBraces { throw fault("a repetition of a repetition") }
        switch node {
        case .one: break
        case .ahead, .lineStart, .lineEnd: throw fault("a repetition of a place")
        default:
            guard counts.upperBound <= 16 else { throw fault("a group that is repeated without end") }
            // Every round of every such group may be tried with all others.
            ways *= Foundation.pow(Double(max(2, Self.branches(node))), Double(counts.upperBound))
            guard ways <= 65_536 else { throw fault("groups that are repeated in too many ways") }
        }
        return .repeated(node, counts, greed)
    }

    /// A count that is not read: too large, or the least above the most.
    private static let outOfRange = -1...(-1)

    private static func branches(_ node: SplitRegex.Node) -> Int {
        switch node {
        case .choice(let nodes): nodes.reduce(0) { $0 + branches($1) }
        case .sequence(let nodes): nodes.map(branches).max() ?? 1
        case .repeated(let inner, _, _), .ahead(let inner, _): branches(inner)
        case .one, .literal, .lineStart, .lineEnd: 1
        }
    }

    /// Whether a count of repetitions begins here.
    private var isBraces: Bool {
        var copy = self
        return next == "{" && copy.braces() != nil
    }

    /// `{2}`, `{2,}`, `{,3}` or `{2,3}`; nil where the brace is a character.
    private mutating func braces() -> ClosedRange<Int>? {
        guard next == "{", let end = scalars[place...].firstIndex(of: "}") else { return nil }
        let parts = String(String.UnicodeScalarView(scalars[place + 1..<end])).split(
            separator: ",", omittingEmptySubsequences: false)
        guard 1...2 ~= parts.count, parts.contains(where: { !$0.isEmpty }),
            parts.allSatisfy({ $0.allSatisfy { "0"..."9" ~= $0 } })
        else { return nil }
        let least = parts[0].isEmpty ? 0 : Int(parts[0]) ?? .max
        let most = parts.count == 1 ? least : parts[1].isEmpty ? .max : Int(parts[1]) ?? .max
        guard least <= most, least <= 1000, most <= 1000 || most == .max else { return .some(Self.outOfRange) }
        place = end + 1
        return least...most
    }

    /// What stands between brackets; the first one is taken.
    private mutating func set() throws(Fault) -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 50 else { throw fault("more than 50 classes in each other") }
        var result = ScalarSet()
        let isNegated = take("^")
        var isFirst = true
        while isFirst || next != "]" {
            guard let scalar = next else { throw Fault(reason: "lacks a ']'") }
            isFirst = false
            if isNext("[:") || isNext("&&") { throw fault("'\(isNext("&&") ? "&&" : "[:")' in a class") }
            if take("[") {
                result.insert(try set())
                continue
            }
            var first: UInt32? = scalar.value
            if scalar == "\\" {
                let start = place
                let escaped = try escape(inSet: true)
                first = character(from: start)
                if first == nil {
                    result.insert(escaped)
                    continue
                }
            } else {
                place += 1
            }
            guard let low = first else { continue }
            if next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" {
                place += 1
                let start = place
                var high: UInt32? = next?.value
                if next == "\\" {
                    _ = try escape(inSet: true)
                    high = character(from: start)
                } else {
                    place += 1
                }
                guard let high, low <= high else { throw fault("a range without an end") }
                try insert(low...high, into: &result)
            } else {
                try insert(low...low, into: &result)
            }
        }
        place += 1
        return isNegated ? result.negated() : result.finished()
    }

    private func insert(_ range: ClosedRange<UInt32>, into set: inout ScalarSet) throws(Fault) {
        set.insert(range)
        guard ignoresCase else { return }
        guard range.upperBound < 0x80 else { throw fault("a character outside of ASCII where case is ignored") }
        for (upper, lower) in zip(UInt32(0x41)...0x5A, UInt32(0x61)...0x7A) where range.contains(upper) || range.contains(lower) {
            set.insert(lower...lower)
            set.insert(upper...upper)
            // The letters outside of ASCII whose folding is in it: ſ and the sign of kelvin.
            if lower == 0x73 { set.insert(0x17F...0x17F) }
            if lower == 0x6B { set.insert(0x212A...0x212A) }
        }
    }

    private func literal(_ scalar: Unicode.Scalar) throws(Fault) -> ScalarSet {
        guard ignoresCase else { return ScalarSet(scalar.value) }
        var set = ScalarSet()
        try insert(scalar.value...scalar.value, into: &set)
        return set.finished()
    }

    private static let named: [Unicode.Scalar: Unicode.Scalar] = ["r": "\r", "n": "\n", "t": "\t", "v": "\u{B}", "f": "\u{C}"]

    /// The character of the escape from `start` to here; nil where it is a class.
    private func character(from start: Int) -> UInt32? {
        let scalar = scalars[start + 1]
        if scalar == "x" || scalar == "u" { return code(from: start)?.value }
        if let named = Self.named[scalar] { return named.value }
        return "pPsSdD".unicodeScalars.contains(scalar) ? nil : scalar.value
    }

    /// `\x{4E00}`, `\x41` or `\u4E00` at `start`, and where it ends.
    private func code(from start: Int) -> (value: UInt32, end: Int)? {
        var digits = scalars[(start + 2)...]
        var end = start + 2
        if digits.first == "{" {
            guard let close = digits.firstIndex(of: "}") else { return nil }
            digits = digits[(start + 3)..<close]
            end = close + 1
        } else {
            digits = digits.prefix(scalars[start + 1] == "u" ? 4 : 2)
            end = digits.endIndex
        }
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16).map { ($0, end) }
    }

    /// The characters of an escape.
    private mutating func escape(inSet: Bool) throws(Fault) -> ScalarSet {
        let start = place
        guard place + 1 < scalars.count else { throw fault("'\\' before nothing") }
        let scalar = scalars[place + 1]
        if scalar == "p" || scalar == "P" { return try property() }
        if scalar == "x" || scalar == "u" {
            guard let (value, end) = code(from: place), value < 0x110000 else { throw fault("'\\\(scalar)' without a number") }
            // Oniguruma takes it for a byte of UTF-8.
            guard scalar == "u" || value < 0x80 || scalars[place + 2] == "{" else { throw fault("a byte above 7F") }
            place = end
            return ScalarSet(value)
        }
        defer { if place == start { place += 2 } }
        switch scalar {
        case "s": return .space
        case "S": return ScalarSet.space.negated()
        case "d", "D":
            var set = ScalarSet()
            if let digits = ScalarSet(property: "Nd") { set.insert(digits) }
            return scalar == "D" ? set.negated() : set.finished()
        default:
            if let named = Self.named[scalar] { return ScalarSet(named.value) }
            guard !scalar.isASCII || !(scalar.properties.isAlphabetic || "0"..."9" ~= scalar) else {
                throw fault("'\\\(scalar)'")
            }
            return try literal(scalar)
        }
    }

    /// `\p{Lu}`, `\p{^Lu}` or `\P{Lu}`.
    private mutating func property() throws(Fault) -> ScalarSet {
        let isNegated = scalars[place + 1] == "P"
        guard place + 2 < scalars.count, scalars[place + 2] == "{", let end = scalars[place...].firstIndex(of: "}") else {
            throw fault("'\\p' without '{'")
        }
        var name = String(String.UnicodeScalarView(scalars[place + 3..<end]))
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        guard let set = ScalarSet(property: name) else { throw fault("the property '\(name.prefix(40))'") }
        place = end + 1
        return isNegated != isInverted ? set.negated() : set
    }
}
