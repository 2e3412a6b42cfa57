/// One parameter of an algorithm: its default, range and documentation, declared where it is used.
///
/// ```swift
/// struct Parameters: ParameterSet {
///     @Parameter("Strength of the pull to the reference, per nat.", in: 0.001...100) var beta = 0.1
/// }
/// ```
/// The name in recipes is the property's in snake case: `clipRange` is `clip_range`.
@propertyWrapper
public final class Parameter<Value: ParameterValue> {
    public private(set) var wrappedValue: Value
    private let doc: String
    private let range: (low: Value, high: Value)?

    private init(_ value: Value, _ doc: String, _ range: (low: Value, high: Value)?) {
        self.wrappedValue = value
        self.doc = doc
        self.range = range
    }

    /// A parameter that any value of its type fits: a switch, or a choice.
    public convenience init(wrappedValue: Value, _ doc: String) { self.init(wrappedValue, doc, nil) }

    /// A number within a range.
    public convenience init(wrappedValue: Value, _ doc: String, in range: ClosedRange<Value>) where Value: Comparable {
        self.init(wrappedValue, doc, (range.lowerBound, range.upperBound))
    }

    /// A number within a range, or null.
    public convenience init<Bound: ParameterValue & Comparable>(wrappedValue: Bound?, _ doc: String, in range: ClosedRange<Bound>)
    where Value == Bound? {
        self.init(wrappedValue, doc, (range.lowerBound, range.upperBound))
    }
}

/// A parameter of whatever type, as `ParameterSet` finds it by reflection.
protocol AnyParameter: AnyObject {
    /// The property of the JSON Schema.
    var schema: String { get }
    func take(_ value: JSONValue, name: String) throws
}

extension Parameter: AnyParameter {
    var schema: String {
        var members = [Value.schemaMembers, "\"default\": \(wrappedValue.json)"]
        if let range { members += ["\"minimum\": \(range.low.json)", "\"maximum\": \(range.high.json)"] }
        members.append("\"description\": \(doc.quoted)")
        return "{\(members.joined(separator: ", "))}"
    }

    func take(_ value: JSONValue, name: String) throws {
        guard let parsed = Value(json: value) else {
            throw ZooError(.invalidArgument, "parameter '\(name)' is \(value.shown); expected \(Value.expectation)")
        }
        if let range, let number = parsed.number, let low = range.low.number, let high = range.high.number,
            !(low...high).contains(number)
        {
            let expected = "a value from \(range.low.json) to \(range.high.json)"
            throw ZooError(.invalidArgument, "parameter '\(name)' is \(value.shown); expected \(expected)")
        }
        wrappedValue = parsed
    }
}
