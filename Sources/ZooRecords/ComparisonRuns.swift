import Foundation
import ZooBase
import ZooPlugins

/// The runs of a comparison: `compare.json` in its folder.
package struct ComparisonRuns: Codable, Equatable {
    /// The SHA-256 of a run's spec, by its name.
    package var runs: [String: String]

    package init(
        runs: [String: String]
    ) {
        self.runs = runs
    }

    package static let file = "compare.json"

    /// nil if the folder contains no comparison, or an unreadable one.
    package static func read(in folder: URL) throws -> Self? {
        let url = folder.appending(path: file)
        return FileManager.default.fileExists(atPath: url.path) ? try? JSON.decode(Self.self, from: url) : nil
    }

    package func write(in folder: URL) throws { try OutputFile.write(JSON.encode(self), to: folder.appending(path: Self.file)) }
}
