import ZooBase

/// An expression as the generator draws it: every value on the way is a whole number from 1, as in the television game.
struct DrawnExpression: Sendable {
    private indirect enum Shape {
        case number
        case joined(Operator, DrawnExpression, DrawnExpression)
    }

    let value: Int
    private let shape: Shape

    private init(_ number: Int) { (value, shape) = (number, .number) }

    /// nil if the value is not a whole number from 1 to `limit`.
    private init?(_ operation: Operator, _ left: DrawnExpression, _ right: DrawnExpression, limit: Int) {
        let result = Fraction.apply(operation, Fraction(left.value), Fraction(right.value))
        guard let value = result?.whole, 1...limit ~= value else { return nil }
        (self.value, shape) = (value, .joined(operation, left, right))
    }

    /// Joins the numbers by random operators in random order; nil if a value leaves 1 to `limit` on the way.
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

    /// With no parentheses but those it needs: `3 * 7 + 8`, `8 - (7 - 3)`.
    var text: String {
        guard case .joined(let operation, let left, let right) = shape else { return "\(value)" }
        // On the right of − and ÷ an operator that binds no tighter would otherwise come too late.
        let isOrderSensitive = operation == .minus || operation == .over
        let a = left.text(within: operation, keepsEquals: false)
        let b = right.text(within: operation, keepsEquals: isOrderSensitive)
        return "\(a) \(operation.text) \(b)"
    }

    /// The text as an operand.
    private func text(within operation: Operator, keepsEquals: Bool) -> String {
        guard case .joined(let last, _, _) = shape else { return text }
        let isLooser = operation.bindsTightly && !last.bindsTightly
        let isEqual = operation.bindsTightly == last.bindsTightly
        return isLooser || (keepsEquals && isEqual) ? "(\(text))" : text
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
