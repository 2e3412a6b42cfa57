// Precedence from weak to strong, as in Jinja: `if else`, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, signs, and then
// what follows a value: `.name`, `[…]`, `(…)`, filters and tests.
extension TemplateParser {
    mutating func expression(withCondition: Bool = true) throws(TemplateFault) -> Expression {
        try nested { parser throws(TemplateFault) in
            var result = try parser.either()
            while withCondition, case let line = parser.line, parser.take(.name("if")) {
                let test = try parser.either()
                let otherwise = parser.take(.name("else")) ? try parser.expression() : nil
                result = try parser.bounded(.condition(test, then: result, else: otherwise), line)
            }
            return result
        }
    }

    /// A link of a chain, such as `a + b + c`, which lies as deep as the chain is long: walking it must not run out of the stack.
    private func bounded(_ kind: Expression.Kind, _ line: Int) throws(TemplateFault) -> Expression {
        let expression = Expression(kind: kind, line: line)
        guard expression.depth <= TemplateBudget.deepest else {
            throw TemplateFault(
                line, "more than \(TemplateBudget.deepest) operators follow one another; set a part of them to a name")
        }
        return expression
    }

    /// One expression, or several with commas between them.
    mutating func tuple(withCondition: Bool = true) throws(TemplateFault) -> Expression {
        let line = line
        let first = try expression(withCondition: withCondition)
        guard current == .symbol(",") else { return first }
        var items = [first]
        while take(.symbol(",")), startsExpression { items.append(try expression(withCondition: withCondition)) }
        return Expression(kind: .list(items, isTuple: true), line: line)
    }

    private var startsExpression: Bool {
        switch current {
        case .name(let name): !["if", "else", "in", "recursive"].contains(name)
        case .string, .integer, .float: true
        case .symbol(let symbol): ["(", "[", "{", "-", "+"].contains(symbol)
        default: false
        }
    }

    private mutating func either() throws(TemplateFault) -> Expression {
        var left = try both()
        while case let line = line, take(.name("or")) { left = try bounded(.binary("or", left, try both()), line) }
        return left
    }

    private mutating func both() throws(TemplateFault) -> Expression {
        var left = try negation()
        while case let line = line, take(.name("and")) {
            left = try bounded(.binary("and", left, try negation()), line)
        }
        return left
    }

    private mutating func negation() throws(TemplateFault) -> Expression {
        let line = line
        guard take(.name("not")) else { return try comparison() }
        return Expression(
            kind: .not(try nested { parser throws(TemplateFault) in try parser.negation() }), line: line)
    }

    private mutating func comparison() throws(TemplateFault) -> Expression {
        let line = line
        let left = try sum()
        var others: [(sign: String, operand: Expression)] = []
        while true {
            if case .symbol(let symbol)? = current, ["==", "!=", "<", ">", "<=", ">="].contains(symbol) {
                position += 1
                others.append((symbol, try sum()))
            } else if take(.name("in")) {
                others.append(("in", try sum()))
            } else if current == .name("not"), following == .name("in") {
                position += 2
                others.append(("not in", try sum()))
            } else {
                return others.isEmpty ? left : Expression(kind: .compare(left, others), line: line)
            }
        }
    }

    private mutating func operators(
        _ symbols: [String], _ next: (inout Self) throws(TemplateFault) -> Expression
    ) throws(TemplateFault) -> Expression {
        var left = try next(&self)
        while case .symbol(let symbol)? = current, symbols.contains(symbol) {
            let line = line
            position += 1
            left = try bounded(.binary(symbol, left, try next(&self)), line)
        }
        return left
    }

    private mutating func sum() throws(TemplateFault) -> Expression {
        try operators(["+", "-"]) { p throws(TemplateFault) in
            try p.operators(["~"]) { p throws(TemplateFault) in
                try p.operators(["*", "/", "//", "%"]) { p throws(TemplateFault) in
                    try p.operators(["**"]) { p throws(TemplateFault) in try p.unary(withFilters: true) }
                }
            }
        }
    }

