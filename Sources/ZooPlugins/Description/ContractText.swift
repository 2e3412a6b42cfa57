import CZoo
import ZooBase
import ZooData
import ZooKit

extension zoo_str {
    /// The text, at most `limit` bytes of UTF-8. Throws a sentence that names the field.
    func text(_ field: String, limit: UInt64) throws -> String {
        guard len <= limit else {
            throw ZooError(.invalidArgument, "its \(field) is \(len) bytes long; expected at most \(limit)")
        }
        guard let string else { throw ZooError(.invalidArgument, "its \(field) is not valid UTF-8") }
        return string
    }
}

extension String {
    /// Whether it is one or more lower-case letters, digits and hyphens.
    var isIdentifier: Bool {
        !isEmpty && utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }
}

extension [ParameterDescription] {
    /// Reads a schema, in the order that it gives; what it does not order stands behind, by name.
    ///
    /// - Parameter id: whose it is.
    init(schema text: String, of id: String) throws {
        let schema = try JSONValue(parsing: text, what: "the schema of '\(id)'")
        let order = (schema["order"]?.array ?? []).compactMap(\.string)
        func place(_ name: String) -> Int { order.firstIndex(of: name) ?? order.count }
        self = try Self.properties(of: schema, id).sorted { (place($0.key), $0.key) < (place($1.key), $1.key) }
            .map { try ParameterDescription(name: $0.key, schema: $0.value, of: id) }.named(of: id)
    }

    /// The members of a schema's "properties".
    ///
    /// Without them there are no parameters, as `{}` says; what else stands there must then be a keyword, for a parameter in the wrong
    /// place would be one that no recipe could set.
    private static func properties(of schema: JSONValue, _ id: String) throws -> [JSONObject.Member] {
        let expected = "expected {\"type\": \"object\", \"properties\": {NAME: PROPERTY, ...}}"
        guard let members = schema.object else {
            throw ZooError(.invalidArgument, "the schema of '\(id)' is \(schema.kind); \(expected)")
        }
        if let properties = members["properties"] {
            guard let found = properties.object else {
                throw ZooError(.invalidArgument, "'properties' in the schema of '\(id)' is \(properties.kind); \(expected)")
            }
            return found.members
        }
        if let stray = members.keys.first(where: { !keywords.contains($0) }) {
            let meant = nearest(stray, among: ["properties"]).map { "; did you mean '\($0)'?" } ?? ""
            throw ZooError(
                .invalidArgument, "the schema of '\(id)' has no 'properties', but the member '\(stray)'\(meant); \(expected)")
        }
        return []
    }

    /// What JSON Schema allows beside properties, and our own.
    private static let keywords = [
        "type", "order", "additionalProperties", "required", "title", "description", "default", "examples", "$schema", "$id",
        "$ref",
        "$defs", "definitions", "$comment",
    ]
}
