/// An expression as the generator draws it: every value on the way is a whole number from 1, as in the television game.
struct DrawnExpression: Sendable {
    private(set) var text: String
    let value: Int
    /// The operator that is carried out last; nil for a number.
    private let last: Operator?

    private init(_ number: Int) { (text, value, last) = ("\(number)", number, nil) }

    /// nil where the value is no whole number from 1 to `limit`.
    private init?(_ operation: Operator, _ left: DrawnExpression, _ right: DrawnExpression, limit: Int) {
        let result = Fraction.apply(operation, Fraction(left.value), Fraction(right.value))
        guard let value = result?.whole, 1...limit ~= value else { return nil }
        // On the right of − and ÷ an operator that binds no tighter would otherwise come too late.
        let isOrderSensitive = operation == .minus || operation == .over
        let a = left.within(operation, keepsEquals: false)
        let b = right.within(operation, keepsEquals: isOrderSensitive)
        (text, self.value, last) = ("\(a) \(operation.text) \(b)", value, operation)
    }

    /// The text as an operand, in parentheses where it needs them.
    private func within(_ operation: Operator, keepsEquals: Bool) -> String {
        guard let last else { return text }
        let isLooser = operation.bindsTightly && !last.bindsTightly
        let isEqual = operation.bindsTightly == last.bindsTightly
        return isLooser || (keepsEquals && isEqual) ? "(\(text))" : text
    }

    /// Joins the numbers by random operators in random order; nil where a value leaves 1 to `limit` on the way.
    static func draw(_ numbers: [Int], limit: Int, _ random: inout SplitMix64) -> DrawnExpression? {
        var parts = numbers.map(DrawnExpression.init)
        while parts.count > 1 {
            let left = parts.remove(at: random.next(below: parts.count))
            let right = parts.remove(at: random.next(below: parts.count))
            let operation = Operator.allCases[random.next(below: Operator.allCases.count)]
            guard let joined = DrawnExpression(operation, left, right, limit: limit) else { return nil }
            parts.append(joined)
        }
        return parts.first
    }
}

extension Operator {
    /// As the generator writes it.
    fileprivate var text: String {
        switch self {
        case .plus: "+"
        case .minus: "-"
        case .times: "*"
        case .over: "/"
        }
    }
}
