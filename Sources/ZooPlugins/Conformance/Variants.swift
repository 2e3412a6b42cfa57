import ZooBase
import ZooData
import ZooKit

/// A setting of an algorithm's parameters under which its numbers are checked.
struct ParameterVariant {
    /// "baseline = none"
    let name: String
    let parameters: [String: JSONValue]
}

extension AlgorithmDescription {
    /// The defaults; then every choice and switch, and every number that is off by default turned on, one at a time.
    var variants: [ParameterVariant] {
        var variants = [ParameterVariant(name: "the defaults", parameters: [:])]
        for parameter in parameters {
            for value in parameter.alternatives {
                variants.append(ParameterVariant(name: "\(parameter.name) = \(value.shown)", parameters: [parameter.name: value]))
            }
        }
        return variants
    }
}

extension ParameterDescription {
    /// Values other than the default under which the algorithm takes another path.
    fileprivate var alternatives: [JSONValue] {
        if !choices.isEmpty { return choices.filter { $0 != defaultValue } }
        switch (kind, defaultValue) {
        case (.boolean, .bool(let on)): return [.bool(!on)]
        case (.number, 0), (.number, .null), (.integer, 0), (.integer, .null): return raised.map { [$0] } ?? []
        default: return []
        }
    }

    /// A value above the default, within the range; nil if there is none.
    var raised: JSONValue? {
        guard kind == .number || kind == .integer else { return nil }
        let base = defaultValue?.number ?? minimum ?? 0
        for candidate in kind == .integer ? [base + 3, base + 1] : [base + 0.1, base + 0.01] where accepts(candidate) {
            return .number(candidate)
        }
        return nil
    }

    /// Whether the number lies in the declared range.
    func accepts(_ number: Double) -> Bool {
        let isAbove = minimum.map { minimumIsExcluded ? number > $0 : number >= $0 } ?? true
        let isBelow = maximum.map { maximumIsExcluded ? number < $0 : number <= $0 } ?? true
        return isAbove && isBelow
    }
}

extension JSONValue {
    /// The value as a sentence shows it.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        case .string(let value): value
        case .array, .object: (try? text()) ?? "a list"
        }
    }
}

extension Subject {
    /// Runs `body` with a session of every variant. A choice that the algorithm refuses together with the other defaults is tried
    /// once more with the numbers that its message names raised, and then left out; the result says how many were.
    func forEachVariant(_ body: (ParameterVariant, Session) throws -> Void) throws -> String {
        let plugin = try plugin()
        let description = try algorithm(in: plugin)
        var refused: [String] = []
        for variant in description.variants {
            guard let session = try session(plugin, description, variant) else {
                refused.append(variant.name)
                continue
            }
            do {
                try body(variant, session)
            } catch let error as ZooError {
                throw ZooError(error.code, "with \(variant.name): \(error.message)")
            }
        }
        let tried = description.variants.count - refused.count
        return "settings: \(tried)" + (refused.isEmpty ? "" : "; refused at create: \(refused.joined(separator: ", "))")
    }

    private func session(_ plugin: Plugin, _ description: AlgorithmDescription, _ variant: ParameterVariant) throws -> Session? {
        do {
            return try Session(plugin, description.id, variant.parameters)
        } catch let refusal as ZooError where refusal.code == .invalidArgument && !variant.parameters.isEmpty {
            var parameters = variant.parameters
            for parameter in description.parameters
            where parameters[parameter.name] == nil && refusal.message.contains("'\(parameter.name)'") {
                parameters[parameter.name] = parameter.raised
            }
            do {
                return try Session(plugin, description.id, parameters)
            } catch let refusal as ZooError where refusal.code == .invalidArgument {
                return nil
            }
        }
    }
}
