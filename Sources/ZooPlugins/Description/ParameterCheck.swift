import Foundation
import ZooBase
import ZooData
import ZooKit

extension AlgorithmDescription {
    /// Refuses unknown names, wrong types and values out of range by the plugin's own schema, before anything runs.
    package func check(_ given: [String: JSONValue], recipe: String) throws {
        try parameters.check(given, of: id, "algorithm '\(id)'", known: "`zoo plugins show \(id)` lists them", recipe: recipe)
    }
}

extension [ParameterDescription] {
    /// Refuses unknown names, wrong types and values out of range.
    ///
    /// - Parameters:
    ///   - id: whose parameters they are, and `owner`: the same in words.
    ///   - known: where its parameters are to be found, in words.
    func check(_ given: [String: JSONValue], of id: String, _ owner: String, known: String, recipe: String) throws {
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let parameter = first(where: { $0.name == name }) else {
                if let now = today(name) { throw ZooError(.invalidArgument, "\(recipe): parameter '\(name)' of '\(id)' \(now)") }
                let meant = didYouMean(name, among: flatMap { [$0.name] + $0.aliases })
                throw ZooError(
                    .invalidArgument, "\(recipe): \(owner) has no parameter '\(name)'\(meant); \(known)")
            }
            if let expected = parameter.objection(to: value) {
                throw ZooError(
                    .invalidArgument, "\(recipe): parameter '\(name)' of '\(id)': expected \(expected), found \(value.inRecipe)")
            }
        }
    }

    /// What became of a name that a parameter had, or has elsewhere; nil if it never was one.
    private func today(_ name: String) -> String? {
        if let parameter = first(where: { $0.aliases.contains(name) }) { return "is '\(parameter.name)' here" }
        let now = filter { $0.formerly.contains(name) }.map { "'\($0.name)'" }
        return now.isEmpty ? nil : "is called \(now.joined(separator: " or ")) now"
    }
}

extension ParameterDescription {
    /// What was expected instead of `value`; nil if it is valid.
    fileprivate func objection(to value: JSONValue) -> String? {
        if value == .null, isNullable { return nil }
        if !choices.isEmpty {
            let known = choices.compactMap(\.string)
            guard let text = value.string, !known.contains(text) else { return value.string == nil ? choice(known) : nil }
            let today = text.replacing("-", with: "_")
            return known.contains(today) ? "'\(today)', with underscores" : choice(known)
        }
        switch kind {
        case .boolean: return value.bool == nil ? "true or false" : nil
        case .string: return value.string == nil ? "a string" : nil
        case .array: return value.array == nil ? "a list" : nil
        case .object: return value.object == nil ? "a map" : nil
        case .integer, .number:
            guard let number = value.number, kind == .number || (number == number.rounded() && abs(number) <= 0x1p53) else {
                return kind == .integer ? "a whole number" : "a number"
            }
            let low = minimum.map { minimumIsExcluded ? number > $0 : number >= $0 } ?? true
            let high = maximum.map { maximumIsExcluded ? number < $0 : number <= $0 } ?? true
            guard !low || !high else { return nil }
            let bounds = [
                minimum.map { "\(minimumIsExcluded ? ">" : ">=") \($0.formatted())" },
                maximum.map { "\(maximumIsExcluded ? "<" : "<=") \($0.formatted())" },
            ]
            return "a number " + bounds.compactMap(\.self).joined(separator: " and ")
        }
    }
}

private func choice(_ known: [String]) -> String { "one of \(known.joined(separator: ", "))" }

extension JSONValue {
    /// The value as the recipe would write it.
    fileprivate var inRecipe: String {
        switch self {
        case .string(let text): "'\(text)'"
        case .integer(let number): "\(number)"
        case .number(let number): number.formatted(.number.grouping(.never).precision(.significantDigits(1...15)))
        case .bool(let value): "\(value)"
        default: kind
        }
    }
}
