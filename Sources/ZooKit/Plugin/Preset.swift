/// Settings of an algorithm's parameters that a paper, a book or a program names, so that `grpo@deepseekmath` means its numbers.
///
/// ```swift
/// static let presets = [
///     Preset(
///         "deepseekmath", source: "Shao et al. 2024, arXiv 2402.03300, section 4.2", summary: "The run of DeepSeekMath-RL.",
///         parameters: ["beta": 0.04, "samples": 64], notes: ["The learning rate, 1e-6, is the recipe's to set."])
/// ]
/// ```
/// `zoo plugins check` makes the algorithm with each of them; a parameter that it does not have, or a value that it refuses, is found
/// there, and by the first run that names the preset.
public struct Preset: Sendable {
    /// What stands behind the `@`: lower-case letters, digits and hyphens.
    public let name: String
    /// Where the numbers come from, to the section, the file or the version.
    public let source: String
    /// One line.
    public let summary: String
    /// By their names in recipes. What is left out keeps its default, unless a recipe says otherwise.
    public let parameters: [String: Value]
    /// What the source says that is no parameter, or that is done otherwise here: a sentence each.
    public let notes: [String]

    public init(_ name: String, source: String, summary: String, parameters: [String: Value], notes: [String] = []) {
        self.name = name
        self.source = source
        self.summary = summary
        self.parameters = parameters
        self.notes = notes
    }

    var json: String {
        let values = parameters.sorted { $0.key < $1.key }.map { "\($0.key.quoted): \($0.value.json)" }.joined(separator: ", ")
        return """
            {"name": \(name.quoted), "source": \(source.quoted), "summary": \(summary.quoted), "parameters": {\(values)}, \
            "notes": [\(notes.map(\.quoted).joined(separator: ", "))]}
            """
    }

    /// What a preset sets a parameter to: a number, `true`, `"text"`, or `nil` for null.
    public struct Value: Sendable {
        let json: String

        /// A value of any type that a parameter may have, such as a case of an enum.
        public init(_ value: some ParameterValue) { json = value.json }
    }
}

extension Preset.Value: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByStringLiteral, ExpressibleByNilLiteral
{
    public init(integerLiteral value: Int) { json = value.json }
    public init(floatLiteral value: Double) { json = value.json }
    public init(booleanLiteral value: Bool) { json = value.json }
    public init(stringLiteral value: String) { json = value.quoted }
    public init(nilLiteral: ()) { json = "null" }
}
