import ZooKit

extension WorkerMain {
    /// `zoo worker check FILE CASE`: tries one conformance case and prints one line of JSON, a `ConformanceReport.Result`.
    public static func check(_ file: String, _ name: String) throws {
        followHost()
        try printLine(Conformance.result(of: name, on: file))
    }
}
