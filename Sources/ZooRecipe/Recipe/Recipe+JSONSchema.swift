import ZooBase
import ZooData
import ZooPlugins

extension Recipe {
    /// The keys of a recipe's file that are resolved before it is read.
    static let fileKeys = [
        KeyDescription(
            name: "extends", shape: .text("path of a recipe"),
            doc: "The recipe that this one builds on: its keys, unless this one has them."),
        KeyDescription(
            name: "set", shape: .named(.either([]), place: "PATH"), doc: "Values by path, applied on top of `extends`."),
    ]

    /// Keys of which an extending recipe replaces only what it names; every other key of the top is replaced whole.
    static let mergedKeys = ["evaluation", "compare", "probe"]

    /// All keys of a recipe's file, mapping by mapping.
    package static let keyTables = KeyTable.all(of: .keys([fileKeys] + schema.keys.map(\.keys)))

    /// A JSON Schema (draft 7) of a recipe's file, from which editors complete and check.
    package static var jsonSchema: JSONValue {
        let shape = Shape.keys([fileKeys] + schema.keys.map(\.keys))
        var whole = shape.jsonSchema(isPartial: true).object ?? [:]
        var properties = whole["properties"]?.object ?? [:]
        for key in schema.keys.flatMap(\.keys) where mergedKeys.contains(key.name) {
            var merged = key.jsonSchema(isPartial: true).object ?? [:]
            // Without a value, the base's is taken away.
            merged["type"] = ["object", "null"]
            properties[key.name] = .object(merged)
        }
        whole["properties"] = .object(properties)
        let required = schema.keys.flatMap(\.keys).filter(\.isRequired).map { JSONValue.string($0.name) }
        whole["anyOf"] = [["required": ["extends"]], ["required": .array(required)]]
        whole["$schema"] = "http://json-schema.org/draft-07/schema#"
        whole["title"] = "A recipe of PolicyZoo"
        return .object(whole)
    }
}
