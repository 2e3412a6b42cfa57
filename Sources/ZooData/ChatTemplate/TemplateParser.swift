/// Reads a template's tokens into statements.
struct TemplateParser {
    /// Statements and parentheses within one another.
    static let deepest = 60

    var tokens: [LocatedToken]
    var position = 0
    private var depth = 0
    private var loops = 0

    static func parse(_ source: String) throws(TemplateFault) -> [Statement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        let statements = try parser.statements(until: [])
        return statements
    }

    private init(tokens: [LocatedToken]) { self.tokens = tokens }

    // MARK: - Tokens

    var line: Int { position < tokens.count ? tokens[position].line : tokens.last?.line ?? 1 }
    var current: TemplateToken? { position < tokens.count ? tokens[position].token : nil }
    var following: TemplateToken? { position + 1 < tokens.count ? tokens[position + 1].token : nil }

    mutating func take(_ token: TemplateToken) -> Bool {
        guard current == token else { return false }
        position += 1
        return true
    }

    mutating func expect(_ token: TemplateToken, _ words: String) throws(TemplateFault) {
        guard take(token) else { throw unexpected(words) }
    }

    mutating func name(_ words: String) throws(TemplateFault) -> String {
        guard case .name(let name)? = current else { throw unexpected(words) }
        position += 1
        return name
    }

    func unexpected(_ words: String) -> TemplateFault {
        let found =
            switch current {
            case nil: "the end"
            case .data: "text"
            case .variableBegin: "'{{'"
            case .variableEnd: "'}}'"
            case .blockBegin: "'{%'"
            case .blockEnd: "'%}'"
            case .name(let name): "'\(name)'"
            case .string: "a string"
            case .integer, .float: "a number"
            case .symbol(let symbol): "'\(symbol)'"
            }
        return TemplateFault(line, "expected \(words), found \(found)")
    }

