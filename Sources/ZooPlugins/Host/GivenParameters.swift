import CZoo
import ZooBase
import ZooData
import ZooKit

/// The parameters of an algorithm as "zoo.parameters/1" serves them: what the recipe gives, over the schema's defaults.
public struct GivenParameters {
    private let values: [String: JSONValue]
    /// The schema's word for each parameter's type.
    private let types: [String: String]
    private let algorithm: String
    private let lent = Lent()

    /// Of no algorithm: has no parameter.
    public init() { self.init([:], types: [:], of: "") }

    init(_ values: [String: JSONValue], types: [String: String], of algorithm: String) {
        (self.values, self.types, self.algorithm) = (values, types, algorithm)
    }

    func number(_ name: String) throws -> Double {
        guard let number = try value(name, ["number", "integer"]).number else { throw damaged(name) }
        return number
    }

    func integer(_ name: String) throws -> Int64 {
        guard let number = try value(name, ["integer"]).number, let integer = Int64(exactly: number) else { throw damaged(name) }
        return integer
    }

    func boolean(_ name: String) throws -> Bool {
        guard let bool = try value(name, ["boolean"]).bool else { throw damaged(name) }
        return bool
    }

    func string(_ name: String) throws -> zoo_str {
        guard let text = try value(name, ["string"]).string else { throw damaged(name) }
        return lent.texts[name] ?? lent.keep(text, name)
    }

    func list(_ name: String) throws -> UnsafePointer<zoo_array> {
        guard let items = try value(name, ["array"]).array else { throw damaged(name) }
        if let list = lent.lists[name] { return list }
        let values: Column.Values
        if items.allSatisfy({ $0.string != nil }), !items.isEmpty {
            values = .strings(items.compactMap(\.string))
        } else if items.allSatisfy({ $0.bool != nil }), !items.isEmpty {
            values = .other(dtype: ZOO_BOOL, rowBytes: 1, bytes: items.map { $0.bool == true ? 1 : 0 })
        } else {
            let numbers = items.compactMap(\.number)
            guard numbers.count == items.count else {
                throw ZooError(
                    .invalidArgument, "parameter '\(name)' is a list of several types; expected numbers, booleans or texts alone")
            }
            values = .f64(numbers)
        }
        return lent.keep(Column(name, perStep: false, values), name)
    }

    private func value(_ name: String, _ wanted: [String]) throws -> JSONValue {
        guard let type = types[name], let value = values[name] else {
            let known = types.keys.sorted().joined(separator: ", ")
            throw ZooError(
                .invalidArgument,
                "the schema of '\(algorithm)' has no parameter '\(name)'; it has: \(known.isEmpty ? "none" : known)")
        }
        guard wanted.contains(type) else {
            throw ZooError(
                .invalidArgument,
                "parameter '\(name)' of '\(algorithm)' was read as \(wanted[0]); its schema says \(type)")
        }
        guard value != .null else { throw ZooError(.notFound, "parameter '\(name)' of '\(algorithm)' is null") }
        return value
    }

    private func damaged(_ name: String) -> ZooError {
        ZooError(.invalidArgument, "parameter '\(name)' of '\(algorithm)' has a default of another type than its schema says")
    }
}

/// What was handed out, once for each parameter; it lives as long as this.
private final class Lent {
    private(set) var texts: [String: zoo_str] = [:]
    private(set) var lists: [String: UnsafePointer<zoo_array>] = [:]
    private let arena = Arena()

    func keep(_ text: String, _ name: String) -> zoo_str {
        let copy = arena.copy(text)
        texts[name] = copy
        return copy
    }

    func keep(_ column: Column, _ name: String) -> UnsafePointer<zoo_array> {
        let array = UnsafePointer(arena.array(column))
        lists[name] = array
        return array
    }
}