    private mutating func unary(withFilters: Bool) throws(TemplateFault) -> Expression {
        let line = line
        var value: Expression
        if take(.symbol("-")) {
            value = Expression(
                kind: .sign("-", try nested { p throws(TemplateFault) in try p.unary(withFilters: false) }), line: line)
        } else if take(.symbol("+")) {
            value = Expression(
                kind: .sign("+", try nested { p throws(TemplateFault) in try p.unary(withFilters: false) }), line: line)
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return withFilters ? try filters(value) : value
    }

    private mutating func primary() throws(TemplateFault) -> Expression {
        let line = line
        func constant(_ value: TemplateValue) -> Expression { Expression(kind: .constant(value), line: line) }
        switch current {
        case .name(let name):
            position += 1
            switch name {
            case "true", "True": return constant(.bool(true))
            case "false", "False": return constant(.bool(false))
            case "none", "None": return constant(.none)
            default: return Expression(kind: .name(name), line: line)
            }
        case .string(var text):
            position += 1
            // Neighbouring strings are one.
            while case .string(let more)? = current {
                text += more
                position += 1
            }
            return constant(.text(text))
        case .integer(let value):
            position += 1
            return constant(.int(value))
        case .float(let value):
            position += 1
            return constant(.float(value))
        case .symbol("("):
            position += 1
            if take(.symbol(")")) { return Expression(kind: .list([], isTuple: true), line: line) }
            let value = try tuple()
            try expect(.symbol(")"), "an operator or ')'")
            return value
        case .symbol("["):
            position += 1
            return Expression(
                kind: .list(try items(until: "]") { p throws(TemplateFault) in try p.expression() }, isTuple: false), line: line)
        case .symbol("{"):
            position += 1
            let entries = try items(until: "}") { p throws(TemplateFault) -> (key: Expression, value: Expression) in
                let key = try p.expression()
                try p.expect(.symbol(":"), "':'")
                return (key, try p.expression())
            }
            return Expression(kind: .map(entries), line: line)
        default: throw unexpected("an expression")
        }
    }

    /// Items with commas between them, also after the last one, up to a closing sign.
    private mutating func items<T>(
        until end: String, _ item: (inout Self) throws(TemplateFault) -> T
    ) throws(TemplateFault) -> [T] {
        var result: [T] = []
        while !take(.symbol(end)) {
            if !result.isEmpty {
                try expect(.symbol(","), "',' or '\(end)'")
                if take(.symbol(end)) { break }
            }
            result.append(try item(&self))
        }
        return result
    }

    private mutating func postfix(_ value: Expression) throws(TemplateFault) -> Expression {
        var value = value
        while true {
            let line = line
            if take(.symbol(".")) {
                if case .integer(let index)? = current {
                    position += 1
                    value = try bounded(.item(value, Expression(kind: .constant(.int(index)), line: line)), line)
                } else {
                    value = try bounded(.attribute(value, try name("a name after '.'")), line)
                }
            } else if take(.symbol("[")) {
                value = try subscripted(value, line)
            } else if current == .symbol("(") {
                value = try bounded(.call(value, try arguments()), line)
            } else {
                return value
            }
        }
    }

    private mutating func subscripted(_ value: Expression, _ line: Int) throws(TemplateFault) -> Expression {
        func isBound(_ token: TemplateToken?) -> Bool { token != .symbol(":") && token != .symbol("]") }
        let from = current == .symbol(":") ? nil : try expression()
        guard take(.symbol(":")) else {
            guard let from else { throw unexpected("an index") }
            if current == .symbol(",") { throw .outside(line, "an index of several values") }
            try expect(.symbol("]"), "']'")
            return try bounded(.item(value, from), line)
        }
        let to = isBound(current) ? try expression() : nil
        let by = take(.symbol(":")) && isBound(current) ? try expression() : nil
        try expect(.symbol("]"), "']'")
        return try bounded(.slice(value, from, to, by), line)
    }

    private mutating func filters(_ value: Expression) throws(TemplateFault) -> Expression {
        var value = value
        while true {
            let line = line
            if take(.symbol("|")) {
                let name = try name("the name of a filter")
                guard TemplateFilters.names.contains(name) else { throw .outside(line, "the filter '\(name)'") }
                value = try bounded(.filter(value, name, try arguments()), line)
            } else if take(.name("is")) {
                value = try test(value, line)
            } else if current == .symbol("(") {
                value = try bounded(.call(value, try arguments()), line)
            } else {
                return value
            }
        }
    }

    private mutating func test(_ value: Expression, _ line: Int) throws(TemplateFault) -> Expression {
        let negated = take(.name("not"))
        var name = try name("the name of a test")
        name = ["==": "eq"][name] ?? name
        guard TemplateTests.names.contains(name) else { throw .outside(line, "the test '\(name)'") }
        var given = Arguments()
        switch current {
        case .symbol("("): given = try arguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw TemplateFault(self.line, "tests with 'is' cannot follow one another")
        case .name, .string, .integer, .float, .symbol("["), .symbol("{"): given.positional = [try postfix(primary())]
        default: break
        }
        return try bounded(.test(value, name, given, negated: negated), line)
    }

    /// What stands in parentheses here, if anything does.
    mutating func arguments() throws(TemplateFault) -> Arguments {
        var result = Arguments()
        guard take(.symbol("(")) else { return result }
        _ = try items(until: ")") { p throws(TemplateFault) in
            if case .symbol("*")? = p.current { throw .outside(p.line, "'*' before an argument") }
            if case .symbol("**")? = p.current { throw .outside(p.line, "'**' before an argument") }
            if case .name(let name)? = p.current, p.following == .symbol("=") {
                p.position += 2
                result.named.append((name, try p.expression()))
            } else if result.named.isEmpty {
                result.positional.append(try p.expression())
            } else {
                throw TemplateFault(p.line, "an argument without a name follows one with a name")
            }
        }
        return result
    }
}
