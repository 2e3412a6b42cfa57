enum TemplateTests {
    static let names: Set<String> = [
        "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "in", "integer",
        "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "string", "true",
        "undefined", "upper",
    ]
}

extension Interpreter {
    func test(_ value: TemplateValue, _ name: String, _ given: CallArguments, _ line: Int) throws -> Bool {
        func other() throws -> TemplateValue {
            guard let other = given.positional.first, given.positional.count == 1, given.named.isEmpty else {
                throw TemplateFault(line, "the test '\(name)' needs one value")
            }
            return other
        }
        switch name {
        case "eq", "equalto": return try equal(value, other(), line)
        case "ne": return try !equal(value, other(), line)
        case "lt": return try compare("<", value, other(), line)
        case "le": return try compare("<=", value, other(), line)
        case "gt": return try compare(">", value, other(), line)
        case "ge": return try compare(">=", value, other(), line)
        case "in": return try compare("in", value, other(), line)
        case "sameas":
            // What Python holds to be one object, of what a template can ask for.
            switch (value, try other()) {
            case (.none, .none): return true
            case (.bool(let a), .bool(let b)): return a == b
            case (.none, _), (_, .none), (.bool, _), (_, .bool): return false
            default: throw TemplateFault.outside(line, "'sameas' with anything but none, true and false")
            }
        case "divisibleby":
            let divisor = try other().whole("the divisor", line)
            guard divisor != 0 else { throw TemplateFault(line, "division by zero") }
            return try value.whole("what is divided", line).remainderReportingOverflow(dividingBy: divisor).partialValue == 0
        default: break
        }
        guard given.positional.isEmpty, given.named.isEmpty else {
            throw TemplateFault(line, "the test '\(name)' takes no value")
        }
        switch (name, value) {
        case ("defined", _): return !value.isUndefined
        case ("undefined", _): return value.isUndefined
        case ("none", _): return value.isNone
        case ("string", .text), ("string", .markup): return true
        case ("mapping", .map): return true
        // Python also goes through the items of what is undefined: there are none.
        case ("iterable", .text), ("iterable", .markup), ("iterable", .list), ("iterable", .map), ("iterable", .undefined):
            return true
        case ("sequence", .text), ("sequence", .markup), ("sequence", .list), ("sequence", .map), ("sequence", .undefined):
            return true
        case ("number", .int), ("number", .float), ("number", .bool): return true
        case ("integer", .int), ("float", .float), ("boolean", .bool): return true
        case ("true", .bool(let value)): return value
        case ("false", .bool(let value)): return !value
        case ("odd", _): return try abs(value.whole("what is tested for 'odd'", line) % 2) == 1
        case ("even", _): return try value.whole("what is tested for 'even'", line) % 2 == 0
        case ("callable", .method), ("callable", .global), ("callable", .macro): return true
        case ("upper", .text(let text)): return text.isAll(upper: true)
        case ("lower", .text(let text)): return text.isAll(upper: false)
        default: return false
        }
    }
}
