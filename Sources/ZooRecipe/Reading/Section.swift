import Foundation
import ZooBase
import ZooData
import ZooPlugins

/// A value of a recipe together with its dotted path.
struct Field {
    let node: RecipeNode
    let path: String

    func error(_ reason: String) -> RecipeError { RecipeError(node.place, path: path, reason) }
}

/// What a key may contain: its description for errors, and how to read it; nil means that it is something else.
struct Expectation<Value> {
    let words: String
    let read: (Field) throws -> Value?

    /// The field's value, or an error that says what was expected and found.
    func callAsFunction(_ field: Field) throws -> Value {
        guard let value = try read(field) else { throw field.error("expected \(words), found \(field.node.found)") }
        return value
    }
}

/// A mapping of a recipe. It remembers the keys that were read, and ``close()`` refuses all others.
final class Section {
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
        return Field(node: entry.value, path: path(key))
    }

    /// Whether the key is present without a value.
    func isNull(_ key: String) -> Bool { entries.contains { $0.key == key && $0.value.content == .scalar(.null) } }

    /// The value of a required key.
    func callAsFunction<Value>(_ key: String, _ expected: Expectation<Value>) throws -> Value {
        if let field = field(key) { return try expected(field) }
        let slip = nearest(key, among: keys.filter { !known.contains($0) }).map { "; '\($0)' is not a key here" } ?? ""
        throw field.error("expected the key '\(key)' (\(expected.words)), found none\(slip)")
    }

    /// The value of a key, or its default.
    func callAsFunction<Value>(_ key: String, _ expected: Expectation<Value>, else value: Value) throws -> Value {
        try field(key).map { try expected($0) } ?? value
    }

    /// The value of a key; nil if it is left out.
    func optional<Value>(_ key: String, _ expected: Expectation<Value>) throws -> Value? {
        try field(key).map { try expected($0) }
    }

    /// The only key among `choices` that is present.
    func oneOf(_ choices: [String]) throws -> Field {
        let found = choices.compactMap { field($0) }
        guard found.count == 1, let only = found.first else {
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
        let fix =
            nearest(unknown.key, among: known).map { "did you mean '\($0)'?" } ?? "known are \(known.joined(separator: ", "))"
        throw RecipeError(unknown.place, path: path(unknown.key), "is not a key here; \(fix)")
    }
}

// MARK: - Expectations

extension Expectation {
    /// Reads each element of a list.
    static func list<Element>(of element: Expectation<Element>) -> Expectation where Value == [Element] {
        Expectation(words: "a list, each \(element.words)") { field in
            guard case .list(let items) = field.node.content else { return nil }
            return try items.enumerated().map { try element(Field(node: $1, path: "\(field.path)[\($0)]")) }
        }
    }

    /// Reads a mapping by its keys.
    static func section(_ words: String, _ body: @escaping (Section) throws -> Value) -> Expectation {
        Expectation(words: words) { field in
            guard case .map = field.node.content else { return nil }
            return try Section.read(field, body)
        }
    }
}

extension Expectation where Value == String {
    static var text: Expectation { text("text") }

    static func text(_ words: String) -> Expectation {
        Expectation(words: words) { field in
            guard case .scalar(.string(let text)) = field.node.content, !text.isEmpty else { return nil }
            return text
        }
    }

    /// A name that can stand in paths and options.
    static var name: Expectation {
        Expectation(words: "a name of letters, digits, '-', '_', '.' and '@' that starts with a letter") { field in
            guard case .scalar(.string(let text)) = field.node.content, let first = text.unicodeScalars.first else { return nil }
            let allowed = text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.@".unicodeScalars.contains($0))
            }
            return allowed && first.properties.isAlphabetic ? text : nil
        }
    }

    /// The id of an algorithm that a plugin offers, alone or with a preset (`grpo@trl`); `known` are those there are, nil if they
    /// are not known.
    static func algorithm(among known: [String]?) -> Expectation {
        Expectation(words: "the id of an algorithm") { field in
            let text = try name(field)
            guard let known, !known.contains(text) else { return text }
            let name = AlgorithmName(text)
            guard !known.contains(name.id) else {
                let presets = known.map(AlgorithmName.init).filter { $0.id == name.id }.compactMap(\.preset)
                throw field.error(noPreset(name.preset ?? "", of: name.id, among: presets))
            }
            let fix = nearest(text, among: known).map { "did you mean '\($0)'?" } ?? "see `zoo plugins list`"
            throw field.error("no plugin offers the algorithm '\(name.id)'; \(fix)")
        }
    }

    /// One of a few words.
    static func choice(_ choices: [String]) -> Expectation {
        Expectation(words: choices.count == 1 ? "'\(choices[0])'" : "one of \(choices.joined(separator: ", "))") { field in
            guard case .scalar(.string(let text)) = field.node.content else { return nil }
            if choices.contains(text) { return text }
            guard let meant = nearest(text, among: choices) else { return nil }
            throw field.error("expected one of \(choices.joined(separator: ", ")), found '\(text)'; did you mean '\(meant)'?")
        }
    }
}

