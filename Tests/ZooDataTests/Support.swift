import Foundation
import Testing
import ZooData

/// A folder of its own for one test; all of them go when the test process ends.
func temporaryFolder() throws -> URL {
    let folder = TemporaryFolders.root.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

private enum TemporaryFolders {
    static let root: URL = {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("zoo-data-\(UUID().uuidString)")
        atexit { try? FileManager.default.removeItem(at: TemporaryFolders.root) }
        return root
    }()
}

/// A file that holds `text`.
func file(_ text: String, name: String = "data.jsonl") throws -> URL {
    try file(Data(text.utf8), name: name)
}

func file(_ data: Data, name: String = "data.jsonl") throws -> URL {
    let url = try temporaryFolder().appendingPathComponent(name)
    try data.write(to: url)
    return url
}

/// The sentence with which `body` fails.
func failure<T>(_ body: () throws -> T) throws -> String {
    let error = #expect(throws: (any Error).self) { _ = try body() }
    return "\(try #require(error))"
}
