/// A type that a parameter may have: `Bool`, `Int`, `Double`, an optional of a number, or an enum of strings.
public protocol ParameterValue: Sendable {
    /// Members of the JSON Schema that describe the type.
    static var schemaMembers: String { get }
    /// What an error message says was expected.
    static var expectation: String { get }
    /// The value as JSON.
    var json: String { get }
    /// The value as a number to hold against the range; nil where it has none.
    var number: Double? { get }
    /// The value from JSON; nil where the type does not fit.
    init?(json: CardValue)
}

extension Bool: ParameterValue {
    public static var schemaMembers: String { "\"type\": \"boolean\"" }
    public static var expectation: String { "true or false" }
    public var json: String { "\(self)" }
    public var number: Double? { nil }
    public init?(json: CardValue) {
        guard case .bool(let value) = json else { return nil }
        self = value
    }
}

extension Int: ParameterValue {
    public static var schemaMembers: String { "\"type\": \"integer\"" }
    public static var expectation: String { "an integer" }
    public var json: String { "\(self)" }
    public var number: Double? { Double(self) }
    public init?(json: CardValue) {
        guard case .integer(let value) = json else { return nil }
        self = value
    }
}

extension Double: ParameterValue {
    public static var schemaMembers: String { "\"type\": \"number\"" }
    public static var expectation: String { "a number" }
    public var json: String { rounded() == self && abs(self) < 1e15 ? "\(Int(self))" : "\(self)" }
    public var number: Double? { self }
    public init?(json: CardValue) {
        switch json {
        case .integer(let value): self = Double(value)
        case .number(let value): self = value
        default: return nil
        }
    }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
    public static var schemaMembers: String { "\"type\": [\"\(Wrapped.self == Int.self ? "integer" : "number")\", \"null\"]" }
    public static var expectation: String { "\(Wrapped.expectation) or null" }
    public var json: String { map(\.json) ?? "null" }
    public var number: Double? { flatMap(\.number) }
    public init?(json: CardValue) {
        if case .null = json {
            self = .none
        } else if let value = Wrapped(json: json) {
            self = .some(value)
        } else {
            return nil
        }
    }
}

extension ParameterValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    public static var schemaMembers: String {
        "\"type\": \"string\", \"enum\": [\(allCases.map(\.rawValue.quoted).joined(separator: ", "))]"
    }
    public static var expectation: String { "one of " + allCases.map(\.rawValue.quoted).joined(separator: ", ") }
    public var json: String { rawValue.quoted }
    public var number: Double? { nil }
    public init?(json: CardValue) {
        guard case .string(let name) = json else { return nil }
        self.init(rawValue: name)
    }
}

extension KLEstimator: ParameterValue {}
extension ImportanceCorrection: ParameterValue {}
extension AdvantageScale: ParameterValue {}
extension GroupBaseline: ParameterValue {}
extension VarianceDenominator: ParameterValue {}
