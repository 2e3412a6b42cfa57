/// Evaluates an expression in one pass from left to right with explicit stacks: nesting costs no call depth.
///
/// Source: Dijkstra's shunting-yard algorithm, "Algol 60 translation" (1961).
struct ExpressionReader {
    private enum Pending {
        case open
        case operation(Operator)
    }

    /// The given numbers that have not been used yet.
    private var unused: [Int]
    private var values: [Fraction] = []
    /// Operators and opening parentheses whose right side is still to come.
    private var pending: [Pending] = []

    init(_ numbers: [Int]) { unused = numbers }

    /// The value of a text that is an expression of all given numbers; nil if it is not, or divides by zero.
    consuming func value(of text: String) -> Fraction? {
        var expectsOperand = true
        let characters = text.unicodeScalars
        var place = characters.startIndex
        while place < characters.endIndex {
            let character = characters[place]
            if expectsOperand, let digit = Self.digit(character) {
                guard use(Self.numeral(in: characters, from: &place, first: digit)) else { return nil }
                expectsOperand = false
                continue
            }
            place = characters.index(after: place)
            switch character {
            case " ", "\t", "\n", "\r": continue
            case "(":
                guard expectsOperand else { return nil }
                pending.append(.open)
            case ")":
                guard !expectsOperand, close() else { return nil }
            default:
                guard !expectsOperand, let operation = Operator(character), push(operation) else { return nil }
                expectsOperand = true
            }
        }
        guard !expectsOperand, reduce(while: { _ in true }), pending.isEmpty, unused.isEmpty else { return nil }
        return values.last
    }

    private static func digit(_ character: Unicode.Scalar) -> Int? {
        "0"..."9" ~= character ? Int(character.value - ("0" as Unicode.Scalar).value) : nil
    }

    /// The number from `place` on, which is moved behind it; nil if it has a leading zero or more than 64 bits.
    private static func numeral(
        in characters: String.UnicodeScalarView, from place: inout String.UnicodeScalarView.Index, first: Int
    ) -> Int? {
        var number: Int? = first == 0 ? nil : 0
        while place < characters.endIndex, let digit = digit(characters[place]) {
            number = number.flatMap { number in
                let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
                let (sum, carry) = tens.addingReportingOverflow(digit)
                return overflow || carry ? nil : sum
            }
            place = characters.index(after: place)
        }
        return number
    }

    /// Uses one of the given numbers; false if it is not, or no longer, available.
    private mutating func use(_ number: Int?) -> Bool {
        guard let number, let index = unused.firstIndex(of: number) else { return false }
        unused.remove(at: index)
        values.append(Fraction(number))
        return true
    }

    private mutating func push(_ operation: Operator) -> Bool {
        guard reduce(while: { $0.bindsTightly || !operation.bindsTightly }) else { return false }
        pending.append(.operation(operation))
        return true
    }

    private mutating func close() -> Bool {
        guard reduce(while: { _ in true }), case .open? = pending.popLast() else { return false }
        return true
    }

    /// Applies the last operators, back to an opening parenthesis; false if one divides by zero.
    private mutating func reduce(while isDue: (Operator) -> Bool) -> Bool {
        while case .operation(let operation)? = pending.last, isDue(operation) {
            pending.removeLast()
            guard let right = values.popLast(), let left = values.popLast(),
                let value = Fraction.apply(operation, left, right)
            else { return false }
            values.append(value)
        }
        return true
    }
}
