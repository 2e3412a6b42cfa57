import Foundation
import ZooBase
import ZooData
import ZooPlugins

// What `run.json` and its like keep of a recipe is in the recipe's own words: the same keys as in YAML, by the same schema.

extension Recipe: Codable {
    /// The recipe as JSON. Variants are a list, since the members of a JSON object have no order.
    package var json: JSONValue {
        var values = node.json.object ?? [:]
        values["file"] = .string(file.path)
        if var written = values["compare"]?.object {
            let variants = written["variants"]?.object ?? [:]
            written["variants"] = .array(
                variants.members.map { variant in
                    var named = variant.value.object ?? [:]
                    named["name"] = .string(variant.key)
                    return .object(named)
                })
            values["compare"] = .object(written)
        }
        return .object(values)
    }

    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }

    /// Files that the recipe names need not exist any more.
    public init(from decoder: any Decoder) throws {
        var values = try JSONValue(from: decoder).object ?? [:]
        let file = values["file"]?.string ?? ""
        values["file"] = nil
        var node = RecipeNode(.object(values))
        if let variants = values["compare"]?["variants"]?.array { node = node.withVariants(variants) }
        let reading = Reading(file: URL(fileURLWithPath: file), checksFiles: false)
        self = try RecordedRecipe.decoded(decoder) { try Recipe(node, reading) }
    }
}

extension Budget: Codable {
    public func encode(to encoder: any Encoder) throws { try Self.schema.node(self).json.encode(to: encoder) }

    public init(from decoder: any Decoder) throws {
        let node = RecipeNode(try JSONValue(from: decoder))
        self = try RecordedRecipe.decoded(decoder) { try Self.schema.codec.value(RecordedRecipe.field(node)) }
    }
}

extension Probe: Codable {
    public func encode(to encoder: any Encoder) throws { try Self.schema.node(self).json.encode(to: encoder) }

    public init(from decoder: any Decoder) throws {
        let node = RecipeNode(try JSONValue(from: decoder))
        self = try RecordedRecipe.decoded(decoder) { try Self.schema.codec.value(RecordedRecipe.field(node)) }
    }
}

private enum RecordedRecipe {
    static func field(_ node: RecipeNode) -> Field {
        Field(node: node, path: "", reading: Reading(file: URL(fileURLWithPath: "/"), checksFiles: false))
    }

    /// What is wrong with a recipe is wrong with the file that keeps it.
    static func decoded<Value>(_ decoder: any Decoder, _ read: () throws -> Value) throws -> Value {
        do { return try read() } catch let error as RecipeError {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: error.description))
        }
    }
}

extension RecipeNode {
    /// The recipe with its variants by name, in the list's order.
    fileprivate func withVariants(_ list: [JSONValue]) -> RecipeNode {
        let variants = list.map { variant -> (key: String, node: RecipeNode?) in
            var values = variant.object ?? [:]
            let name = values["name"]?.string ?? ""
            values["name"] = nil
            return (name, RecipeNode(.object(values)))
        }
        guard case .map(var entries) = content, let index = entries.firstIndex(where: { $0.key == "compare" }),
            case .map(var comparison) = entries[index].value.content,
            let place = comparison.firstIndex(where: { $0.key == "variants" })
        else { return self }
        comparison[place].value = .map(variants)
        entries[index].value.content = .map(comparison)
        return RecipeNode(.map(entries))
    }
}
