import ZooBase
import ZooData
import ZooKit

/// A setting of an algorithm's parameters under which its numbers are checked.
struct ParameterVariant {
    /// "baseline = none"
    let name: String
    let parameters: [String: JSONValue]

    init(name: String, parameters: [String: JSONValue]) { (self.name, self.parameters) = (name, parameters) }

    init(_ parameters: [String: JSONValue]) {
        self.parameters = parameters
        name = parameters.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value.shown)" }.joined(separator: " and ")
    }
}

extension AlgorithmDescription {
    /// Every default of the schema.
    var defaults: [String: JSONValue] { parameters.reduce(into: [:]) { $0[$1.name] = $1.defaultValue } }

    /// The defaults; then every choice and switch, and every number that is off by default turned on, one at a time.
    var variants: [ParameterVariant] {
        var variants = [ParameterVariant(name: "the defaults", parameters: [:])]
        for parameter in parameters {
            for value in parameter.alternatives {
                variants.append(ParameterVariant([parameter.name: value]))
                // A choice that matters only where a number of the same family is above 0: kl_loss_estimator and kl_loss_coef.
                for number in parameters where number.isOff && !parameter.choices.isEmpty && number.isKin(of: parameter) {
                    variants.append(ParameterVariant([parameter.name: value, number.name: number.raised ?? .null]))
                }
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

    /// Whether it is a number that is 0 or nothing by default.
    fileprivate var isOff: Bool {
        (kind == .number || kind == .integer) && (defaultValue == .null || defaultValue?.number == 0) && raised != nil
    }

    /// Whether two names begin with the same two words.
    fileprivate func isKin(of other: ParameterDescription) -> Bool {
        let (own, theirs) = (name.split(separator: "_").prefix(2), other.name.split(separator: "_").prefix(2))
        return own.count == 2 && own == theirs && name != other.name
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
    /// Runs `body` with a session of every variant, or of those of choices and switches. A choice that the algorithm refuses together with the other defaults is tried
    /// once more with the numbers that its message names raised, and then left out; the result says how many were.
    func forEachVariant(
        choicesOnly: Bool = false, task: @autoclosure () -> SyntheticTask = SyntheticTask(),
        _ body: (ParameterVariant, Session) throws -> Void
    ) throws -> String {
        let plugin = try plugin()
        let description = try algorithm(in: plugin)
        var refused: [String] = []
        let variants = description.variants.filter { !choicesOnly || $0.parameters.values.allSatisfy { $0.number == nil } }
        for variant in variants {
            guard let session = try session(plugin, description, variant, task()) else {
                refused.append(variant.name)
                continue
            }
            try attempt("with \(variant.name)") { try body(variant, session) }
        }
        let tried = variants.count - refused.count
        return "settings: \(tried)" + (refused.isEmpty ? "" : "; refused at create: \(refused.joined(separator: ", "))")
    }

    /// An algorithm with the variant's parameters; nil where `create` refuses them.
    func session(
        _ plugin: Plugin, _ description: AlgorithmDescription, _ variant: ParameterVariant,
        _ task: SyntheticTask = SyntheticTask()
    ) throws -> Session? {
        do {
            return try Session(plugin, description.id, variant.parameters, task: task)
        } catch let refusal as ZooError where refusal.code == .invalidArgument && !variant.parameters.isEmpty {
            var parameters = variant.parameters
            for parameter in description.parameters
            where parameters[parameter.name] == nil && refusal.message.contains("'\(parameter.name)'") {
                parameters[parameter.name] = parameter.raised
            }
            do {
                return try Session(plugin, description.id, parameters, task: task)
            } catch let refusal as ZooError where refusal.code == .invalidArgument {
                return nil
            }
        }
    }
}
