import Foundation
import ZooData
import ZooKit

extension JSONValue {
    /// Parses a JSON text. Throws a sentence that starts with `what` if it is malformed.
    init(parsing text: String, what: String) throws {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        } catch {
            throw ZooError(.invalidArgument, "\(what) is not valid JSON: \(text.prefix(80))")
        }
    }

    /// One line of JSON with sorted keys.
    public func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// The value of `key`; nil if this is not an object or has no such key.
    public subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    public var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
}
