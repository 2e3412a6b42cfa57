import Foundation
import Yams
import ZooBase
import ZooData
import ZooPlugins

/// A node of a recipe before it is interpreted: a value and its location.
package struct RecipeNode: Sendable, Equatable {
    package indirect enum Content: Sendable, Equatable {
        case scalar(JSONValue)
        case list([RecipeNode])
        case map([Entry])
    }

    package struct Entry: Sendable, Equatable {
        package var key: String
        package var place: String
        package var value: RecipeNode
    }

    package var content: Content
    /// `file:line`, or the option of the command line.
    var place: String
    /// Where relative paths start: the folder of the file that contains it; nil: the recipe's.
    var folder: URL?

    package init(_ content: Content, place: String = "") {
        self.content = content
        self.place = place
    }

    /// The value and everything in it, as part of a file in that folder.
    func `in`(folder: URL) -> RecipeNode {
        var node = self
        node.folder = folder
        switch content {
        case .scalar: break
        case .list(let items): node.content = .list(items.map { $0.in(folder: folder) })
        case .map(let entries):
            node.content = .map(entries.map { Entry(key: $0.key, place: $0.place, value: $0.value.in(folder: folder)) })
        }
        return node
    }

    /// The value for error sentences: `'fast'`, `3`, `a list`, …
    package var found: String {
        switch content {
        case .scalar(.null): "nothing"
        case .scalar(.string(let text)): "'\(text)'"
        case .scalar(let value): value.yaml
        case .list: "a list"
        case .map: "a mapping"
        }
    }

    /// The value as JSON, without locations.
    package var json: JSONValue {
        switch content {
        case .scalar(let value): value
        case .list(let items): .array(items.map(\.json))
        case .map(let entries): .object(JSONObject(entries.map { ($0.key, $0.value.json) }))
        }
    }
}

extension RecipeNode {
    /// Aliases can expand a small text without bound; no recipe comes near this many values.
    private static let mostValues = 100_000

    /// Reads YAML text. `place(line)` says where a line is.
    ///
    /// Plain scalars follow the JSON schema of YAML 1.2: `true`, `false`, `null` and numbers; all else is text, `no` and `1:30`
    /// too.
    package static func parse(_ yaml: String, place: (Int) -> String) throws -> RecipeNode {
        do {
            guard let root = try Yams.compose(yaml: yaml) else {
                throw RecipeError(place(1), "is empty; expected a mapping of keys")
            }
            var left = mostValues
            return try RecipeNode(root, place: place, line: 1, left: &left)
        } catch let error as YamlError {
            throw RecipeError(place(error.line), "is not valid YAML: \(error.problem)")
        }
    }

    private init(_ node: Node, place: (Int) -> String, line: Int, left: inout Int) throws {
        let line = node.mark?.line ?? line
        left -= 1
        guard left > 0 else {
            throw RecipeError(place(line), "has more than \(Self.mostValues) values, counting aliases in full")
        }
        self.place = place(line)
        switch node {
        case .scalar(let scalar): content = .scalar(JSONValue(scalar))
        case .sequence(let items):
            var list: [RecipeNode] = []
            for item in items { list.append(try RecipeNode(item, place: place, line: line, left: &left)) }
            content = .list(list)
        case .mapping(let pairs):
            var entries: [Entry] = []
            for (key, value) in pairs {
                guard let name = key.scalar?.string else {
                    throw RecipeError(place(line), "a key must be a word, not a list or a mapping")
                }
                let keyLine = key.mark?.line ?? line
                let node = try RecipeNode(value, place: place, line: keyLine, left: &left)
                entries.append(Entry(key: name, place: place(keyLine), value: node))
            }
            content = .map(entries)
        case .alias(let alias): throw RecipeError(place(line), "the alias '*\(alias.anchor.rawValue)' has no anchor")
        }
    }
}

extension JSONValue {
    fileprivate init(_ scalar: Node.Scalar) {
        guard scalar.style == .any || scalar.style == .plain else {
            self = .string(scalar.string)
            return
        }
        switch scalar.string {
        case "", "~", "null": self = .null
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        case let text: self = Self.number(text).map(JSONValue.number) ?? .string(text)
        }
    }

    /// The number that `text` writes in decimal; nil for words that only `Double` takes for numbers (`nan`, `0x1p3`).
    private static func number(_ text: String) -> Double? {
        guard text.contains(where: { ("0"..."9").contains($0) }), text.allSatisfy({ "0123456789+-.eE".contains($0) }) else {
            return nil
        }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    /// A scalar as YAML that ``RecipeNode/parse(_:place:)`` reads back as the same value.
    package var yaml: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .number(let value): return Int64(exactly: value).map(String.init) ?? "\(value)"
        case .string(let text): return Self.isPlain(text) ? text : Self.quoted(text)
        case .array(let items): return "[\(items.map(\.yaml).joined(separator: ", "))]"
        case .object(let values):
            let pairs = values.members.sorted { $0.key < $1.key }.map { "\(JSONValue.string($0.key).yaml): \($0.value.yaml)" }
            return "{\(pairs.joined(separator: ", "))}"
        }
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, first.isASCII, first.properties.isAlphabetic || first == "/" else {
            return false
        }
        let rest = text.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_./@".unicodeScalars.contains($0))
        }
        return rest && !["true", "false", "null"].contains(text)
    }

    /// JSON's quotes, which YAML's double quotes contain; what YAML takes for the end of a line is spelled out.
    private static func quoted(_ text: String) -> String {
        JSONText.quoted(text.unicodeScalars) {
            (0x7F...0x9F).contains($0.value) || $0 == "\u{2028}" || $0 == "\u{2029}" || $0 == "\u{FEFF}"
        }
    }
}

extension YamlError {
    fileprivate var line: Int {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        case .duplicatedKeysInMapping(_, let context): context.mark.line
        default: 1
        }
    }

    fileprivate var problem: String {
        switch self {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
        case .reader(let problem, _, _, _): problem
        case .duplicatedKeysInMapping(let keys, _): "the mapping has the key '\(keys.sorted().joined(separator: "', '"))' twice"
        default: "\(self)"
        }
    }
}
