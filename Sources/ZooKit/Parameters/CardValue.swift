#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A JSON value, as far as parameters need to tell them apart.
public enum CardValue: Decodable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array
    case object([String: CardValue])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([String: CardValue].self) {
            self = .object(value)
        } else {
            _ = try decoder.unkeyedContainer()
            self = .array
        }
    }

    /// Parses a JSON object; empty text is the empty object.
    static func object(from text: String) throws -> [String: CardValue] {
        guard !text.isEmpty else { return [:] }
        do {
            guard case .object(let members) = try JSONDecoder().decode(CardValue.self, from: Data(text.utf8)) else {
                throw ZooError(.invalidArgument, "the parameters are not a JSON object; expected {\"name\": value, ...}")
            }
            return members
        } catch is DecodingError {
            throw ZooError(.invalidArgument, "the parameters are not valid JSON; expected {\"name\": value, ...}")
        }
    }

    /// The value as an error message shows it.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension String {
    /// The text as a JSON string literal.
    var quoted: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
