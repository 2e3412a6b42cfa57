import Foundation

extension Interpreter {
    private func mismatch(_ sign: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int) -> TemplateFault {
        for value in [left, right] {
            if case .undefined(let words) = value { return TemplateFault(line, "'\(sign)' with something undefined: \(words)") }
        }
        return TemplateFault(line, "'\(sign)' does not go with \(left.kind) and \(right.kind)")
    }

    func signed(_ sign: String, _ value: TemplateValue, _ line: Int) throws -> TemplateValue {
        if let whole = value.whole, whole != .min { return .int(sign == "-" ? -whole : whole) }
        guard let number = value.number else { throw TemplateFault(line, "'\(sign)' does not go with \(value.kind)") }
        return .float(sign == "-" ? -number : number)
    }

    func arithmetic(_ sign: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int) throws -> TemplateValue {
        switch (sign, left, right) {
        case ("~", .markup, _), ("~", _, .markup): throw TemplateFault.outside(line, "'~' with a string marked by 'safe'")
        case ("~", _, _):
            return .text(try TemplateWriter.text(left, budget, line) + TemplateWriter.text(right, budget, line))
        case ("+", .text(let a), .text(let b)):
            try budget.grow(a.count + b.count, line)
            return .text(a + b)
        case ("+", .list(let a), .list(let b)) where a.isTuple == b.isTuple:
            return .list(TemplateList(a.items + b.items, isTuple: a.isTuple))
        case ("*", .text(let text), let other) where other.whole != nil: return .text(try repeated(text, other, line))
        case ("*", let other, .text(let text)) where other.whole != nil: return .text(try repeated(text, other, line))
        case ("*", .list(let list), let other) where other.whole != nil:
            return .list(TemplateList(try repeated(list.items, other, line), isTuple: list.isTuple))
        case ("%", .text, _): throw TemplateFault.outside(line, "'%' with a string")
        default: break
        }
        if let a = left.whole, let b = right.whole { return try whole(sign, a, b, line) }
        guard let a = left.number, let b = right.number else { throw mismatch(sign, left, right, line) }
        return .float(try number(sign, a, b, line))
    }

    private func repeated<T>(_ items: [T], _ times: TemplateValue, _ line: Int) throws -> [T] {
        let times = max(0, times.whole ?? 0)
        let (size, overflow) = items.count.multipliedReportingOverflow(by: times)
        try budget.grow(overflow ? .max : size, line)
        return size == 0 ? [] : Array(repeatElement(items, count: times).joined())
    }

    private func whole(_ sign: String, _ a: Int, _ b: Int, _ line: Int) throws -> TemplateValue {
        var result: (partialValue: Int, overflow: Bool)
        switch sign {
        case "+": result = a.addingReportingOverflow(b)
        case "-": result = a.subtractingReportingOverflow(b)
        case "*": result = a.multipliedReportingOverflow(by: b)
        case "//", "%":
            guard b != 0 else { throw TemplateFault(line, "division by zero") }
            // Python rounds down, and the remainder has the sign of the divisor.
            let remainder = a.remainderReportingOverflow(dividingBy: b).partialValue
            let turns = remainder != 0 && (remainder < 0) != (b < 0)
            if sign == "%" { return .int(turns ? remainder + b : remainder) }
            result = a.dividedReportingOverflow(by: b)
            if turns { result.partialValue -= 1 }
        case "**" where b >= 0:
            result = (1, false)
            for _ in 0..<min(b, 64) where !result.overflow { result = result.partialValue.multipliedReportingOverflow(by: a) }
            if b > 64, ![0, 1, -1].contains(a) { result.overflow = true }
            if a == -1 { result = (b % 2 == 0 ? 1 : -1, false) }
        default: return .float(try number(sign, Double(a), Double(b), line))
        }
        guard !result.overflow else { throw TemplateFault(line, "a number does not fit 64 bits") }
        return .int(result.partialValue)
    }

    private func number(_ sign: String, _ a: Double, _ b: Double, _ line: Int) throws -> Double {
        switch sign {
        case "+": return a + b
        case "-": return a - b
        case "*": return a * b
        case "**": return pow(a, b)
        default: break
        }
        guard b != 0 else { throw TemplateFault(line, "division by zero") }
        if sign == "/" { return a / b }
        let remainder = fmod(a, b)
        let turns = remainder != 0 && (remainder < 0) != (b < 0)
        if sign == "%" { return turns ? remainder + b : remainder }
        return (a / b).rounded(.down)
    }

    // MARK: - Comparisons

    func equal(_ left: TemplateValue, _ right: TemplateValue, _ line: Int) throws -> Bool {
        try left.equals(right) { try budget.spend(1, line) }
    }

    func compare(_ sign: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int) throws -> Bool {
        switch sign {
        case "==": return try equal(left, right, line)
        case "!=": return try !equal(left, right, line)
        case "in": return try contains(right, left, line)
        case "not in": return try !contains(right, left, line)
        default: break
        }
        if case .text(let a) = left, case .text(let b) = right {
            let order = a == b ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
            return holds(sign, order, 0)
        }
        if let a = left.whole, let b = right.whole { return holds(sign, a, b) }
        guard let a = left.number, let b = right.number else { throw mismatch(sign, left, right, line) }
        return holds(sign, a, b)
    }

    private func holds<T: Comparable>(_ sign: String, _ a: T, _ b: T) -> Bool {
        switch sign {
        case "<": a < b
        case "<=": a <= b
        case ">": a > b
        default: a >= b
        }
    }

    private func contains(_ whole: TemplateValue, _ part: TemplateValue, _ line: Int) throws -> Bool {
        switch (whole, part) {
        case (.undefined, _): return false
        case (.text(let text), .text(let part)):
            try budget.search(text, part, line)
            return text.position(of: part) != nil
        case (.list(let list), _):
            for item in list.items where try equal(item, part, line) { return true }
            return false
        case (.map(let map), .text(let key)): return map[key] != nil
        case (.map, _): return false
        default: throw mismatch("in", part, whole, line)
        }
    }
}
