import Foundation
import ZooBase
import ZooData

/// A reduced quotient of small whole numbers: the test's own arithmetic.
struct Ratio: Hashable {
    let top: Int
    let bottom: Int

    init(_ top: Int, _ bottom: Int = 1) {
        var (a, b) = (abs(top), abs(bottom))
        while b != 0 { (a, b) = (b, a % b) }
        (self.top, self.bottom) = (top * bottom.signum() / a, abs(bottom) / a)
    }

    /// nil where it divides by zero.
    static func apply(_ operation: Character, _ a: Ratio, _ b: Ratio) -> Ratio? {
        switch operation {
        case "+": Ratio(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom)
        case "-": Ratio(a.top * b.bottom - b.top * a.bottom, a.bottom * b.bottom)
        case "*": Ratio(a.top * b.top, a.bottom * b.bottom)
        default: b.top == 0 ? nil : Ratio(a.top * b.bottom, a.bottom * b.top)
        }
    }
}

/// An expression as a tree; the test knows its value before any text is parsed.
indirect enum Tree {
    case leaf(Int)
    case node(Character, Tree, Tree)

    var value: Ratio? {
        switch self {
        case .leaf(let number): return Ratio(number)
        case .node(let operation, let left, let right):
            guard let a = left.value, let b = right.value else { return nil }
            return Ratio.apply(operation, a, b)
        }
    }

    static func random(_ numbers: [Int], _ random: inout SplitMix64) -> Tree {
        guard numbers.count > 1 else { return .leaf(numbers[0]) }
        let cut = 1 + random.next(below: numbers.count - 1)
        let (left, right) = (Tree.random(Array(numbers[..<cut]), &random), Tree.random(Array(numbers[cut...]), &random))
        return .node(Array("+-*/")[random.next(below: 4)], left, right)
    }

    /// The tree in a random style: spellings, spaces, and parentheses where they must be and where they may be.
    func text(_ random: inout SplitMix64) -> String {
        func space(_ random: inout SplitMix64) -> String { ["", "", " ", "  ", "\t", "\n", "\r\n"][random.next(below: 7)] }
        let inner: String
        switch self {
        case .leaf(let number): inner = "\(number)"
        case .node(let operation, let left, let right):
            let isTight = "*/".contains(operation)
            let spellings: [Character: [String]] = ["*": ["*", "×"], "/": ["/", "÷"], "-": ["-", "−"], "+": ["+"]]
            let spelling = spellings[operation] ?? []
            var (a, b) = (left.text(&random), right.text(&random))
            if case .node(let last, _, _) = left, isTight, "+-".contains(last) { a = "(\(a))" }
            if case .node(let last, _, _) = right, isTight || "+-".contains(last) { b = "(\(b))" }
            inner = a + space(&random) + spelling[random.next(below: spelling.count)] + space(&random) + b
        }
        let isWrapped = random.next(below: 4) == 0
        return space(&random) + (isWrapped ? "(" + inner + ")" : inner) + space(&random)
    }

    /// All expressions of two or more numbers, each used once.
    static func all(_ parts: [Tree]) -> [Tree] {
        guard parts.count > 1 else { return parts }
        return parts.indices.flatMap { i in
            parts.indices.filter { $0 != i }.flatMap { j in
                let rest = parts.indices.filter { $0 != i && $0 != j }.map { parts[$0] }
                return "+-*/".flatMap { all(rest + [.node($0, parts[i], parts[j])]) }
            }
        }
    }
}

/// The grammar once more, by recursive descent over tokens of a regular expression; for texts that nest little.
struct GrammarOracle {
    private var tokens: [String] = []
    private var numbers: [Int] = []

    /// What `text` is as an answer.
    static func verdict(_ text: String, numbers: [Int], target: Int) -> CountdownProblem.Verdict {
        var oracle = GrammarOracle()
        guard oracle.tokenize(text), let value = oracle.sum(), oracle.tokens.isEmpty else { return .invalid }
        guard oracle.numbers.sorted() == numbers.sorted() else { return .invalid }
        return value == Ratio(target) ? .solved : .missed
    }

    private static let token = try? NSRegularExpression(pattern: "[1-9][0-9]*(?![0-9])|[-+*/()×÷−]|[ \\t\\n\\r]+")

    private mutating func tokenize(_ text: String) -> Bool {
        let whole = text as NSString
        var end = 0
        for match in Self.token?.matches(in: text, range: NSRange(location: 0, length: whole.length)) ?? [] {
            // A token that does not begin where the last one ended leaves out what is none.
            guard match.range.location == end else { return false }
            end += match.range.length
            let token = whole.substring(with: match.range)
            if !token.allSatisfy(\.isWhitespace) { tokens.append(token) }
        }
        tokens.reverse()
        return end == whole.length
    }

    private mutating func take(_ wanted: [String]) -> String? {
        guard let next = tokens.last, wanted.contains(next) else { return nil }
        return tokens.removeLast()
    }

    private mutating func sum() -> Ratio? {
        guard var value = product() else { return nil }
        while let sign = take(["+", "-", "−"]) {
            guard let next = product(), let joined = Ratio.apply(sign == "+" ? "+" : "-", value, next) else { return nil }
            value = joined
        }
        return value
    }

    private mutating func product() -> Ratio? {
        guard var value = operand() else { return nil }
        while let sign = take(["*", "×", "/", "÷"]) {
            guard let next = operand(), let joined = Ratio.apply(["*", "×"].contains(sign) ? "*" : "/", value, next) else {
                return nil
            }
            value = joined
        }
        return value
    }

    private mutating func operand() -> Ratio? {
        if take(["("]) != nil {
            guard let value = sum(), take([")"]) != nil else { return nil }
            return value
        }
        guard let number = tokens.last.flatMap({ Int($0) }), number < 1_000_000 else { return nil }
        tokens.removeLast()
        numbers.append(number)
        return Ratio(number)
    }
}
