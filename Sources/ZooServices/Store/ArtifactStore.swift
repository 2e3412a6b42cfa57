import Foundation
import Synchronization
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// The cache of artifacts, each under the hash of everything that went into it.
///
/// Each artifact has a lock file: making or removing it takes the lock exclusively, using it shares the lock. The
/// lock file's time is that of the last use.
package enum ArtifactStore {
    /// A value as it is kept.
    private struct Kept<Value: Codable>: Codable {
        var madeFrom: MadeFrom
        var value: Value
        /// Of the value's JSON.
        var sha256: String
    }

    /// A value of the given kind: read from the cache, or made and stored. Another process that is making the same is
    /// waited for.
    package static func value<T: Codable>(_ kind: String, from made: MadeFrom, make: () throws -> T) throws -> T {
        let url = CacheFolder.artifacts.appending(path: "\(kind)-\(try made.hash).json")
        var found: T?
        let lock = try use(url) {
            guard FileManager.default.fileExists(atPath: url.path) else { return false }
            do {
                let kept = try JSON.decode(Kept<T>.self, from: url)
                guard sha256(try JSON.encode(kept.value)) == kept.sha256 else {
                    throw ZooError(.dataLoss, "\(url.path): its hash differs from the recorded one")
                }
                found = kept.value
                return true
            } catch {
                // The key has everything that went into it, so recomputing it loses nothing.
                say("\(ZooError(plain: error)); recomputing it")
                return false
            }
        } make: {
            let value = try make()
            // The same bits that another process will read.
            try OutputFile.write(JSON.encode(Kept(madeFrom: made, value: value, sha256: sha256(JSON.encode(value)))), to: url)
            found = value
        }
        lock.release()
        guard let found else { throw ZooError(.internal, "\(url.path) was neither found nor created") }
        return found
    }

    /// A value of the given kind if the cache has it; nothing is made.
    package static func found<T: Codable>(_ kind: String, from made: MadeFrom, as type: T.Type = T.self) throws -> T? {
        let url = CacheFolder.artifacts.appending(path: "\(kind)-\(try made.hash).json")
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        return try? JSON.decode(Kept<T>.self, from: url).value
    }

    private static let said = Mutex<Set<String>>([])

    // MARK: - Locks

    /// A lock of this process on an artifact, until it is released or the process ends.
    package struct Lock {
        fileprivate let descriptor: Int32

        package func release() { close(descriptor) }
    }

    /// Makes the artifact if it is incomplete, while no other process does, and then shares its lock: nobody removes
    /// it until the lock is released.
    package static func use(_ artifact: URL, isWhole: () throws -> Bool, make: () throws -> Void) throws -> Lock {
        while true {
            let descriptor = try opened(artifact)
            do {
                try lock(descriptor, LOCK_SH, artifact)
                guard isCurrent(descriptor, artifact) else {
                    close(descriptor)
                    continue
                }
                if try !isWhole() {
                    try lock(descriptor, LOCK_EX, artifact)
                    guard isCurrent(descriptor, artifact) else {
                        close(descriptor)
                        continue
                    }
                    // Those who wait are told who it is. What a dead process said here is overwritten: its lock ended with it.
                    try FolderLock.Holder(being: "made").write(to: descriptor)
                    Leftovers.sweep(artifact.deletingLastPathComponent(), prefix: artifact.lastPathComponent)
                    if try !isWhole() { try make() }
                    ftruncate(descriptor, 0)
                    // Between the two locks another process may remove what was just made; then it is made again.
                    try lock(descriptor, LOCK_SH, artifact)
                    guard isCurrent(descriptor, artifact), FileManager.default.fileExists(atPath: artifact.path) else {
                        close(descriptor)
                        continue
                    }
                }
                futimens(descriptor, nil)
                return Lock(descriptor: descriptor)
            } catch {
                close(descriptor)
                throw error
            }
        }
    }

    /// Keeps others from removing an artifact until this process ends. Does nothing outside the cache.
    package static func hold(_ artifact: URL) throws {
        guard artifact.deletingLastPathComponent().standardizedFileURL.path == CacheFolder.artifacts.standardizedFileURL.path,
            FileManager.default.fileExists(atPath: artifact.path)
        else { return }
        _ = try use(artifact, isWhole: { true }, make: {})
    }

    /// Runs `body` while no other process makes or uses the artifact; nil if one does.
    static func alone<T>(_ artifact: URL, _ body: () throws -> T) throws -> T? {
        let descriptor = try opened(artifact)
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isCurrent(descriptor, artifact) else { return nil }
        return try body()
    }

    /// Whether a process is making or using the artifact.
    static func isLocked(_ artifact: URL) -> Bool {
        let descriptor = open(lockFile(artifact).path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    static func lockFile(_ artifact: URL) -> URL {
        artifact.deletingLastPathComponent().appending(path: ".\(artifact.lastPathComponent).lock")
    }

    private static func opened(_ artifact: URL) throws -> Int32 {
        let folder = artifact.deletingLastPathComponent()
        try OutputFile.createFolder(folder)
        let lock = lockFile(artifact)
        let descriptor = open(lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ZooError(plain: FileError(writing: lock.path, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)))
        }
        return descriptor
    }

    private static func lock(_ descriptor: Int32, _ kind: Int32, _ artifact: URL) throws {
        if flock(descriptor, kind | LOCK_NB) == 0 { return }
        if errno == EWOULDBLOCK {
            var holder = FolderLock.Holder(of: lockFile(artifact))
            // Who has only just taken it has not said so yet.
            for _ in 0..<10 where holder == nil {
                Thread.sleep(forTimeInterval: 0.02)
                if flock(descriptor, kind | LOCK_NB) == 0 { return }
                holder = FolderLock.Holder(of: lockFile(artifact))
            }
            say(
                holder.map { "waiting for \(artifact.lastPathComponent), which is being made by \($0.words)" }
                    ?? "waiting for another process that is using \(artifact.lastPathComponent)")
        }
        while flock(descriptor, kind) != 0 {
            guard errno == EINTR else {
                let number = POSIXErrorCode(rawValue: errno) ?? .EIO
                throw ZooError(.unavailable, "\(lockFile(artifact).path) cannot be locked: \(plainWords(POSIXError(number)))")
            }
        }
    }

    /// Whether the lock file is still the one that was opened: removing an artifact removes its lock file too.
    private static func isCurrent(_ descriptor: Int32, _ artifact: URL) -> Bool {
        var (held, named) = (stat(), stat())
        return fstat(descriptor, &held) == 0 && stat(lockFile(artifact).path, &named) == 0 && held.st_ino == named.st_ino
            && held.st_dev == named.st_dev
    }

    /// A word to people, once.
    static func say(_ line: String) {
        guard said.withLock({ $0.insert(line).inserted }) else { return }
        if HostChannel.isOpen { return RunEvent.send(.message(line)) }
        // Where nobody listens there is nobody to tell.
        StandardStream.complain("zoo: \(line)")
    }
}
