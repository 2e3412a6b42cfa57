/// What is wrong in a template, before its file's name is put in front.
struct TemplateFault: Error {
    var line: Int
    var reason: String

    init(_ line: Int, _ reason: String) {
        self.line = line
        self.reason = reason
    }

    /// What Jinja has and this subset of it has not.
    static func outside(_ line: Int, _ construct: String) -> TemplateFault {
        TemplateFault(line, "\(construct) is outside the supported subset of Jinja")
    }
}
