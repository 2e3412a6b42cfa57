import ZooBase
import ZooData

/// What a key may contain: how it is read and written, and what it is for people. `read` gives nil for something else.
package struct Codec<Value>: Sendable {
    /// For errors: `expected a number > 0`.
    let words: String
    let shape: Shape
    let read: @Sendable (Field) throws -> Value?
    let write: @Sendable (Value) -> RecipeNode

    init(
        _ words: String, _ shape: Shape, read: @escaping @Sendable (Field) throws -> Value?,
        write: @escaping @Sendable (Value) -> RecipeNode
    ) {
        (self.words, self.shape, self.read, self.write) = (words, shape, read, write)
    }

    /// The field's value, or an error that says what was expected and found.
    func value(_ field: Field) throws -> Value {
        guard let value = try read(field) else { throw field.error("expected \(words), found \(field.node.found)") }
        return value
    }
}

extension Codec {
    /// A list; `place` stands for an element's number in paths.
    static func list<Element>(of element: Codec<Element>, place: String = "N") -> Codec where Value == [Element] {
        Codec("a list, each \(element.words)", .list(element.shape, place: place)) { field in
            guard case .list(let items) = field.node.content else { return nil }
            return try items.enumerated().map {
                try element.value(Field(node: $1, path: "\(field.path)[\($0)]", reading: field.reading))
            }
        } write: {
            .list($0.map(element.write))
        }
    }
}

extension Codec where Value == String {
    static var text: Codec { text("text") }

    static func text(_ words: String, shape: Shape? = nil) -> Codec {
        Codec(words, shape ?? .text(words)) { field in
            guard case .scalar(.string(let text)) = field.node.content, !text.isEmpty else { return nil }
            return text
        } write: {
            .text($0)
        }
    }

    /// A name that can stand in paths and options.
    static var name: Codec {
        Codec("a name of letters, digits, '-', '_', '.' and '@' that starts with a letter", .text("name")) { field in
            guard case .scalar(.string(let text)) = field.node.content, let first = text.unicodeScalars.first else { return nil }
            let allowed = text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.@".unicodeScalars.contains($0))
            }
            return allowed && first.properties.isAlphabetic ? text : nil
        } write: {
            .text($0)
        }
    }

    /// One of a few words.
    static func choice(_ choices: [String]) -> Codec {
        let all = choices.joined(separator: ", ")
        return Codec(choices.count == 1 ? "'\(choices[0])'" : "one of \(all)", .choice(choices)) { field in
            guard case .scalar(.string(let text)) = field.node.content else { return nil }
            if choices.contains(text) { return text }
            let underscored = text.replacing("-", with: "_")
            if choices.contains(underscored) {
                throw field.error("expected '\(underscored)', with underscores, found '\(text)'")
            }
            guard let meant = nearest(text, among: choices) else { return nil }
            throw field.error("expected one of \(all), found '\(text)'; did you mean '\(meant)'?")
        } write: {
            .text($0)
        }
    }
}

extension Codec where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    static var choice: Codec {
        let words = Codec<String>.choice(Value.allCases.map(\.rawValue))
        return Codec(words.words, words.shape) {
            try words.read($0).flatMap(Value.init(rawValue:))
        } write: {
            .text($0.rawValue)
        }
    }
}

extension Codec where Value == Bool {
    static var flag: Codec {
        Codec("true or false", .flag) { field in
            guard case .scalar(.bool(let value)) = field.node.content else { return nil }
            return value
        } write: {
            RecipeNode(.scalar(.bool($0)))
        }
    }
}

extension Codec where Value == [String: JSONValue] {
    /// Any mapping, unchanged; it is checked later.
    static var values: Codec {
        Codec("a mapping of keys", .anything) { field in
            field.node.json.object?.dictionary
        } write: {
            RecipeNode(.object($0))
        }
    }
}
