import Foundation
import ZooKit

/// The plugins on a search path. Each file is scanned in a worker process, so that one which crashes harms nobody.
public struct PluginCatalog: Sendable {
    /// In the order of search.
    public let plugins: [PluginDescription]
    /// The files that could not be scanned, each with its sentence.
    public let failures: [Failure]

    public struct Failure: Sendable, Equatable, Codable {
        public var path: String
        public var reason: String
    }

    /// Scans every file on the search path.
    /// - Parameter executable: What runs `worker scan FILE`.
    public static func scan(_ searchPath: PluginSearchPath, executable: String = Worker.runningExecutable) async throws
        -> PluginCatalog
    {
        let files = try searchPath.files()
        let results = try await withThrowingTaskGroup(of: (Int, ScanResult).self) { group in
            for (index, file) in files.enumerated() {
                group.addTask { (index, try await scan(file: file, executable: executable)) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let inOrder = results.sorted { $0.key < $1.key }.map(\.value)
        return PluginCatalog(
            plugins: inOrder.compactMap(\.plugin),
            failures: inOrder.compactMap { result in result.failure.map { Failure(path: result.path, reason: $0) } })
    }

    /// Scans one file.
    public static func scan(file: String, executable: String = Worker.runningExecutable) async throws -> ScanResult {
        let absolute = URL(fileURLWithPath: file).standardizedFileURL.path
        let answer = try await Worker(["worker", "scan", absolute], deadline: 30, executable: executable).answer()
        return answer.decoded(ScanResult.self) ?? ScanResult(path: absolute, failure: answer.failure(of: "plugin \(absolute)"))
    }

    /// The one plugin that offers the algorithm. Throws with the known ids where none does, with the files where several do.
    public func plugin(offering id: String) throws -> PluginDescription {
        let found = plugins.filter { $0.algorithm(id) != nil }
        guard let first = found.first else {
            let known = plugins.flatMap(\.algorithms).map(\.id).sorted().joined(separator: ", ")
            let broken = failures.map { "\n  " + $0.reason }.joined()
            throw ZooError(
                .notFound,
                "no plugin offers the algorithm '\(id)'; known are: \(known.isEmpty ? "none" : known)"
                    + (broken.isEmpty ? "" : "; these files could not be used:\(broken)"))
        }
        guard found.allSatisfy({ $0.sha256 == first.sha256 }) else {
            let files = found.map(\.path).joined(separator: " and ")
            throw ZooError(.alreadyExists, "the algorithm '\(id)' is offered by \(files); take one of them off the search path")
        }
        return first
    }
}
