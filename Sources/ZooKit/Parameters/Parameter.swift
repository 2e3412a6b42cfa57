/// One parameter of an algorithm: its default, range and documentation, declared where it is used.
///
/// ```swift
/// struct Parameters: ParameterSet {
///     @Parameter("Passes over a rollout.", in: 1...1000, counts: .passes, aliases: ["num_iterations"]) var epochs = 1
/// }
/// ```
/// The name in recipes is the property's in snake case: `clipRange` is `clip_range`.
///
/// - `counts` says what the number counts, so that the host can hand the algorithm samples of its own.
/// - `aliases` are names of the same thing, in the same unit, that recipes may write as well: those of TRL's arguments. The host puts
///   the parameter's own name in their place before the algorithm sees them.
/// - `formerly` lists names that the parameter had: a recipe that writes one is refused with the name of today.
@propertyWrapper
public final class Parameter<Value: ParameterValue> {
    public private(set) var wrappedValue: Value
    private let doc: String
    private let range: (low: Value, high: Value)?
    private let counts: Counted?
    private let aliases: [String]
    private let formerly: [String]

    private init(
        _ value: Value, _ doc: String, _ range: (low: Value, high: Value)?, _ counts: Counted?, _ aliases: [String],
        _ formerly: [String]
    ) {
        self.wrappedValue = value
        self.doc = doc
        self.range = range
        self.counts = counts
        self.aliases = aliases
        self.formerly = formerly
    }

    /// A parameter that any value of its type fits: a switch, or a choice.
    public convenience init(wrappedValue: Value, _ doc: String, aliases: [String] = [], formerly: [String] = []) {
        self.init(wrappedValue, doc, nil, nil, aliases, formerly)
    }

    /// A number within a range.
    public convenience init(
        wrappedValue: Value, _ doc: String, in range: ClosedRange<Value>, counts: Counted? = nil, aliases: [String] = [],
        formerly: [String] = []
    ) where Value: Comparable {
        self.init(wrappedValue, doc, (range.lowerBound, range.upperBound), counts, aliases, formerly)
    }

    /// A number within a range, or null.
    public convenience init<Bound: ParameterValue & Comparable>(
        wrappedValue: Bound?, _ doc: String, in range: ClosedRange<Bound>, aliases: [String] = [], formerly: [String] = []
    ) where Value == Bound? {
        self.init(wrappedValue, doc, (range.lowerBound, range.upperBound), nil, aliases, formerly)
    }
}

/// What a parameter counts, where a host that brings samples of its own has to know: `zoo probe` sets these to its batch.
public enum Counted: String, Sendable {
    /// Prompts of an iteration.
    case prompts
    /// Sequences sampled for each prompt.
    case samplesPerPrompt = "samples_per_prompt"
    /// Preference pairs of an update.
    case pairs
    /// Single sequences of an update, whether the dataset has them so or as halves of pairs.
    case examples
    /// Passes over the samples of an iteration.
    case passes
    /// Parts of a pass, with an update each.
    case minibatches
}

/// A parameter of whatever type, as `ParameterSet` finds it by reflection.
protocol AnyParameter: AnyObject {
    /// The property of the JSON Schema.
    var schema: String { get }
    func take(_ value: CardValue, name: String) throws
}

extension Parameter: AnyParameter {
    var schema: String {
        var members = [Value.schemaMembers, "\"default\": \(wrappedValue.json)"]
        if let range { members += ["\"minimum\": \(range.low.json)", "\"maximum\": \(range.high.json)"] }
        members.append("\"description\": \(doc.quoted)")
        if let counts { members.append("\"counts\": \(counts.rawValue.quoted)") }
        for (key, names) in [("aliases", aliases), ("formerly", formerly)] where !names.isEmpty {
            members.append("\"\(key)\": [\(names.map(\.quoted).joined(separator: ", "))]")
        }
        return "{\(members.joined(separator: ", "))}"
    }

    func take(_ value: CardValue, name: String) throws {
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
