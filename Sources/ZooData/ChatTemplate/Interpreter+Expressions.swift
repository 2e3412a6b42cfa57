import Foundation

extension Interpreter {
    func evaluate(_ expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        let line = expression.line
        try budget.spend(1, line)
        return try budget.deeper(line) { try budget.checked(compute(expression, scope), line) }
    }

    private func compute(_ expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        let line = expression.line
        switch expression.kind {
        case .constant(let value): return value
        case .name(let name): return scope.value(of: name) ?? .undefined("'\(name)' is not defined")
        case .list(let items, let isTuple):
            return .list(TemplateList(try items.map { try storable(evaluate($0, scope), line) }, isTuple: isTuple))
        case .map(let entries):
            var map = TemplateMap()
            for entry in entries {
                guard case .text(let key) = try evaluate(entry.key, scope) else {
                    throw TemplateFault.outside(line, "a mapping whose keys are not strings")
                }
                map.set(key, try storable(evaluate(entry.value, scope), line))
            }
            return .map(map)
        case .attribute(let value, let name): return try attribute(evaluate(value, scope), name, line)
        case .item(let value, let key): return try item(evaluate(value, scope), evaluate(key, scope), line)
        case .slice(let value, let from, let to, let by): return try slice(evaluate(value, scope), from, to, by, scope, line)
        case .call(let callee, let arguments): return try call(evaluate(callee, scope), given(arguments, scope), line)
        case .filter(let value, let name, let arguments): return try filter(evaluate(value, scope), name, arguments, scope, line)
        case .test(let value, let name, let arguments, let negated):
            return .bool(try test(evaluate(value, scope), name, given(arguments, scope), line) != negated)
        case .not(let value): return .bool(!(try evaluate(value, scope).isTrue))
        case .sign(let sign, let operand): return try signed(sign, evaluate(operand, scope), line)
        case .binary("or", let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? value : try evaluate(right, scope)
        case .binary("and", let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? try evaluate(right, scope) : value
        case .binary(let sign, let left, let right):
            return try arithmetic(sign, evaluate(left, scope), evaluate(right, scope), line)
        case .compare(let first, let others):
            var left = try evaluate(first, scope)
            for other in others {
                let right = try evaluate(other.operand, scope)
                guard try compare(other.sign, left, right, line) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .condition(let test, let then, let otherwise):
            if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
            return try otherwise.map { try evaluate($0, scope) } ?? .undefined("the condition is false, and there is no 'else'")
        }
    }

    /// A value that may stand in a list or mapping.
    private func storable(_ value: TemplateValue, _ line: Int) throws -> TemplateValue {
        switch value {
        case .namespace, .loop, .method, .macro: throw TemplateFault.outside(line, "\(value.kind) in a list or mapping")
        default: return value
        }
    }

    // MARK: - Parts of values

    private static let methods: [String: Set<String>] = [
        "map": ["get", "items", "keys", "values"],
        "text": [
            "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "upper", "lower",
            "title", "capitalize", "find", "count", "join", "isdigit", "isupper", "islower",
        ],
        "list": ["count", "index"],
    ]
    /// Python's methods that are not in the subset: they are refused rather than taken for missing keys.
    private static let others: [String: Set<String>] = [
        "map": ["clear", "copy", "fromkeys", "pop", "popitem", "setdefault", "update"],
        "text": [
            "casefold", "center", "encode", "expandtabs", "format", "format_map", "index", "isalnum", "isalpha", "isascii",
            "isdecimal",
            "isidentifier", "isnumeric", "isprintable", "isspace", "istitle", "ljust", "maketrans", "partition", "removeprefix",
            "removesuffix", "rfind", "rindex", "rjust", "rpartition", "swapcase", "translate", "zfill",
        ],
        "list": ["append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"],
    ]

    private func method(_ value: TemplateValue, _ name: String, _ line: Int) throws -> TemplateValue? {
        let kind =
            switch value {
            case .map: "map"
            case .text, .markup: "text"
            case .list: "list"
            default: ""
            }
        if name.hasPrefix("_") { throw TemplateFault.outside(line, "the attribute '\(name)'") }
        if Self.others[kind]?.contains(name) == true {
            throw TemplateFault.outside(line, "the method '\(name)' of \(value.kind)")
        }
        return Self.methods[kind]?.contains(name) == true ? .method(TemplateMethod(value, name)) : nil
    }

    /// `value.name`: a method before a key.
    func attribute(_ value: TemplateValue, _ name: String, _ line: Int) throws -> TemplateValue {
        switch value {
        case .undefined(let words): throw TemplateFault(line, "'.\(name)' of something undefined: \(words)")
        case .namespace(let namespace): return namespace.values[name] ?? .undefined("the namespace has no '\(name)'")
        case .loop(let state):
            if ["cycle", "changed", "depth", "depth0"].contains(name) { throw TemplateFault.outside(line, "'loop.\(name)'") }
            return state.attribute(name) ?? .undefined("'loop' has no '\(name)'")
        case .map(let map):
            if let method = try method(value, name, line) { return method }
            return map[name] ?? .undefined("the mapping has no '\(name)'")
        default: return try method(value, name, line) ?? .undefined("\(value.kind) has no '\(name)'")
        }
    }

    /// `value[key]`: a key before a method.
    func item(_ value: TemplateValue, _ key: TemplateValue, _ line: Int) throws -> TemplateValue {
        if case .undefined(let words) = value { throw TemplateFault(line, "an item of something undefined: \(words)") }
        if let index = key.whole {
            switch value {
            case .list(let list):
                let place = index < 0 ? index + list.items.count : index
                return list.items.indices.contains(place)
                    ? list.items[place] : .undefined("the list has \(list.items.count) items, and none at \(index)")
            case .text(let text):
                let place = index < 0 ? index + text.count : index
                return text.indices.contains(place) ? .text([text[place]]) : .undefined("the string has no character at \(index)")
            default: return .undefined("\(value.kind) has no item \(index)")
            }
        }
        guard case .text(let name) = key else { return .undefined("\(value.kind) has no item by \(key.kind)") }
        if case .map(let map) = value, let found = map[name] { return found }
        return try attribute(value, name.string, line)
    }

    private func slice(
        _ value: TemplateValue, _ from: Expression?, _ to: Expression?, _ by: Expression?, _ scope: TemplateScope, _ line: Int
    ) throws -> TemplateValue {
        func bound(_ expression: Expression?) throws -> Int? {
            guard let expression else { return nil }
            let value = try evaluate(expression, scope)
            if case .none = value { return nil }
            guard let whole = value.whole else {
                throw TemplateFault(line, "a slice's bound is \(value.kind); expected a whole number")
            }
            return whole
        }
        let (first, last, step) = (try bound(from), try bound(to), try bound(by) ?? 1)
        guard step != 0, step != .min else { throw TemplateFault(line, "a slice's step is 0") }
        func places(_ count: Int) -> [Int] {
            // Python's rule: bounds are clipped to the ends, which lie one further down for negative steps.
            let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
            func clip(_ bound: Int?, _ standard: Int) -> Int {
                guard let bound else { return standard }
                return min(max(bound < 0 ? max(bound, -count - 1) + count : bound, low), high)
            }
            let (start, stop) = (clip(first, step > 0 ? low : high), clip(last, step > 0 ? high : low))
            // A step beyond the ends gives one item at most, and must not overflow.
            return Array(stride(from: start, to: stop, by: min(max(step, -count - 1), count + 1)))
        }
        switch value {
        case .list(let list): return .list(TemplateList(places(list.items.count).map { list.items[$0] }, isTuple: list.isTuple))
        case .text(let text): return .text(places(text.count).map { text[$0] })
        case .undefined(let words): throw TemplateFault(line, "a slice of something undefined: \(words)")
        default: throw TemplateFault(line, "\(value.kind) cannot be sliced")
        }
    }
}
