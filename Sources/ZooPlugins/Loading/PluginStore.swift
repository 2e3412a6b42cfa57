import Foundation
import ZooBase
import ZooKit

/// Copies of plugins by their content, from which runs load them: what happens to the file afterwards does not concern a run.
package enum PluginStore {
    /// In the cache; in the user's own cache if others may write to the one that is set.
    private static var root: URL {
        let name = "plugins"
        try? OutputFile.createFolder(CacheFolder.root)
        let isSafe = PathTrust().isSafe(CacheFolder.root.path)
        return (isSafe ? CacheFolder.root : CacheFolder.user).appending(path: name, directoryHint: .isDirectory)
    }

    /// Where the copy of that content is; the file's name is kept, for the loader and for people.
    package static func file(_ sha256: String, of path: String) -> URL {
        root.appending(path: sha256, directoryHint: .isDirectory).appending(path: URL(fileURLWithPath: path).lastPathComponent)
    }

    /// The copy of that content; nil if there is none.
    package static func found(_ sha256: String, of path: String) -> URL? {
        let file = file(sha256, of: path)
        return (try? PluginFile.sha256(file.path)) == sha256 ? file : nil
    }

    /// Keeps a copy of a plugin as it was scanned.
    ///
    /// - Parameter source: another file with its content.
    /// - Throws: `.failedPrecondition` if the file has changed since, or if it needs a library that lies beside it.
    @discardableResult
    package static func keep(_ path: String, sha256: String, from source: URL? = nil) throws -> URL {
        if let found = found(sha256, of: path) { return found }
        try PluginFile.requireAlone(path)
        let source = source ?? URL(fileURLWithPath: path)
        let data = try InputFile.data(source)
        let now = ZooBase.sha256(data)
        guard now == sha256 else {
            throw ZooError(
                .failedPrecondition,
                "\(source.path) has changed since it was read: sha256 \(sha256.prefix(12))… then, \(now.prefix(12))… now; run the command again"
            )
        }
        let file = file(sha256, of: path)
        try OutputFile.createFolder(file.deletingLastPathComponent())
        chmod(file.deletingLastPathComponent().deletingLastPathComponent().path, 0o700)
        chmod(file.deletingLastPathComponent().path, 0o700)
        try OutputFile.write(data, to: file)
        chmod(file.path, 0o500)
        sweep(but: sha256)
        return file
    }

    /// Removes copies that were made long ago: a run has a copy of its own.
    private static func sweep(but own: String) {
        let root = root
        // What cannot be listed or removed now is next time.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? [] where name != own {
            let folder = root.appending(path: name)
            let made = (try? FileManager.default.attributesOfItem(atPath: folder.path))?[.modificationDate] as? Date
            if let made, made.timeIntervalSinceNow < -longest { try? FileManager.default.removeItem(at: folder) }
        }
    }

    /// In seconds.
    private static let longest = 60.0 * 24 * 3600

    /// The SHA-256 of a file now; nil if it cannot be read.
    package static func hash(of path: String) -> String? { try? PluginFile.sha256(path) }

    /// Refuses a file that others than the user and root may have written.
    package static func requireTrust(in path: String) throws { _ = try PluginFile.checked(path) }
}
