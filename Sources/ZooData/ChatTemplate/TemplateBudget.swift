/// The limits of one rendering, so that no template runs or grows without bound.
final class TemplateBudget {
    /// Evaluations, items handled, and code points handled, four to a step.
    static let steps = 5_000_000
    /// Code points of a text, items of a list.
    static let size = 4 << 20
    /// Evaluations within one another.
    static let deepest = 400
    /// Lists and mappings within one another.
    static let nesting = 600
    /// Items of `range`, as in Jinja's sandbox.
    static let range = 100_000

    private var left = steps
    private var depth = 0

    func spend(_ steps: Int = 1, _ line: Int) throws {
        left -= steps
        guard left >= 0 else { throw TemplateFault(line, "the template takes more than \(Self.steps) steps") }
    }

    /// Charges for a text or list of that size.
    func grow(_ size: Int, _ line: Int) throws {
        guard size <= Self.size else {
            throw TemplateFault(line, "the template makes a text or list of more than \(Self.size) parts")
        }
    }

    /// Charges for a search at its worst, which looks at all of `part` at each place.
    func search(_ text: Text, _ part: Text, _ line: Int) throws {
        let (cost, overflow) = (text.count / 4 + 1).multipliedReportingOverflow(by: part.count / 16 + 1)
        try spend(overflow ? .max / 2 : cost, line)
    }

    func checked(_ text: Text, _ line: Int) throws -> Text {
        try spend(text.count / 4, line)
        try grow(text.count, line)
        return text
    }

    func checked(_ value: TemplateValue, _ line: Int) throws -> TemplateValue {
        switch value {
        case .text(let text): _ = try checked(text, line)
        case .list(let list):
            try spend(list.items.count, line)
            try grow(list.items.count, line)
        default: break
        }
        guard value.depth <= Self.nesting else {
            throw TemplateFault(line, "lists and mappings nest more than \(Self.nesting) deep")
        }
        return value
    }

    func deeper<T>(_ line: Int, _ body: () throws -> T) throws -> T {
        guard depth < Self.deepest else {
            throw TemplateFault(line, "the template nests, or calls its macros, more than \(Self.deepest) deep")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }
}
