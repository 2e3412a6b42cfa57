enum TemplateFilters {
    static let names: Set<String> = [
        "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "indent", "int", "items", "join", "last",
        "length",
        "list", "lower", "map", "reject", "rejectattr", "replace", "reverse", "safe", "select", "selectattr", "string", "tojson",
        "trim", "upper",
    ]
}

extension Interpreter {
    func filter(
        _ value: TemplateValue, _ name: String, _ arguments: Arguments, _ scope: TemplateScope, _ line: Int
    ) throws -> TemplateValue {
        let evaluated = try given(arguments, scope)
        return try filter(value, name, CallArguments(positional: evaluated.positional, named: evaluated.named, line: line))
    }

    func filter(_ value: TemplateValue, _ name: String, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        func text() throws -> Text {
            if case .markup = value { throw TemplateFault.outside(line, "the filter '\(name)' of a string marked by 'safe'") }
            return try TemplateWriter.text(value, budget, line)
        }
        func nothing() throws { _ = try given.matched("filter '\(name)'", []) }
        switch name {
        case "trim":
            let set = try given.matched("filter 'trim'", ["chars"])["chars"]
            return .text(try strip(text(), set, left: true, right: true, line))
        case "upper": return .text(try text().uppercased)
        case "lower": return .text(try text().lowercased)
        case "capitalize": return .text(try text().capitalized)
        case "string":
            if case .markup = value { return value }
            return .text(try text())
        case "safe": return .markup(try TemplateWriter.text(value, budget, line))
        case "replace": return .text(try replace(text(), given.matched("filter 'replace'", ["old", "new", "count"]), line))
        case "indent": return .text(try indent(text(), given))
        case "length", "count":
            try nothing()
            return .int(try length(value, line))
        case "default", "d":
            let values = try given.matched("filter 'default'", ["default_value", "boolean"])
            let isMissing = value.isUndefined || (values["boolean"]?.isTrue ?? false) && !value.isTrue
            return isMissing ? values["default_value"] ?? .text([]) : value
        case "first", "last":
            try nothing()
            let items = try items(value, line)
            return (name == "first" ? items.first : items.last) ?? .undefined("the \(name) item of an empty list")
        case "list":
            try nothing()
            return .items(try items(value, line))
        case "reverse":
            try nothing()
            if case .text(let text) = value { return .text(text.reversed()) }
            return .items(try items(value, line).reversed())
        case "join":
            let values = try given.matched("filter 'join'", ["d", "attribute"])
            var items = try items(value, line)
            if let attribute = values["attribute"] { items = try items.map { try path(attribute, of: $0, line) } }
            if items.contains(where: { if case .markup = $0 { true } else { false } }) {
                throw TemplateFault.outside(line, "'join' of strings marked by 'safe'")
            }
            let separator = try values["d"].map { try TemplateWriter.text($0, budget, line) } ?? []
            return try join(items.map { try TemplateWriter.text($0, budget, line) }, separator, line)
        case "items":
            try nothing()
            if case .map(let map) = value { return Self.items(of: map) }
            if value.isUndefined { return .items([]) }
            throw TemplateFault(line, "filter 'items' needs a mapping, found \(value.kind)")
        case "dictsort": return try sorted(value, given)
        case "tojson": return .text(try json(value, given))
        case "int", "float", "abs": return try number(value, name, given)
        case "map": return try mapped(value, given)
        default: return try selected(value, name, given)
        }
    }

    private func length(_ value: TemplateValue, _ line: Int) throws -> Int {
        switch value {
        case .undefined: return 0
        case .text(let text), .markup(let text): return text.count
        case .list(let list): return list.items.count
        case .map(let map): return map.keys.count
        default: throw TemplateFault(line, "\(value.kind) has no length")
        }
    }

    private func indent(_ text: Text, _ given: CallArguments) throws -> Text {
        let line = given.line
        let values = try given.matched("filter 'indent'", ["width", "first", "blank"])
        let margin: Text
        switch values["width"] ?? .int(4) {
        case .text(let text): margin = text
        case let width:
            let count = try width.whole("the width of 'indent'", line)
            try budget.grow(max(0, count), line)
            margin = Array(repeating: " ", count: max(0, count))
        }
        let lines = text.last?.endsPythonLine == true ? text.lines() + [[]] : text.lines()
        let blank = values["blank"]?.isTrue ?? false
        let (size, overflow) = lines.count.multipliedReportingOverflow(by: margin.count)
        try budget.grow(overflow ? .max : size + text.count, line)
        let indented = lines.enumerated().map { index, line in index > 0 && (blank || !line.isEmpty) ? margin + line : line }
        return (values["first"]?.isTrue == true ? margin : []) + Text(indented.joined(separator: ["\n"]))
    }

