import Foundation
import ZooKit

/// The plugins on a search path. Files are scanned in worker processes, so a crash does no harm.
public struct PluginCatalog: Sendable {
    /// In the order of search.
    public let plugins: [PluginDescription]
    /// The files that could not be scanned, each with its sentence.
    public let failures: [Failure]

    public init(plugins: [PluginDescription], failures: [Failure] = []) {
        self.plugins = plugins
        self.failures = failures
    }

    public struct Failure: Sendable, Equatable, Codable {
        public var path: String
        public var reason: String
    }

    /// Scans every file on the search path.
    /// - Parameter executable: What runs `worker scan FILE ...`.
    public static func scan(_ searchPath: PluginSearchPath, executable: String = Worker.runningExecutable) async throws
        -> PluginCatalog
    {
        PluginCatalog(try await scan(files: searchPath.files(), executable: executable))
    }

    /// Scans one file.
    package static func scan(file: String) async throws -> PluginCatalog {
        PluginCatalog(try await scan(files: [file], executable: Worker.runningExecutable))
    }

    private init(_ results: [ScanResult]) {
        self.init(
            plugins: results.compactMap(\.plugin),
            failures: results.compactMap { result in result.failure.map { Failure(path: result.path, reason: $0) } })
    }

    /// Scans files in a worker; if a file ends it, that file has failed, and another worker scans the rest.
    package static func scan(files: [String], executable: String) async throws -> [ScanResult] {
        var results: [ScanResult] = []
        var remaining = files[...]
        while !remaining.isEmpty {
            let answer = try await Worker(["worker", "scan"] + remaining, deadline: 60, executable: executable).answer()
            let known = results.count
            for result in answer.lines.compactMap({ $0.decoded(ScanResult.self) }) where result.path == remaining.first {
                results.append(result)
                remaining.removeFirst()
            }
            guard let path = remaining.popFirst() else { break }
            results.append(ScanResult(path: path, failure: answer.failure(of: "plugin \(path)", after: results.count - known)))
        }
        return results
    }

    /// The only plugin that offers the algorithm. Throws with the known ids if none does, with the files if several do.
    public func plugin(offering id: String) throws -> PluginDescription {
        let found = plugins.filter { $0.algorithm(id) != nil }
        guard let first = found.first else {
            let known = plugins.flatMap(\.algorithms).map(\.id).sorted().joined(separator: ", ")
            let broken = failures.map { "\n  " + $0.reason }.joined()
            throw ZooError(
                .invalidArgument,
                "no plugin offers the algorithm '\(id)'; known are: \(known.isEmpty ? "none" : known)"
                    + (broken.isEmpty ? "" : "; these files could not be used:\(broken)"))
        }
        guard found.allSatisfy({ $0.sha256 == first.sha256 }) else {
            let files = found.map(\.path).joined(separator: " and ")
            throw ZooError(
                .failedPrecondition, "the algorithm '\(id)' is offered by \(files); remove one of them from the search path")
        }
        return first
    }
}
