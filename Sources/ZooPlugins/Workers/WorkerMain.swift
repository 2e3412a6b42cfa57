import Foundation
import ZooBase
import ZooKit

/// What a worker process does; the hidden commands of `zoo` call these.
public enum WorkerMain {
    /// Ends this process and its group when the host ends. Call it first in every worker; elsewhere it does nothing.
    public static func followHost() {
        guard ProcessInfo.processInfo.environment[Worker.marker] != nil else { return }
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            kill(0, SIGKILL)
        }
        thread.start()
    }

    /// `zoo worker scan FILE ...`: loads each plugin and prints one line of JSON for it, a `ScanResult`.
    public static func scan(_ files: [String]) throws {
        followHost()
        for file in files { try printLine(ScanResult(of: file)) }
    }

    /// `zoo worker check FILE CASE`: tries one conformance case and prints one line of JSON, a `ConformanceReport.Result`.
    public static func check(_ file: String, _ name: String) throws {
        followHost()
        try printLine(Conformance.result(of: name, on: file))
    }

    /// Prints a value as one line of JSON.
    static func printLine(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        var line = try encoder.encode(value)
        line.append(UInt8(ascii: "\n"))
        try StandardStream.write(line)
    }
}

/// What a scan of one file found: exactly one of `plugin` and `failure`.
public struct ScanResult: Sendable, Equatable, Codable {
    public var path: String
    public var plugin: PluginDescription?
    /// A sentence that names the file.
    public var failure: String?
    /// Processor time of the loading itself, which unlike wall time does not grow on a busy machine.
    public var seconds = 0.0

    /// Loads the file in this process.
    init(of path: String) throws {
        self.path = path
        let start = clock()
        do {
            plugin = try Plugin(path: path).description
        } catch let error as ZooError {
            failure = error.message
        }
        seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
    }

    init(path: String, failure: String) { (self.path, self.failure) = (path, failure) }
}
