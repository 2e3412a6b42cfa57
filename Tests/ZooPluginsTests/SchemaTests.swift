import Testing
import ZooKit
import ZooPlugins

@Suite("a schema of parameters")
struct SchemaTests {
    /// The parameters that the host reads in a plugin with this schema, or the refusal.
    private func read(_ schema: String) async throws -> String {
        try await PluginFixture.withFolder { folder in
            let literal = "\"" + schema.replacing("\"", with: "\\\"") + "\""
            let path = try PluginFixture.compile("SCHEMA=\(literal)", into: folder)
            do {
                let parameters = try Plugin(path: path).description.algorithms[0].parameters.map(\.name)
                return parameters.joined(separator: ", ")
            } catch let error as ZooError { return error.message }
        }
    }

    @Test(
        "without properties has no parameters",
        arguments: ["{}", #"{"type": "object"}"#, #"{"type": "object", "additionalProperties": false, "order": []}"#])
    func none(schema: String) async throws { #expect(try await read(schema) == "") }

    @Test("with parameters in the wrong place, or of another kind than an object, is refused with what was expected")
    func refused() async throws {
        let expected = #"expected {"type": "object", "properties": {NAME: PROPERTY, ...}}"#
        #expect(
            try await read(#"{"scale": {"type": "number", "default": 1}}"#).hasSuffix(
                "the schema of 'broken' has no 'properties', but the member 'scale'; \(expected)"))
        #expect(
            try await read(#"{"type": "object", "propertys": {}}"#).hasSuffix(
                "but the member 'propertys'; did you mean 'properties'?; \(expected)"))
        #expect(try await read("[]").contains("the schema of 'broken' is an array; \(expected)"))
        let list = try await read(#"{"properties": []}"#)
        #expect(list.contains("'properties' in the schema of 'broken' is an array; \(expected)"))
    }
}
