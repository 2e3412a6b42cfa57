/// Runs a template's statements.
final class Interpreter {
    let budget = TemplateBudget()
    let now: (String) -> String
    /// What was written so far; `set` blocks and macros write to their own.
    private var output: Text = []
    /// Ranges of `output` inside of `{% generation %}`.
    private(set) var generated: [Range<Int>] = []
    /// Captures that writing is inside of.
    private var captures = 0

    private enum Flow { case next, `break`, `continue` }

    /// - Parameter now: the time by a format, for `strftime_now`.
    init(now: @escaping (String) -> String) { self.now = now }

    func run(_ statements: [Statement], _ context: [String: TemplateValue]) throws -> Text {
        var globals: [String: TemplateValue] = [:]
        for name in Self.globals { globals[name] = .global(name) }
        let scope = TemplateScope(in: TemplateScope(globals.merging(context) { $1 }))
        _ = try execute(statements, scope)
        return output
    }

    private func write(_ text: Text, _ line: Int) throws {
        try budget.spend(1 + text.count / 4, line)
        try budget.grow(output.count + text.count, line)
        output += text
    }

    private func execute(_ statements: [Statement], _ scope: TemplateScope) throws -> Flow {
        for statement in statements {
            let flow = try budget.deeper(statement.line) { try execute(statement, scope) }
            if flow != .next { return flow }
        }
        return .next
    }

    private func execute(_ statement: Statement, _ scope: TemplateScope) throws -> Flow {
        let line = statement.line
        try budget.spend(1, line)
        switch statement.kind {
        case .text(let text): try write(text, line)
        case .output(let expression): try write(TemplateWriter.text(evaluate(expression, scope), budget, line), line)
        case .condition(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, scope).isTrue { return try execute(branch.body, scope) }
            return try execute(otherwise, scope)
        case .loop(let loop): try execute(loop, scope, line)
        case .set(let target, let expression): try assign(target, evaluate(expression, scope), scope, line)
        case .capture(let name, let body, let filters):
            var value = TemplateValue.text(try capture(line) { _ = try execute(body, TemplateScope(in: scope)) })
            for filter in filters { value = try self.filter(value, filter.name, filter.arguments, scope, filter.line) }
            scope.values[name] = value
        case .macro(let macro): scope.values[macro.name] = .macro(macro, scope: scope)
        case .generation(let body):
            let start = output.count
            guard captures == 0 else {
                throw TemplateFault.outside(line, "'generation' in a macro or a 'set' block")
            }
            let flow = try execute(body, TemplateScope(in: scope))
            generated.append(start..<output.count)
            return flow
        case .break: return .break
        case .continue: return .continue
        }
        return .next
    }

    /// What `body` writes.
    private func capture(_ line: Int, _ body: () throws -> Void) throws -> Text {
        let outer = output
        output = []
        captures += 1
        defer {
            captures -= 1
            output = outer
        }
        try body()
        return output
    }

    private func execute(_ loop: Loop, _ scope: TemplateScope, _ line: Int) throws {
        var items = try self.items(evaluate(loop.items, scope), line)
        if let condition = loop.condition {
            items = try items.filter { item in
                let inner = TemplateScope(in: scope)
                try assign(loop.target, item, inner, line)
                return try evaluate(condition, inner).isTrue
            }
        }
        for index in items.indices {
            try budget.spend(1, line)
            let inner = TemplateScope(["loop": .loop(LoopState(items: items, index: index))], in: scope)
            try assign(loop.target, items[index], inner, line)
            if try execute(loop.body, inner) == .break { break }
        }
        if items.isEmpty { _ = try execute(loop.otherwise, TemplateScope(in: scope)) }
    }

    func assign(_ target: Target, _ value: TemplateValue, _ scope: TemplateScope, _ line: Int) throws {
        switch target {
        case .name(let name): scope.values[name] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace)? = scope.value(of: name) else {
                throw TemplateFault(line, "'\(name).\(attribute)' cannot be set: '\(name)' is not a namespace")
            }
            if case .namespace = value { throw TemplateFault.outside(line, "a namespace within a namespace") }
            namespace.values[attribute] = value
        case .tuple(let targets):
            let parts = try items(value, line)
            guard parts.count == targets.count else {
                throw TemplateFault(line, "\(targets.count) names are set to \(parts.count) values")
            }
            for (target, part) in zip(targets, parts) { try assign(target, part, scope, line) }
        }
    }

    /// What a loop goes through.
    func items(_ value: TemplateValue, _ line: Int) throws -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .list(let list): return list.items
        case .map(let map): return map.keys.map(TemplateValue.text)
        case .text(let text):
            try budget.spend(text.count, line)
            return text.map { .text([$0]) }
        default: throw TemplateFault(line, "\(value.kind) has no items")
        }
    }

    /// Calls a macro: its body sees the names where it was defined.
    func call(_ macro: Macro, _ scope: TemplateScope, _ given: CallArguments, _ line: Int) throws -> TemplateValue {
        let inner = TemplateScope(in: scope)
        guard given.positional.count <= macro.parameters.count else {
            throw TemplateFault(
                line, "macro '\(macro.name)' takes \(macro.parameters.count) arguments, found \(given.positional.count)")
        }
        for name in given.named.keys.sorted() where !macro.parameters.contains(where: { $0.name == name }) {
            throw TemplateFault(line, "macro '\(macro.name)' has no parameter '\(name)'")
        }
        for (index, parameter) in macro.parameters.enumerated() {
            if index < given.positional.count {
                inner.values[parameter.name] = given.positional[index]
            } else if let value = given.named[parameter.name] {
                inner.values[parameter.name] = value
            } else {
                inner.values[parameter.name] =
                    try parameter.standard.map { try evaluate($0, inner) }
                    ?? .undefined("parameter '\(parameter.name)' of macro '\(macro.name)' was not given")
            }
        }
        return .text(try capture(line) { _ = try execute(macro.body, inner) })
    }
}
