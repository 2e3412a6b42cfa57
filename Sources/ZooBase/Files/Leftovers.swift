import Foundation

/// Half-written files and folders: named `.NAME.PROCESS-….part` next to their destination, and left there if the process was killed.
package enum Leftovers {
    private static let ending = ".part"

    /// The temporary path for `place`: in the same folder, under a name that is never reused.
    static func place(for place: URL, isFolder: Bool = false) -> URL {
        place.deletingLastPathComponent().appending(
            path: ".\(place.lastPathComponent).\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 16))\(ending)",
            directoryHint: isFolder ? .isDirectory : .notDirectory)
    }

    /// Removes what ended processes of this machine left next to `place`.
    package static func remove(of place: URL) {
        let prefix = ".\(place.lastPathComponent)."
        sweep(place.deletingLastPathComponent()) { name in
            guard name.hasPrefix(prefix), let process = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }) else {
                return false
            }
            return kill(process, 0) != 0 && errno == ESRCH
        }
    }

    /// Removes all leftovers in a folder, of any process.
    ///
    /// - Parameter prefix: of the names; only the holder of the lock may do this.
    package static func sweep(_ folder: URL, prefix: String = "") { sweep(folder) { $0.hasPrefix(".\(prefix)") } }

    private static func sweep(_ folder: URL, _ isGone: (String) -> Bool) {
        // Without a folder there are no leftovers.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        where name.hasSuffix(ending) && isGone(name) {
            // What cannot be removed only costs space.
            try? FileManager.default.removeItem(at: folder.appending(path: name))
        }
    }
}
