import ZooBase

/// A setting that a recipe may give to a task or to a reward function.
public struct Setting: Sendable {
    public enum Kind: Sendable, Equatable {
        case string
        case bool
        case number(ClosedRange<Double>)
        /// A number above 0.
        case positive(to: Double)
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
        case .positive(let most): "number above 0, at most \(most)"
        case .whole(let range): "whole number from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    package func accepts(_ value: JSONValue) -> Bool {
        switch kind {
        case .string: value.string != nil
        case .bool: value.bool != nil
        case .number(let range): value.number.map(range.contains) ?? false
        case .positive(let most): value.number.map { $0 > 0 && $0 <= most } ?? false
        case .whole(let range): value.integer.map(range.contains) ?? false
        }
    }
}

/// What a recipe gives for some settings, checked and completed by their defaults.
public struct Settings: Sendable {
    private let values: [String: JSONValue]

    /// - Parameters:
    ///   - owner: whose settings they are, for errors: `reward regex`.
    ///   - word: what they are called there.
    /// - Throws: ``DataError`` that names the owner and the setting.
    package init(_ given: [String: JSONValue], of settings: [Setting], owner: String, word: String = "parameter") throws {
        let names = settings.map(\.name)
        for name in given.keys.sorted() where !names.contains(name) {
            let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
            throw DataError(owner, "has no \(word) '\(name)'; \(known)\(didYouMean(name, among: names))")
        }
        var values: [String: JSONValue] = [:]
        for setting in settings {
            guard let value = given[setting.name] ?? setting.defaultValue else {
                throw DataError(owner, "needs '\(setting.name)' (\(setting.type)): \(setting.doc)")
            }
            guard setting.accepts(value) else {
                throw DataError(owner, "'\(setting.name)' is \(Self.words(value)); expected a \(setting.type)")
            }
            values[setting.name] = value
        }
        self.values = values
    }

    public func string(_ name: String) -> String { read(name, \.string) }
    public func number(_ name: String) -> Double { read(name, \.number) }
    public func whole(_ name: String) -> Int { read(name, \.integer) }
    public func bool(_ name: String) -> Bool { read(name, \.bool) }

    private func read<Value>(_ name: String, _ value: (JSONValue) -> Value?) -> Value {
        guard let result = values[name].flatMap(value) else {
            preconditionFailure("'\(name)' is read, but not declared so")
        }
        return result
    }

    private static func words(_ value: JSONValue) -> String {
        value.integer.map { "\($0)" } ?? value.number.map { "\($0)" } ?? value.string.map { "'\($0)'" } ?? value.kind
    }
}
