import ZooBase
import ZooData

/// A mapping of a recipe. It remembers the keys that were read, and ``close()`` refuses all others.
package final class Section {
    let field: Field
    private let entries: [RecipeNode.Entry]
    private var known: [String] = []

    /// - Throws: ``RecipeError`` unless the field is a mapping.
    init(_ field: Field) throws {
        guard case .map(let entries) = field.node.content else {
            throw field.error("expected a mapping of keys, found \(field.node.found)")
        }
        self.field = field
        self.entries = entries
    }

    /// Reads a whole section: `body` asks for its keys, then unknown ones are refused.
    static func read<Value>(_ field: Field, _ body: (Section) throws -> Value) throws -> Value {
        let section = try Section(field)
        let value = try body(section)
        try section.close()
        return value
    }

    /// The keys in the recipe, in its order.
    var keys: [String] { entries.map(\.key) }

    func path(_ key: String) -> String { field.path.isEmpty ? key : "\(field.path).\(key)" }

    /// The field of a key; nil if it is left out or has no value.
    func field(_ key: String) -> Field? {
        known.append(key)
        guard let entry = entries.first(where: { $0.key == key }), entry.value.content != .scalar(.null) else { return nil }
        return Field(node: entry.value, path: path(key), reading: field.reading)
    }

    /// Whether the key is present without a value.
    func isNull(_ key: String) -> Bool { entries.contains { $0.key == key && $0.value.content == .scalar(.null) } }

    /// The value of a required key.
    func required<Value>(_ key: String, _ codec: Codec<Value>) throws -> Value {
        if let field = field(key) { return try codec.value(field) }
        let slip = nearest(key, among: keys.filter { !known.contains($0) }).map { "; '\($0)' is not a key here" } ?? ""
        throw field.error("expected the key '\(key)' (\(codec.words)), found none\(slip)")
    }

    /// The value of a key; nil if it is left out.
    func optional<Value>(_ key: String, _ codec: Codec<Value>) throws -> Value? {
        try field(key).map { try codec.value($0) }
    }

    /// The only key among `choices` that is present.
    func oneOf(_ choices: [String]) throws -> (key: String, field: Field) {
        let found = choices.compactMap { key in field(key).map { (key: key, field: $0) } }
        guard found.count == 1, let only = found.first else {
            if found.isEmpty, let former = keys.lazy.compactMap({ FormerNames.fix(self.path($0)) }).first {
                throw field.error(former)
            }
            let there = found.isEmpty ? keys : keys.filter(choices.contains)
            let names = there.isEmpty ? "none" : there.joined(separator: " and ")
            let meant = found.isEmpty ? keys.lazy.compactMap { nearest($0, among: choices) }.first : nil
            let fix = meant.map { "; did you mean '\($0)'?" } ?? ""
            throw field.error("expected one of \(choices.joined(separator: ", ")), found \(names)\(fix)")
        }
        return only
    }

    /// Refuses a name that occurs twice under `key`.
    func refuseTwice(_ names: [String], of key: String) throws {
        var seen: Set<String> = []
        guard let twice = names.first(where: { !seen.insert($0).inserted }) else { return }
        throw RecipeError(field.node.place, path: path(key), "'\(twice)' is listed twice; expected distinct names")
    }

    /// Refuses keys that were not read.
    func close() throws {
        guard let unknown = entries.first(where: { !known.contains($0.key) }) else { return }
        let path = path(unknown.key)
        if let former = FormerNames.fix(path) { throw RecipeError(unknown.place, path: path, former) }
        let fix =
            nearest(unknown.key, among: known).map { "did you mean '\($0)'?" } ?? "known are \(known.joined(separator: ", "))"
        throw RecipeError(unknown.place, path: path, "is not a key here; \(fix)")
    }
}
