import Foundation

extension JSONValue: Codable {
    /// Decoders lose the order of keys: an object's are in alphabetical order.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(JSONObject(try container.decode([String: JSONValue].self)))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        // Whole numbers are written without a fraction, so that 3 stays 3.
        case .number(let value):
            if let whole = Int64(exactly: value) { try container.encode(whole) } else { try container.encode(value) }
        case .string(let value): try container.encode(value)
        case .array(let items): try container.encode(items)
        case .object(let members): try container.encode(members.dictionary)
        }
    }

    /// One line of JSON with sorted keys: equal values give equal text.
    public func text() throws -> String { String(decoding: try data([]), as: UTF8.self) }

    /// Over several lines, for people, with sorted keys.
    ///
    /// - Parameter escapesSlashes: writes `/` as `\/`.
    package func prettyData(escapesSlashes: Bool = false) throws -> Data {
        try data(escapesSlashes ? .prettyPrinted : [.prettyPrinted, .withoutEscapingSlashes], escapesSlashes: escapesSlashes)
    }

    private func data(_ formatting: JSONEncoder.OutputFormatting, escapesSlashes: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting.union(escapesSlashes ? .sortedKeys : [.sortedKeys, .withoutEscapingSlashes])
        return try encoder.encode(self)
    }
}
