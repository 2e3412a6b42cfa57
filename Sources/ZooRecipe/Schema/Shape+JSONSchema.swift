import ZooBase
import ZooData
import ZooPlugins

extension Shape {
    /// The shape as JSON Schema, draft 7.
    ///
    /// - Parameter isPartial: whether required keys of this mapping may be left out, since another recipe has them.
    func jsonSchema(isPartial: Bool = false) -> JSONValue {
        switch self {
        case .text: return ["type": "string"]
        case .number(let range): return .object(range.jsonSchema)
        case .whole(let from, let to): return ["type": "integer", "minimum": .integer(from), "maximum": .integer(to)]
        case .flag: return ["type": "boolean"]
        case .null: return ["type": "null"]
        case .choice(let choices): return ["enum": .array(choices.map(JSONValue.string))]
        case .list(let element, _): return ["type": "array", "items": element.jsonSchema()]
        case .keys(let groups): return Self.mapping(groups, isPartial: isPartial)
        case .named(let element, _): return ["type": "object", "additionalProperties": element.jsonSchema()]
        case .anything: return ["type": "object"]
        case .either(let shapes): return shapes.isEmpty ? [:] : ["anyOf": .array(shapes.map { $0.jsonSchema() })]
        }
    }

    private static func mapping(_ groups: [[KeyDescription]], isPartial: Bool) -> JSONValue {
        let properties = groups.flatMap(\.self).map { ($0.name, $0.jsonSchema()) }
        var schema: JSONObject = [
            "type": "object", "additionalProperties": false, "properties": .object(JSONObject(properties)),
        ]
        guard !isPartial else { return .object(schema) }
        let required = groups.filter { $0.count == 1 }.flatMap(\.self).filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema["required"] = .array(required) }
        if let choices = groups.first(where: { $0.count > 1 && $0.allSatisfy(\.isRequired) }) {
            schema["oneOf"] = .array(choices.map { ["required": [.string($0.name)]] })
        }
        return .object(schema)
    }
}

extension KeyDescription {
    func jsonSchema(isPartial: Bool = false) -> JSONValue {
        var schema = shape.jsonSchema(isPartial: isPartial).object ?? [:]
        schema["description"] = .string(doc + (standard.map { " Default: \($0)." } ?? ""))
        return .object(schema)
    }
}

extension NumberRange {
    fileprivate var jsonSchema: JSONObject {
        var schema: JSONObject = ["type": "number"]
        if from.isFinite { schema[excludesFrom ? "exclusiveMinimum" : "minimum"] = .number(from) }
        if to.isFinite { schema[excludesTo ? "exclusiveMaximum" : "maximum"] = .number(to) }
        return schema
    }
}
