import Foundation
import ZooBase
import ZooKit

/// A folder that one process owns exclusively: a run's, a comparison's, a probe's.
///
/// The kernel holds the lock (`flock`), so it ends with the process, however that ends. The file says who holds it. Workers
/// inherit the lock: a folder is free only when the last process that writes to it is gone.
package final class FolderLock: Sendable {
    /// Who holds a folder or an artifact; one line of JSON in its lock file.
    package struct Holder: Codable {
        var process: Int32
        var host: String
        /// In ISO 8601.
        var since: String
        /// What it does there: "trained".
        var work: String

        /// This process, from now on.
        package init(being work: String) {
            (process, host, self.work) = (getpid(), FolderLock.host, work)
            since = Date().formatted(.iso8601)
        }

        /// Who says so in a lock file; nil: nobody. It may be writing just now.
        package init?(of file: URL) {
            guard let found = (try? Data(contentsOf: file)).flatMap({ try? JSONDecoder().decode(Holder.self, from: $0) }) else {
                return nil
            }
            self = found
        }

        /// Says so in an open lock file. A reader that finds no name there still finds the lock held.
        package func write(to descriptor: Int32) throws {
            let text = Array(try JSON.encode(self, pretty: false) + Data("\n".utf8))
            if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
        }

        /// "process 42 on host atlas since 2026-01-31T12:00:00Z"
        package var words: String { "process \(process) on host \(host) since \(since)" }

        /// "run runs/tiny-sft-0-1 is being trained by process 42 on host atlas since 2026-01-31T12:00:00Z"
        func sentence(_ subject: String, _ folder: URL) -> String {
            "\(subject) \(folder.path) is being \(work) by \(words)"
        }
    }

    package static let name = ".lock"
    /// Workers get it as theirs.
    let descriptor: Int32
    /// How long workers may outlive a holder that has died.
    private static let grace = Duration.seconds(10)

    /// Takes the lock of a folder, which is created if needed.
    ///
    /// - Parameters:
    ///   - subject: what the folder is, "run", for the error.
    ///   - work: what the holder does there, "trained".
    /// - Throws: `.failedPrecondition` with the name of the holder if another process has it.
    package init(_ folder: URL, _ subject: String, being work: String) throws {
        try OutputFile.createFolder(folder)
        let file = folder.appending(path: Self.name)
        descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw FileError(writing: file.path, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO))
        }
        do { try take(file, subject, folder) } catch {
            close(descriptor)
            throw error
        }
        try Holder(being: work).write(to: descriptor)
    }

    deinit {
        // Closing alone would leave the lock to a worker that is about to end.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private func take(_ file: URL, _ subject: String, _ folder: URL) throws {
        let limit = ContinuousClock.now + Self.grace
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK:
                let holder = Holder(of: file)
                // The holder was killed: its workers notice and end within a moment.
                if let holder, holder.host == Self.host, !Self.isAlive(holder.process), .now < limit {
                    usleep(10_000)
                    continue
                }
                let sentence = holder?.sentence(subject, folder) ?? "\(subject) \(folder.path) is in use by another process"
                throw ZooError(.failedPrecondition, "\(sentence); wait for it, or stop it")
            case let number:
                throw ZooError(.unavailable, "\(file.path) cannot be locked: \(String(cString: strerror(number)))")
            }
        }
    }

    /// The lock, or nil if another process has it.
    package static func ifFree(_ folder: URL, _ subject: String, being work: String) throws -> FolderLock? {
        do { return try FolderLock(folder, subject, being: work) } catch let error as ZooError
            where error.code == .failedPrecondition
        {
            return nil
        }
    }

    private static func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 || errno != ESRCH }

    fileprivate static var host: String { ProcessInfo.processInfo.hostName }
}
