/// A JSON value as a template sees it: objects keep the order of their keys, and whole numbers stay whole.
public indirect enum JSONTree: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONTree])
    case object([Member])

    public struct Member: Sendable, Equatable {
        public var key: String
        public var value: JSONTree

        public init(_ key: String, _ value: JSONTree) {
            self.key = key
            self.value = value
        }
    }

    /// Reads JSON text; `place` is what errors begin with.
    public init(parsing text: String, place: String) throws {
        do {
            self = try JSONReader.read(text)
        } catch let fault as JSONReader.Fault {
            throw DataError(place, "not valid JSON: \(fault.reason) (byte \(fault.byte))")
        }
    }

    /// The value of a key; nil if this is not an object or has no such key.
    public subscript(key: String) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The same value without the order.
    public var value: JSONValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .number(Double(value))
        case .number(let value): .number(value)
        case .string(let value): .string(value)
        case .array(let items): .array(items.map(\.value))
        case .object(let members): .object(Dictionary(members.map { ($0.key, $0.value.value) }) { $1 })
        }
    }

    /// A value of a recipe; its keys come in alphabetical order.
    public init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .number(let value): self = Int(exactly: value).map(JSONTree.integer) ?? .number(value)
        case .string(let value): self = .string(value)
        case .array(let items): self = .array(items.map(JSONTree.init))
        case .object(let members):
            self = .object(members.sorted { $0.key < $1.key }.map { Member($0.key, JSONTree($0.value)) })
        }
    }

    /// For error sentences.
    var kind: String {
        switch self {
        case .integer: "a number"
        default: value.kind
        }
    }
}
