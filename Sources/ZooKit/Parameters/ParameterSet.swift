/// The parameters of an algorithm: a struct whose properties are marked `@Parameter`.
public protocol ParameterSet {
    /// The defaults.
    init()

    /// Checks what concerns several parameters at once; throws `.invalidArgument` with their names in the message.
    func validate() throws
}

extension ParameterSet {
    public func validate() throws {}

    /// Reads a JSON object over the defaults. An unknown name, a wrong type or a value out of range is refused by name.
    public init(json: String) throws {
        self.init()
        let members = try CardValue.object(from: json)
        let parameters = reflected
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard let parameter = parameters.first(where: { $0.name == name })?.parameter else {
                throw ZooError(.invalidArgument, unknown(name, among: parameters.map(\.name)))
            }
            try parameter.take(value, name: name)
        }
        try validate()
    }

    /// The JSON Schema of the object that `init(json:)` reads, and the order in which the parameters are declared.
    public static var schema: String {
        let reflected = Self().reflected
        let properties = reflected.map { "\($0.name.quoted): \($0.parameter.schema)" }.joined(separator: ", ")
        let order = reflected.map(\.name.quoted).joined(separator: ", ")
        return """
            {"type": "object", "additionalProperties": false, "properties": {\(properties)}, "order": [\(order)]}
            """
    }

    private var reflected: [(name: String, parameter: any AnyParameter)] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let label = child.label, let parameter = child.value as? any AnyParameter else { return nil }
            return (snakeCase(String(label.drop { $0 == "_" })), parameter)
        }
    }
}

/// `clipRange` becomes `clip_range`.
private func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase { result += "_" }
        result += character.lowercased()
    }
    return result
}

private func unknown(_ name: String, among known: [String]) -> String {
    guard let nearest = known.min(by: { editDistance(name, $0) < editDistance(name, $1) }) else {
        return "unknown parameter '\(name)'; this algorithm has no parameters"
    }
    let hint = editDistance(name, nearest) <= max(2, name.count / 2) ? "; did you mean '\(nearest)'?" : "."
    return "unknown parameter '\(name)'\(hint) Known: \(known.joined(separator: ", "))"
}

/// Levenshtein distance in characters.
private func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, character) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let substituted = diagonal + (character == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, min(row[j], row[j + 1]) + 1)
        }
    }
    return row[b.count]
}