    private func json(_ value: TemplateValue, _ given: CallArguments) throws -> Text {
        let line = given.line
        let values = try given.matched("filter 'tojson'", ["ensure_ascii", "indent", "separators", "sort_keys"])
        var style = TemplateWriter.JSONStyle(between: Text(", "), afterKey: Text(": "))
        if let indent = values["indent"], !indent.isNone {
            switch indent {
            case .text(let text): style.indent = text
            default:
                style.indent = Array(repeating: " ", count: min(64, max(0, try indent.whole("the indent of 'tojson'", line))))
            }
            style.between = [","]
        }
        if let separators = values["separators"], !separators.isNone {
            let parts = try items(separators, line)
            guard parts.count == 2 else {
                throw TemplateFault(line, "the separators of 'tojson' are \(parts.count); expected two")
            }
            style.between = try parts[0].text("a separator of 'tojson'", line)
            style.afterKey = try parts[1].text("a separator of 'tojson'", line)
        }
        style.ascii = values["ensure_ascii"]?.isTrue ?? false
        style.sortKeys = values["sort_keys"]?.isTrue ?? false
        return try TemplateWriter.json(value, style, budget, line)
    }

    private func sorted(_ value: TemplateValue, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        let values = try given.matched("filter 'dictsort'", ["case_sensitive", "by", "reverse"])
        guard case .map(let map) = value else {
            throw TemplateFault(line, "filter 'dictsort' needs a mapping, found \(value.kind)")
        }
        if let by = values["by"], case .text(let text) = by, text.string != "key" {
            throw TemplateFault.outside(line, "'dictsort' by anything but the key")
        }
        let exact = values["case_sensitive"]?.isTrue ?? false
        func key(_ text: Text) -> Text { exact ? text : text.lowercased }
        // Equal keys keep their order, also in reverse, as Python's sort has it.
        let ascending = !(values["reverse"]?.isTrue ?? false)
        let pairs = map.pairs.map { (key($0.key), $0) }.enumerated().sorted { a, b in
            if a.element.0 == b.element.0 { return a.offset < b.offset }
            return a.element.0.lexicographicallyPrecedes(b.element.0) == ascending
        }
        return .items(pairs.map { .list(TemplateList([.text($0.element.1.key), $0.element.1.value], isTuple: true)) })
    }

    private func number(_ value: TemplateValue, _ name: String, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        if name == "abs" {
            _ = try given.matched("filter 'abs'", [])
            if let whole = value.whole, whole != .min { return .int(abs(whole)) }
            guard let number = value.number else { throw TemplateFault(line, "filter 'abs' needs a number, found \(value.kind)") }
            return .float(abs(number))
        }
        let standard = try given.matched("filter '\(name)'", ["default"])["default"]
        let parsed: Double? = if case .text(let text) = value { Double(text.stripped().string) } else { value.number }
        if name == "float" { return parsed.map(TemplateValue.float) ?? standard ?? .float(0) }
        if let whole = value.whole { return .int(whole) }
        if case .text(let text) = value, let whole = Int(text.stripped().string) { return .int(whole) }
        return parsed.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map(TemplateValue.int) ?? standard ?? .int(0)
    }

    // MARK: - Lists by items

    /// The part of a value that a dotted path such as `function.name` names.
    private func path(_ path: TemplateValue, of value: TemplateValue, _ line: Int) throws -> TemplateValue {
        if path.whole != nil { return try item(value, path, line) }
        return try path.text("an attribute's name", line).split(at: ["."]).reduce(value) { value, part in
            if value.isUndefined { return value }
            return try item(value, Int(part.string).map(TemplateValue.int) ?? .text(part), line)
        }
    }

    private func mapped(_ value: TemplateValue, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        let items = try items(value, line)
        if let attribute = given.named["attribute"] {
            let values = try given.matched("filter 'map'", ["attribute", "default"])
            return .items(
                try items.map { item in
                    let found = try path(attribute, of: item, line)
                    return found.isUndefined ? values["default"] ?? found : found
                })
        }
        guard let name = try given.positional.first?.text("the filter of 'map'", line).string else {
            throw TemplateFault(line, "filter 'map' needs the name of a filter, or attribute='…'")
        }
        guard TemplateFilters.names.contains(name) else { throw TemplateFault.outside(line, "the filter '\(name)'") }
        let rest = CallArguments(positional: Array(given.positional.dropFirst()), named: given.named, line: line)
        return .items(
            try items.map {
                try budget.spend(1, line)
                return try filter($0, name, rest)
            })
    }

    /// `select`, `reject`, `selectattr`, `rejectattr`.
    private func selected(_ value: TemplateValue, _ name: String, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        var rest = given.positional[...]
        var attribute: TemplateValue?
        if name.hasSuffix("attr") {
            guard let first = rest.popFirst() else { throw TemplateFault(line, "filter '\(name)' needs an attribute's name") }
            attribute = first
        }
        var test: String?
        if let first = rest.popFirst() {
            let found = try first.text("the test of '\(name)'", line).string
            test = ["==": "eq", "equalto": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"][found] ?? found
            guard let test, TemplateTests.names.contains(test) else { throw TemplateFault.outside(line, "the test '\(found)'") }
        }
        let arguments = CallArguments(positional: Array(rest), named: given.named, line: line)
        let wanted = name.hasPrefix("select")
        return .items(
            try items(value, line).filter { item in
                try budget.spend(1, line)
                let part = try attribute.map { try path($0, of: item, line) } ?? item
                return try (test.map { try self.test(part, $0, arguments, line) } ?? part.isTrue) == wanted
            })
    }
}
