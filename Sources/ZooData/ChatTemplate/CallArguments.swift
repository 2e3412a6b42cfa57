/// The values that a call was given.
struct CallArguments {
    let positional: [TemplateValue]
    let named: [String: TemplateValue]
    let line: Int

    /// The values by the names of the callee's parameters; those that were not given are left out.
    ///
    /// - Parameter names: in the order in which values without a name fill them.
    /// - Throws: if there are too many values, or one has an unknown name.
    func matched(_ callee: String, _ names: [String]) throws -> [String: TemplateValue] {
        guard positional.count <= names.count else {
            throw TemplateFault(line, "\(callee) takes \(names.count) arguments, found \(positional.count)")
        }
        var result = named
        for (name, value) in zip(names, positional) {
            guard result.updateValue(value, forKey: name) == nil else {
                throw TemplateFault(line, "\(callee) is given '\(name)' twice")
            }
        }
        for name in named.keys.sorted() where !names.contains(name) {
            throw TemplateFault.outside(line, "the argument '\(name)' of \(callee)")
        }
        return result
    }
}

extension TemplateValue {
    func text(_ what: String, _ line: Int) throws -> Text {
        guard case .text(let text) = self else { throw TemplateFault(line, "\(what) is \(kind); expected a string") }
        return text
    }

    func whole(_ what: String, _ line: Int) throws -> Int {
        guard let whole else { throw TemplateFault(line, "\(what) is \(kind); expected a whole number") }
        return whole
    }
}

extension Interpreter {
    /// The names that every template has.
    static let globals = ["range", "namespace", "dict", "raise_exception", "strftime_now"]
    /// Jinja's other ones.
    private static let others = ["lipsum", "cycler", "joiner"]

    func given(_ arguments: Arguments, _ scope: TemplateScope) throws -> CallArguments {
        let line = (arguments.positional.first ?? arguments.named.first?.value)?.line ?? 0
        var named: [String: TemplateValue] = [:]
        for (name, value) in arguments.named { named[name] = try evaluate(value, scope) }
        return CallArguments(positional: try arguments.positional.map { try evaluate($0, scope) }, named: named, line: line)
    }

    func call(_ callee: TemplateValue, _ given: CallArguments, _ line: Int) throws -> TemplateValue {
        let given = CallArguments(positional: given.positional, named: given.named, line: line)
        switch callee {
        case .macro(let macro, let scope): return try call(macro, scope, given, line)
        case .method(let method): return try call(method, given)
        case .global(let name): return try global(name, given)
        case .undefined(let words):
            if let other = Self.others.first(where: { words == "'\($0)' is not defined" }) {
                throw TemplateFault.outside(line, "the function '\(other)'")
            }
            throw TemplateFault(line, "a call of something undefined: \(words)")
        default: throw TemplateFault(line, "\(callee.kind) cannot be called")
        }
    }

    private func global(_ name: String, _ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        switch name {
        case "raise_exception":
            let message = try given.matched(name, ["message"])["message"] ?? .text([])
            throw TemplateFault(
                line, "the template refuses the conversation: \(try TemplateWriter.text(message, budget, line).string)")
        case "strftime_now":
            guard let format = try given.matched(name, ["format"])["format"] else {
                throw TemplateFault(line, "strftime_now needs a format")
            }
            return .string(try now(format.text("the format of strftime_now", line).string))
        case "namespace":
            let namespace = TemplateNamespace()
            if let first = given.positional.first {
                guard case .map(let map) = first, given.positional.count == 1 else {
                    throw TemplateFault.outside(line, "'namespace' of anything but a mapping and names")
                }
                for pair in map.pairs { namespace.values[pair.key.string] = pair.value }
            }
            for (name, value) in given.named {
                if case .namespace = value { throw TemplateFault.outside(line, "a namespace within a namespace") }
                namespace.values[name] = value
            }
            return .namespace(namespace)
        case "dict":
            guard given.positional.isEmpty else { throw TemplateFault.outside(line, "'dict' of anything but names") }
            var map = TemplateMap()
            for name in given.named.keys.sorted() { if let value = given.named[name] { map.set(Text(name), value) } }
            guard map.keys.count < 2 else { throw TemplateFault.outside(line, "'dict' of several names; write {…}") }
            return .map(map)
        default: return try range(given)
        }
    }

    private func range(_ given: CallArguments) throws -> TemplateValue {
        let line = given.line
        guard given.named.isEmpty, 1...3 ~= given.positional.count else {
            throw TemplateFault(line, "range takes 1 to 3 numbers")
        }
        let numbers = try given.positional.map { try $0.whole("an argument of range", line) }
        let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
        let step = numbers.count == 3 ? numbers[2] : 1
        guard step != 0, step != .min else { throw TemplateFault(line, "range has the step 0") }
        let (distance, overflow) = stop.subtractingReportingOverflow(start)
        guard !overflow, abs(distance / step) < TemplateBudget.range else {
            throw TemplateFault(line, "range has more than \(TemplateBudget.range) items")
        }
        return .items(stride(from: start, to: stop, by: step).map(TemplateValue.int))
    }
}
