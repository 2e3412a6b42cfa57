import Foundation

/// What is half-written: it stands beside its place as `.NAME.PROCESS-….part`, and stays there where the process was killed.
package enum Leftovers {
    private static let ending = ".part"

    /// Where what is to become `place` is written: in the same folder, by a name that never comes again.
    static func place(for place: URL, isFolder: Bool = false) -> URL {
        place.deletingLastPathComponent().appending(
            path: ".\(place.lastPathComponent).\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 16))\(ending)",
            directoryHint: isFolder ? .isDirectory : .notDirectory)
    }

    /// Removes what processes of this machine that are gone left beside `place`.
    package static func remove(of place: URL) {
        let prefix = ".\(place.lastPathComponent)."
        sweep(place.deletingLastPathComponent()) { name in
            guard name.hasPrefix(prefix), let process = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }) else {
                return false
            }
            return kill(process, 0) != 0 && errno == ESRCH
        }
    }

    /// Removes all of a folder, of whatever process.
    ///
    /// - Parameter prefix: of the names; only whoever has what they are named after to himself may sweep.
    package static func sweep(_ folder: URL, prefix: String = "") { sweep(folder) { $0.hasPrefix(".\(prefix)") } }

    private static func sweep(_ folder: URL, _ isGone: (String) -> Bool) {
        // No folder has no leftovers.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        where name.hasSuffix(ending) && isGone(name) {
            // What cannot be removed only costs space.
            try? FileManager.default.removeItem(at: folder.appending(path: name))
        }
    }
}
