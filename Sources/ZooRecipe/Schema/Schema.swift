/// All keys of a mapping that becomes a value: it is read, written and described key by key.
package struct Schema<Whole: Sendable>: Sendable {
    /// For errors: `expected the sampler's settings`.
    let words: String
    /// The value if no key is given. Required keys have placeholders in it.
    let blank: Whole
    let keys: [Key<Whole>]
    /// What keys must satisfy together, after all are read.
    let check: @Sendable (inout Whole, Section) throws -> Void

    init(
        _ words: String, blank: Whole, @KeyList<Whole> _ keys: () -> [Key<Whole>],
        check: @escaping @Sendable (inout Whole, Section) throws -> Void = { _, _ in }
    ) {
        (self.words, self.blank, self.check) = (words, blank, check)
        self.keys = keys().map { key in
            let standards = Dictionary(uniqueKeysWithValues: key.write(blank).map { ($0.key, $0.node) })
            var key = key
            for index in key.keys.indices where !key.keys[index].isRequired && key.keys[index].standard == nil {
                key.keys[index].standard = standards[key.keys[index].name]??.standard
            }
            return key
        }
    }

    var shape: Shape { .keys(keys.map(\.keys)) }

    /// A mapping as a value.
    var codec: Codec<Whole> { codec(from: blank) }

    /// A mapping as a value; what it leaves out is as in `start`.
    func codec(from start: Whole) -> Codec<Whole> {
        Codec(words, shape) { field in
            guard case .map = field.node.content else { return nil }
            return try Section.read(field) { try value($0, from: start) }
        } write: {
            node($0)
        }
    }

    /// The value of a section, whose unknown keys are left to ``Section/close()``.
    func value(_ section: Section, from start: Whole) throws -> Whole {
        var whole = start
        for key in keys { try key.read(&whole, section) }
        try check(&whole, section)
        return whole
    }

    func node(_ value: Whole) -> RecipeNode { .map(keys.flatMap { $0.write(value) }) }
}

/// The list of a mapping's keys, one a line.
@resultBuilder
package enum KeyList<Whole: Sendable> {
    package static func buildExpression(_ key: Key<Whole>) -> [Key<Whole>] { [key] }
    package static func buildExpression(_ keys: [Key<Whole>]) -> [Key<Whole>] { keys }
    package static func buildBlock(_ parts: [Key<Whole>]...) -> [Key<Whole>] { parts.flatMap(\.self) }
}

extension RecipeNode {
    /// As a default in a table; nil for mappings, whose keys have their own.
    fileprivate var standard: String? {
        if case .map = content { return nil }
        return json.yaml
    }

    /// Whether a key with this value says nothing.
    var isEmpty: Bool {
        switch content {
        case .scalar(.string(let text)): text.isEmpty
        case .scalar: false
        case .list(let items): items.isEmpty
        case .map(let entries): entries.isEmpty
        }
    }
}
