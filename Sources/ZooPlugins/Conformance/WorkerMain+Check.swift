import ZooKit

extension WorkerMain {
    /// `zoo-plugin-worker worker WORD ARGUMENT ...`: what foreign code is loaded for. False for an unknown word.
    public static func work(_ word: String, _ arguments: [String]) throws -> Bool {
        switch (word, arguments.count) {
        case ("scan", 1...): try scan(arguments)
        case ("check", 3): try check(arguments[0], arguments[1], in: arguments[2])
        case ("digest", 2): try digest(arguments[0], arguments[1])
        case ("rewards", 1): try rewards(arguments[0])
        case ("score", 2): try score(arguments[0], arguments[1])
        default: return false
        }
        return true
    }

    /// `zoo worker check FILE CASE FOLDER`: tries one conformance case in the folder and reports one line of JSON, a
    /// `ConformanceReport.Result`. Before it stands a line for each sub-trial, as it begins: the last one is where a plugin crashed or
    /// hung.
    public static func check(_ file: String, _ name: String, in folder: String) throws {
        followHost()
        try CaseFolder(path: folder).enter()
        try report(Conformance.result(of: name, on: file, announces: true))
        HostChannel.end(0)
    }
}