extension Expectation where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: Expectation {
        let words = Expectation<String>.choice(Value.allCases.map(\.rawValue))
        return Expectation(words: words.words) { try words.read($0).flatMap(Value.init(rawValue:)) }
    }
}

extension Expectation where Value == Double {
    /// A number that satisfies `condition`, which `words` describes: `a number > 0`.
    static func number(_ words: String, _ condition: @escaping (Double) -> Bool) -> Expectation {
        Expectation(words: words) { field in
            guard case .scalar(let value) = field.node.content, let number = value.number else { return nil }
            return condition(number) ? number : nil
        }
    }
    static func positive(from least: Double = 0, to most: Double) -> Expectation {
        bounded("a number > 0", from: least, to: most) { $0 > 0 }
    }
    static func fromZero(to most: Double) -> Expectation { bounded("a number >= 0", from: 0, to: most) { $0 >= 0 } }

    private static func bounded(
        _ words: String, from least: Double, to most: Double, _ condition: @escaping (Double) -> Bool
    ) -> Expectation {
        Expectation(words: words) { field in
            guard let number = try number(words, condition).read(field) else { return nil }
            guard (least...most).contains(number) else {
                let range = [least, most].map { JSONValue.number($0).yaml }.joined(separator: " to ")
                throw field.error("expected a number from \(range), found \(field.node.found)")
            }
            return number
        }
    }
    static var finite: Expectation { number("a number") { _ in true } }
    static func within(_ most: Double) -> Expectation {
        number("a number from \(JSONValue.number(-most).yaml) to \(JSONValue.number(most).yaml)") { abs($0) <= most }
    }
}

extension Expectation where Value: FixedWidthInteger {
    /// A whole number from `least` to `most`, beyond which no machine could hold it or no run would end.
    static func whole(from least: Value, to most: Value) -> Expectation {
        Expectation(words: "a whole number >= \(least)") { field in
            guard case .scalar(let value) = field.node.content, let number = value.number, number == number.rounded(),
                number >= Double(least)
            else { return nil }
            guard let whole = Value(exactly: number), whole <= most else {
                throw field.error("expected a whole number from \(least) to \(most), found \(field.node.found)")
            }
            return whole
        }
    }

    /// A seed, up to 2⁵³: up to there, a number in JSON is exact.
    static var seed: Expectation { whole(from: 0, to: 1 << 53) }
}

extension Expectation where Value == Int {
    /// Of one process.
    static var threads: Expectation { whole(from: 1, to: RecipeLimits.threads) }
}

/// The largest numbers that recipes and options take.
public enum RecipeLimits {
    public static let threads = 1024
    /// Runs at a time, a process each.
    public static let jobs = 256
    /// Of one prompt.
    public static let samples = 100_000
    /// Tokens of a completion.
    public static let tokens = 1 << 20
    /// Denoising steps of an image.
    public static let denoisingSteps = 1000
    /// Rows, prompts, examples.
    static let rows = 100_000_000
    /// Iterations, and intervals between recurring things.
    static let steps = 1_000_000_000
}

extension Expectation where Value == Bool {
    static var flag: Expectation {
        Expectation(words: "true or false") { field in
            guard case .scalar(.bool(let value)) = field.node.content else { return nil }
            return value
        }
    }
}

extension Expectation where Value == [String: JSONValue] {
    /// Any mapping, unchanged; it is checked later.
    static var values: Expectation {
        Expectation(words: "a mapping of keys") { field in
            field.node.json.object?.dictionary
        }
    }
}
