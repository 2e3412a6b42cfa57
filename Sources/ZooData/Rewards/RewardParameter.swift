import ZooBase

/// A setting of a reward function, as a recipe writes it.
public struct RewardParameter: Sendable {
    public enum Kind: Sendable, Equatable {
        case string
        case bool
        case number(ClosedRange<Double>)
        case whole(ClosedRange<Int>)
    }

    public let name: String
    public let kind: Kind
    /// The default; nil if the recipe must give a value.
    public let defaultValue: JSONValue?
    public let doc: String

    /// The kind in words, with the range of a number.
    public var type: String {
        switch kind {
        case .string: "string"
        case .bool: "true or false"
        case .number(let range) where range.upperBound.isFinite: "number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "number of at least \(range.lowerBound)"
        case .whole(let range): "whole number from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    fileprivate func accepts(_ value: JSONValue) -> Bool {
        switch kind {
        case .string: value.string != nil
        case .bool: value.bool != nil
        case .number(let range): value.number.map(range.contains) ?? false
        case .whole(let range): value.integer.map(range.contains) ?? false
        }
    }
}

/// A recipe's settings for one reward, checked against its parameters and completed by their defaults.
struct RewardSettings {
    private let values: [String: JSONValue]

    init(_ given: [String: JSONValue], parameters: [RewardParameter], reward: String) throws {
        let names = parameters.map(\.name)
        for name in given.keys.sorted() where !names.contains(name) {
            let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
            let meant = didYouMean(name, among: names)
            throw DataError("reward \(reward)", "has no parameter '\(name)'; \(known)\(meant)")
        }
        var values: [String: JSONValue] = [:]
        for parameter in parameters {
            guard let value = given[parameter.name] ?? parameter.defaultValue else {
                throw DataError("reward \(reward)", "needs '\(parameter.name)' (\(parameter.type)): \(parameter.doc)")
            }
            guard parameter.accepts(value) else {
                let found = value.number.map { "\($0)" } ?? value.string.map { "'\($0)'" } ?? value.kind
                throw DataError("reward \(reward)", "'\(parameter.name)' is \(found); expected a \(parameter.type)")
            }
            values[parameter.name] = value
        }
        self.values = values
    }

    func string(_ name: String) -> String { read(name, \.string) }
    func number(_ name: String) -> Double { read(name, \.number) }
    func bool(_ name: String) -> Bool { read(name, \.bool) }

    private func read<Value>(_ name: String, _ value: (JSONValue) -> Value?) -> Value {
        guard let result = values[name].flatMap(value) else {
            preconditionFailure("the reward reads '\(name)', which it does not declare so")
        }
        return result
    }
}
