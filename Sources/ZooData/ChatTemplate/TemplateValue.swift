/// A value in a template, with Python's meaning.
enum TemplateValue {
    /// Something undefined, with its description: it prints as nothing, is false and has no items; any other use is an error.
    case undefined(String)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(Text)
    /// Text that the filter `safe` has marked; it can be written and tested, and nothing else.
    case markup(Text)
    case list(TemplateList)
    case map(TemplateMap)
    case namespace(TemplateNamespace)
    case loop(LoopState)
    case method(TemplateMethod)
    case global(String)
    case macro(Macro, scope: TemplateScope)

    static func string(_ text: String) -> TemplateValue { .text(Text(text)) }
    static func items(_ items: [TemplateValue]) -> TemplateValue { .list(TemplateList(items)) }
}

/// A list or a tuple.
struct TemplateList {
    let items: [TemplateValue]
    let isTuple: Bool
    /// Lists and mappings within one another, this one included.
    let depth: Int

    init(_ items: [TemplateValue], isTuple: Bool = false) {
        self.items = items
        self.isTuple = isTuple
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    }
}

/// A mapping whose keys are texts, in the order in which they came.
struct TemplateMap {
    private(set) var keys: [Text] = []
    private var values: [Text: TemplateValue] = [:]
    private(set) var depth = 1

    subscript(key: Text) -> TemplateValue? { values[key] }
    subscript(key: String) -> TemplateValue? { values[Text(key)] }

    mutating func set(_ key: Text, _ value: TemplateValue) {
        if values.updateValue(value, forKey: key) == nil { keys.append(key) }
        depth = max(depth, 1 + value.depth)
    }

    var pairs: [(key: Text, value: TemplateValue)] { keys.map { ($0, values[$0] ?? .none) } }
}

final class TemplateNamespace {
    var values: [String: TemplateValue] = [:]
}

final class TemplateMethod {
    let receiver: TemplateValue
    let name: String

    init(_ receiver: TemplateValue, _ name: String) {
        self.receiver = receiver
        self.name = name
    }
}

/// The scopes of names; what is set in the body of a loop or macro is gone after it.
final class TemplateScope {
    var values: [String: TemplateValue]
    let parent: TemplateScope?

    init(_ values: [String: TemplateValue] = [:], in parent: TemplateScope? = nil) {
        self.values = values
        self.parent = parent
    }

    func value(of name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let here = scope {
            if let value = here.values[name] { return value }
            scope = here.parent
        }
        return nil
    }
}

/// The variable `loop`.
struct LoopState {
    var items: [TemplateValue]
    var index: Int

    func attribute(_ name: String) -> TemplateValue? {
        switch name {
        case "index": .int(index + 1)
        case "index0": .int(index)
        case "revindex": .int(items.count - index)
        case "revindex0": .int(items.count - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(index == items.count - 1)
        case "length": .int(items.count)
        case "previtem": index > 0 ? items[index - 1] : .undefined("there is no item before the first: 'loop.previtem'")
        case "nextitem":
            index + 1 < items.count ? items[index + 1] : .undefined("there is no item after the last: 'loop.nextitem'")
        default: nil
        }
    }
}

extension TemplateValue {
    var depth: Int {
        switch self {
        case .list(let list): list.depth
        case .map(let map): map.depth
        default: 0
        }
    }

    /// Whether `if` takes it as true.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .text(let text), .markup(let text): !text.isEmpty
        case .list(let list): !list.items.isEmpty
        case .map(let map): !map.keys.isEmpty
        case .namespace, .loop, .method, .global, .macro: true
        }
    }

    /// For error sentences.
    var kind: String {
        switch self {
        case .undefined: "undefined"
        case .none: "none"
        case .bool: "true or false"
        case .int: "a whole number"
        case .float: "a number"
        case .text: "a string"
        case .markup: "a string marked by 'safe'"
        case .list(let list): list.isTuple ? "a tuple" : "a list"
        case .map: "a mapping"
        case .namespace: "a namespace"
        case .loop: "'loop'"
        case .method, .global: "a function"
        case .macro: "a macro"
        }
    }

    /// The number, if Python would treat it as one: true is 1.
    var whole: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }
    var number: Double? { if case .float(let value) = self { value } else { whole.map(Double.init) } }
    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// Python's `==`.
    /// - Parameter spend: is called for each comparison and may throw.
    func equals(_ other: TemplateValue, spend: () throws -> Void) rethrows -> Bool {
        try spend()
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.text(let a), .text(let b)), (.markup(let a), .text(let b)), (.text(let a), .markup(let b)),
            (.markup(let a), .markup(let b)):
            return a == b
        case (.list(let a), .list(let b)):
            guard a.isTuple == b.isTuple, a.items.count == b.items.count else { return false }
            for (x, y) in zip(a.items, b.items) where try !x.equals(y, spend: spend) { return false }
            return true
        case (.map(let a), .map(let b)):
            guard a.keys.count == b.keys.count else { return false }
            for (key, value) in a.pairs {
                guard let other = b[key], try value.equals(other, spend: spend) else { return false }
            }
            return true
        case (.namespace(let a), .namespace(let b)): return a === b
        default:
            if let a = whole, let b = other.whole { return a == b }
            if let a = number, let b = other.number { return a == b }
            return false
        }
    }
}
