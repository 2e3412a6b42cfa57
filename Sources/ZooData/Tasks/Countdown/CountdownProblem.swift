/// A problem of the numbers game: come to a target with + − × ÷ and some given numbers, each used exactly once.
///
/// ```swift
/// try CountdownProblem(numbers: [3, 7, 8], target: 29).verdict(on: "3 × 7 + 8")  // .solved
/// ```
public struct CountdownProblem: Hashable, Sendable {
    /// At least 1 each; one that is given twice is to be used twice. In ascending order.
    public let numbers: [Int]
    public let target: Int

    /// What a text is as an answer.
    public enum Verdict: Hashable, Sendable {
        /// An expression of the given numbers whose value is the target.
        case solved
        /// An expression of the given numbers whose value is another one.
        case missed
        /// Anything else: not an expression, other numbers, too few of them, or a division by zero.
        case invalid
    }

    /// - Throws: ``DataError`` if there is no number, one below 1, or where the numbers are so large that a value could leave
    ///   the range in which it is computed exactly.
    public init(numbers: [Int], target: Int) throws {
        self.numbers = numbers.sorted()
        self.target = target
        guard let smallest = self.numbers.first else {
            throw DataError("countdown problem", "has no numbers; expected at least one")
        }
        guard smallest >= 1 else { throw DataError("countdown problem", "the number \(smallest) is given; expected at least 1") }
        guard Fraction.isExact(over: numbers) else {
            throw DataError(
                "countdown problem",
                "the numbers \(self.numbers) are too many or too large; expected a product times 2^(count - 1) below 2^127")
        }
    }

    /// Judges a whole text.
    ///
    /// An expression is a numeral, an expression in parentheses, or two expressions with an operator between them: `+`, `-` or `−`,
    /// `*` or `×`, `/` or `÷`. Products and quotients come before sums and differences, equals from the left. Spaces, tabs and line
    /// ends may stand between any two of these, around the whole too. A numeral is ASCII digits without a leading zero; there are no
    /// signs and no fractions, but values on the way may be negative or broken: arithmetic is exact.
    ///
    /// Time and memory are linear in the text's length, whatever it nests.
    public func verdict(on text: String) -> Verdict {
        guard let value = ExpressionReader(numbers).value(of: text) else { return .invalid }
        return value.isEqual(to: target) ? .solved : .missed
    }
}

/// A quotient of whole numbers, not reduced.
///
/// Over leaves b₁ … b_k, each at least 1, numerator and denominator stay within ±2^(k−1)·Π b: a product or quotient multiplies the
/// bounds of its operands, a sum or difference doubles their product. So arithmetic that ``isExact(over:)`` allows cannot overflow.
struct Fraction: Sendable {
    private let numerator: Int128
    private let denominator: Int128

    init(_ whole: Int) { (numerator, denominator) = (Int128(whole), 1) }

    private init(_ numerator: Int128, over denominator: Int128) {
        (self.numerator, self.denominator) = (numerator, denominator)
    }

    /// Whether no expression that uses each of the numbers at most once can leave the range of 128 bits.
    static func isExact(over numbers: [Int]) -> Bool {
        var bound: Int128 = 1
        for (place, number) in numbers.enumerated() {
            for factor in [Int128(number), place == 0 ? 1 : 2] {
                let (product, overflow) = bound.multipliedReportingOverflow(by: factor)
                if overflow { return false }
                bound = product
            }
        }
        return true
    }

    func isEqual(to whole: Int) -> Bool { numerator % denominator == 0 && numerator / denominator == Int128(whole) }

    /// The whole number that this equals; nil if it is not one of 64 bits.
    var whole: Int? { numerator % denominator == 0 ? Int(exactly: numerator / denominator) : nil }

    /// nil if it divides by zero.
    static func apply(_ operation: Operator, _ a: Fraction, _ b: Fraction) -> Fraction? {
        switch operation {
        case .plus: Fraction(a.numerator * b.denominator + b.numerator * a.denominator, over: a.denominator * b.denominator)
        case .minus: Fraction(a.numerator * b.denominator - b.numerator * a.denominator, over: a.denominator * b.denominator)
        case .times: Fraction(a.numerator * b.numerator, over: a.denominator * b.denominator)
        case .over: b.numerator == 0 ? nil : Fraction(a.numerator * b.denominator, over: a.denominator * b.numerator)
        }
    }
}

/// The operations of the game.
enum Operator: CaseIterable, Sendable {
    case plus, minus, times, over

    var bindsTightly: Bool { self == .times || self == .over }

    /// The operator that a character stands for.
    init?(_ character: Unicode.Scalar) {
        switch character {
        case "+": self = .plus
        case "-", "\u{2212}": self = .minus
        case "*", "\u{D7}": self = .times
        case "/", "\u{F7}": self = .over
        default: return nil
        }
    }
}