    /// Guards the stack against templates that nest without end.
    mutating func nested<T>(_ body: (inout Self) throws(TemplateFault) -> T) throws(TemplateFault) -> T {
        guard depth < Self.deepest else { throw TemplateFault(line, "nested more than \(Self.deepest) deep") }
        depth += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    // MARK: - Statements

    /// Statements up to a tag named in `ends`, whose name is taken; without names, up to the end.
    private mutating func statements(until ends: [String]) throws(TemplateFault) -> [Statement] {
        var result: [Statement] = []
        let begin = line
        while let token = current {
            let line = line
            position += 1
            switch token {
            case .data(let text): result.append(Statement(kind: .text(text), line: line))
            case .variableBegin:
                let value = try tuple()
                try expect(.variableEnd, "an operator or '}}'")
                result.append(Statement(kind: .output(value), line: line))
            default:
                let word = try name("the name of a tag")
                if ends.contains(word) { return result }
                result.append(
                    Statement(kind: try nested { parser throws(TemplateFault) in try parser.statement(word, line) }, line: line))
            }
        }
        guard ends.isEmpty else {
            throw TemplateFault(begin, "expected '{% \(ends.last ?? "") %}' before the end of the template")
        }
        return result
    }

    /// The body of a tag, and the word that ended it.
    private mutating func body(until ends: [String]) throws(TemplateFault) -> (body: [Statement], end: String) {
        try expect(.blockEnd, "'%}'")
        let body = try statements(until: ends)
        guard case .name(let word) = tokens[position - 1].token else { throw unexpected("a tag") }
        return (body, word)
    }

    private mutating func endTag() throws(TemplateFault) { try expect(.blockEnd, "'%}'") }

    private mutating func statement(_ word: String, _ line: Int) throws(TemplateFault) -> Statement.Kind {
        switch word {
        case "if": return try condition()
        case "for": return try loop()
        case "set": return try set()
        case "macro": return try macro()
        case "generation":
            let body = try body(until: ["endgeneration"]).body
            try endTag()
            return .generation(body)
        case "break", "continue":
            guard loops > 0 else { throw TemplateFault(line, "'\(word)' is outside of a loop") }
            try endTag()
            return word == "break" ? .break : .continue
        case "call", "filter", "block", "extends", "include", "import", "from", "with", "autoescape", "raw", "do", "trans":
            throw .outside(line, "the tag '\(word)'")
        default: throw TemplateFault(line, "there is no tag '\(word)'")
        }
    }

    private mutating func condition() throws(TemplateFault) -> Statement.Kind {
        var branches: [(Expression, [Statement])] = []
        while true {
            let test = try tuple()
            let (body, end) = try body(until: ["elif", "else", "endif"])
            branches.append((test, body))
            if end == "elif" { continue }
            let otherwise = end == "else" ? try self.body(until: ["endif"]).body : []
            try endTag()
            return .condition(branches, otherwise: otherwise)
        }
    }

    private mutating func loop() throws(TemplateFault) -> Statement.Kind {
        let target = try target(isLoop: true)
        try expect(.name("in"), "'in'")
        let items = try tuple(withCondition: false)
        let condition = take(.name("if")) ? try expression() : nil
        if current == .name("recursive") { throw .outside(line, "'recursive' of a loop") }
        loops += 1
        var (body, end) = try body(until: ["else", "endfor"])
        loops -= 1
        var otherwise: [Statement] = []
        if end == "else" { (otherwise, end) = try self.body(until: ["endfor"]) }
        try endTag()
        return .loop(Loop(target: target, items: items, condition: condition, body: body, otherwise: otherwise))
    }

    /// Names with commas between them, or `namespace.name`.
    private mutating func target(isLoop: Bool = false) throws(TemplateFault) -> Target {
        var targets: [Target] = []
        var isTuple = false
        while true {
            if take(.symbol("(")) {
                targets.append(try nested { parser throws(TemplateFault) in try parser.target(isLoop: isLoop) })
                try expect(.symbol(")"), "')'")
            } else if case .name = current {
                targets.append(try singleTarget(isLoop: isLoop))
            } else {
                break
            }
            guard take(.symbol(",")) else { break }
            isTuple = true
        }
        guard let first = targets.first else { throw unexpected("a name") }
        return isTuple ? .tuple(targets) : first
    }

    private mutating func singleTarget(isLoop: Bool) throws(TemplateFault) -> Target {
        let name = try name("a name")
        if !isLoop, take(.symbol(".")) { return .attribute(name, try self.name("a name")) }
        if ["true", "false", "none", "True", "False", "None"].contains(name) {
            throw TemplateFault(line, "'\(name)' is a constant: nothing can be set to it")
        }
        return .name(name)
    }

    private mutating func set() throws(TemplateFault) -> Statement.Kind {
        let target = try target()
        if take(.symbol("=")) {
            let value = try tuple()
            try endTag()
            return .set(target, value)
        }
        guard case .name(let name) = target else { throw unexpected("'='") }
        var filters: [(name: String, arguments: Arguments, line: Int)] = []
        while take(.symbol("|")) {
            let line = line
            filters.append((try self.name("the name of a filter"), try arguments(), line))
        }
        let body = try body(until: ["endset"]).body
        try endTag()
        return .capture(name, body, filters: filters)
    }

    private mutating func macro() throws(TemplateFault) -> Statement.Kind {
        let name = try name("the macro's name")
        try expect(.symbol("("), "'('")
        var parameters: [(name: String, standard: Expression?)] = []
        while !take(.symbol(")")) {
            if !parameters.isEmpty { try expect(.symbol(","), "',' or ')'") }
            let parameter = try self.name("a parameter's name")
            parameters.append((parameter, take(.symbol("=")) ? try expression() : nil))
        }
        let enclosing = loops
        loops = 0
        let body = try body(until: ["endmacro"]).body
        loops = enclosing
        try endTag()
        return .macro(Macro(name: name, parameters: parameters, body: body))
    }
}
