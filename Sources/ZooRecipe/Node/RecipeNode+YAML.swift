import ZooBase
import ZooData

extension RecipeNode {
    static func text(_ text: String) -> RecipeNode { RecipeNode(.scalar(.string(text))) }
    package static func number(_ number: some BinaryInteger) -> RecipeNode { RecipeNode(.scalar(.number(Double(number)))) }
    package static func number(_ number: Double) -> RecipeNode { RecipeNode(.scalar(.number(number))) }
    static func list(_ items: [RecipeNode]) -> RecipeNode { RecipeNode(.list(items)) }
    /// A mapping of the entries that have a value.
    static func map(_ entries: [(key: String, node: RecipeNode?)]) -> RecipeNode {
        RecipeNode(.map(entries.compactMap { key, value in value.map { Entry(key: key, place: "", value: $0) } }))
    }

    /// A JSON value as a node of a recipe, located at `place`.
    package init(_ value: JSONValue, place: String = "") {
        switch value {
        case .array(let items): self.init(.list(items.map { RecipeNode($0, place: place) }), place: place)
        case .object(let values):
            let entries = values.members.sorted { $0.key < $1.key }.map {
                Entry(key: $0.key, place: place, value: RecipeNode($0.value, place: place))
            }
            self.init(.map(entries), place: place)
        default: self.init(.scalar(value), place: place)
        }
    }

    /// The value in YAML's block style; a list or mapping of scalars on one line.
    package func yamlLines(indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        switch content {
        case .scalar(let value): return [margin + value.yaml]
        case .list(let items):
            return items.flatMap { item in
                let lines = item.yamlLines(indent: indent + 2)
                return ["\(margin)- \(lines[0].dropFirst(indent + 2))"] + lines.dropFirst()
            }
        case .map(let entries):
            return entries.flatMap { entry -> [String] in
                let key = "\(margin)\(JSONValue.string(entry.key).yaml):"
                if let flow = entry.value.flow { return ["\(key) \(flow)"] }
                return [key] + entry.value.yamlLines(indent: indent + 2)
            }
        }
    }

    /// The value on one line, if it is short.
    private var flow: String? {
        switch content {
        case .scalar(let value): return value.yaml
        case .list(let items):
            let parts = items.compactMap { item in if case .scalar(let value) = item.content { value.yaml } else { nil } }
            return parts.count == items.count ? "[\(parts.joined(separator: ", "))]" : nil
        case .map(let entries): return entries.isEmpty ? "{}" : nil
        }
    }
}
