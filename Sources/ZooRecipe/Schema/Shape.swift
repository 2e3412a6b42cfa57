/// What a value may be: for people, and for JSON Schema.
package indirect enum Shape: Sendable, Equatable {
    /// Text; the words say what it names.
    case text(String)
    case number(NumberRange)
    case whole(from: Int, to: Int)
    case flag
    case null
    case choice([String])
    /// A list; the word stands for an element's number or name in paths.
    case list(Shape, place: String)
    /// A mapping with known keys.
    case keys([[KeyDescription]])
    /// A mapping by names that the recipe chooses; the word stands for one of them in paths.
    case named(Shape, place: String)
    /// A mapping whose keys are known to others.
    case anything
    case either([Shape])
}

/// Numbers from one bound to another, the bounds included or not.
package struct NumberRange: Sendable, Equatable {
    var from: Double
    var to: Double
    var excludesFrom = false
    var excludesTo = false
}

/// One key of a mapping.
package struct KeyDescription: Sendable, Equatable {
    package var name: String
    package var shape: Shape
    package var isRequired = false
    /// In YAML, or in words; nil: none.
    package var standard: String?
    package var doc: String
}

extension Shape {
    /// What a value may be, in a few words; `keys` stands for those of a mapping, `listed` for those of each in a list.
    func words(keys: String, listed: String) -> String {
        switch self {
        case .text(let words): words
        case .number(let range): range.words
        case .whole(let from, let to): "whole number from \(Self.plain(Double(from))) to \(Self.plain(Double(to)))"
        case .flag: "true or false"
        case .null: "null"
        case .choice(let choices): choices.joined(separator: " | ")
        case .list(let element, _): "list, each: \(element.words(keys: listed, listed: listed))"
        case .keys: keys
        case .named(let element, let place): "by \(place): \(element.words(keys: listed, listed: listed))"
        case .anything: "any keys"
        case .either(let shapes):
            shapes.isEmpty ? "any value" : shapes.map { $0.words(keys: keys, listed: listed) }.joined(separator: "; or ")
        }
    }

    /// `0.5`, `1000`, and powers of ten beyond that as `1e6`.
    static func plain(_ bound: Double) -> String {
        if let exponent = (6...30).first(where: { Double("1e\($0)") == abs(bound) }) {
            return "\(bound < 0 ? "-" : "")1e\(exponent)"
        }
        return Int(exactly: bound).map(String.init) ?? "\(bound)"
    }
}

extension NumberRange {
    fileprivate var words: String {
        if abs(from) == .infinity { return "number" }
        return
            "number \(excludesFrom ? "above" : "from") \(Shape.plain(from)) \(excludesTo ? "and below" : "to") \(Shape.plain(to))"
    }
}
