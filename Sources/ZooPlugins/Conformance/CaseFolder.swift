import Foundation
import ZooBase
import ZooKit

/// An empty working directory, an empty home and an empty folder for temporary files, for one case of the bench: what a plugin leaves
/// there is found by `host/files`, and goes with the case, also where the plugin crashed.
struct CaseFolder {
    let path: String

    private static let names = ["work", "temporary", "home"]

    init(path: String) { self.path = path }

    /// Makes a new one.
    init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-check-\(UUID().uuidString)")
        do {
            for name in Self.names {
                try FileManager.default.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
            }
        } catch { throw ZooError(.internal, "\(folder.path): cannot be made: \(plainWords(error))") }
        path = folder.path
    }

    /// Makes them this process's.
    func enter() throws {
        guard chdir(path + "/work") == 0 else { throw ZooError(.notFound, "\(path)/work: no such folder") }
        setenv("TMPDIR", path + "/temporary", 1)
        setenv("HOME", path + "/home", 1)
    }

    /// Removes them with all that is in them.
    func remove() {
        // What cannot be removed lies among the system's temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }
}
