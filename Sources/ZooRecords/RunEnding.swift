import Foundation
import ZooBase
import ZooKit
import ZooPlugins

/// How a run that is not finished ended last; `ended.json` in its folder until it goes on.
package struct RunEnding: Codable, Sendable {
    package enum Status: String, Codable, Sendable { case stopped, failed }

    package var status: Status
    /// The error's sentence.
    package var reason: String
    package var at: Date

    package init(_ error: any Error) {
        let found = ZooError(plain: error)
        status = found.code == .cancelled ? .stopped : .failed
        reason = found.message
        at = Date()
    }
}

extension RunFolder {
    /// Whether a process is working in it. Takes no lock that others would wait for.
    package var isInUse: Bool {
        let descriptor = open(url.appending(path: FolderLock.name).path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    private var ending: URL { url.appending(path: "ended.json") }

    /// Records how the run ended; nil: it goes on. What cannot be recorded is only missing from lists.
    package func note(_ found: RunEnding?) {
        guard let found else {
            unlink(ending.path)
            return
        }
        guard isBegun, let data = try? JSON.encode(found) else { return }
        try? OutputFile.write(data, to: ending)
    }

    /// nil: it did not say, or it is in progress.
    package func readEnding() -> RunEnding? {
        guard FileManager.default.fileExists(atPath: ending.path) else { return nil }
        return try? JSON.decode(RunEnding.self, from: ending)
    }
}
