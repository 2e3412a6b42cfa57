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
    ///
    /// - Parameters:
    ///   - executable: what runs `worker scan FILE ...`.
    ///   - anew: scan again what is known from earlier scans.
    public static func scan(
        _ searchPath: PluginSearchPath, executable: String = Worker.loader(), anew: Bool = false
    ) async throws -> PluginCatalog {
        PluginCatalog(try await PluginScan(executable: executable, anew: anew).results(searchPath.files()))
    }

    /// Scans one file.
    package static func scan(file: String) async throws -> PluginCatalog {
        PluginCatalog(try await PluginScan().results([file]))
    }

    private init(_ results: [ScanResult]) {
        self.init(
            plugins: results.compactMap(\.plugin),
            failures: results.compactMap { result in result.failure.map { Failure(path: result.path, reason: $0) } })
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
            let added = found.map { URL(fileURLWithPath: $0.path) }.first {
                $0.deletingLastPathComponent().path == AddedPlugins.folder.path
            }
            let way = added.map { ", or: zoo plugins remove \($0.lastPathComponent)" } ?? ""
            throw ZooError(
                .failedPrecondition, "the algorithm '\(id)' is offered by \(files); remove one of them from the search path\(way)"
            )
        }
        return first
    }
}
