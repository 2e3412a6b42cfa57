import Foundation
import Synchronization
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// SHA-256 of files, read in pieces; a large file is read once, until it changes.
///
/// What a file was is remembered with its device, number, size and times: a write changes those, to the nanosecond. The hashes of
/// large files are kept in the cache for the next command.
package enum FileHashes {
    /// Bytes from which a hash is kept for the next command.
    static let large = 4 << 20
    /// A file that changed this lately, in seconds, could change again within one tick of the file system's clock.
    private static let settled = 2.0
    private static let piece = 1 << 20

    private struct Memory {
        var hashes: [String: String] = [:]
        /// Whether those of earlier commands are among them.
        var isRead = false
    }

    private static let memory = Mutex(Memory())

    /// - Throws: one sentence that names the file, where it is none or cannot be read.
    package static func hash(of file: URL) throws -> String {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(file) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(file) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ZooError(.invalidArgument, "\(file.path) is not a regular file; expected one that can be read again")
        }
        let identity = identity(status)
        if let hash = remembered(identity) { return hash }
        if status.st_size >= 256 << 20 {
            ArtifactStore.say("reading \(file.path), \(status.st_size >> 20) MiB, to hash its content")
        }
        let hash = try read(descriptor, file)
        // Only a file that is still the same may be remembered.
        var after = stat()
        if fstat(descriptor, &after) == 0, Self.identity(after) == identity, isSettled(after) {
            remember(identity, hash, isLarge: Int(status.st_size) >= large)
        }
        return hash
    }

    private static func read(_ descriptor: Int32, _ file: URL) throws -> String {
        var stream = SHA256Stream()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Foundation.read(descriptor, buffer.baseAddress, piece)
            if count < 0 {
                if errno == EINTR { continue }
                throw unreadable(file)
            }
            if count == 0 { return stream.finish() }
            stream.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func unreadable(_ file: URL) -> ZooError {
        ZooError(
            errno == ENOENT ? .notFound : .permissionDenied, "\(file.path) cannot be read: \(String(cString: strerror(errno)))")
    }

    // MARK: - What is remembered

    private static func identity(_ status: stat) -> String {
        let (modified, changed) = (status.modified, status.changed)
        return [
            "\(status.st_dev)", "\(status.st_ino)", "\(status.st_size)", "\(modified.tv_sec).\(modified.tv_nsec)",
            "\(changed.tv_sec).\(changed.tv_nsec)",
        ].joined(separator: ":")
    }

    private static func isSettled(_ status: stat) -> Bool {
        let latest = max(status.modified.tv_sec, status.changed.tv_sec)
        return Date().timeIntervalSince1970 - Double(latest) > settled
    }

    private static func remembered(_ identity: String) -> String? {
        memory.withLock { memory in
            if !memory.isRead {
                memory.isRead = true
                memory.hashes.merge(kept()) { own, _ in own }
            }
            return memory.hashes[identity]
        }
    }

    private static func remember(_ identity: String, _ hash: String, isLarge: Bool) {
        memory.withLock { $0.hashes[identity] = hash }
        guard isLarge else { return }
        // One write at the end of the file: other commands add lines too. Without it the file is read again, no more.
        let descriptor = open(store.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        let line = Array("\(identity)\t\(hash)\n".utf8)
        _ = write(descriptor, line, line.count)
        close(descriptor)
    }

    private static var store: URL { CacheFolder.root.appending(path: "hashes.tsv") }
    /// Lines of the file above which it starts over.
    private static let mostKept = 20_000

    /// What earlier commands hashed; lines that are not whole are left out.
    private static func kept() -> [String: String] {
        guard let text = try? String(contentsOf: store, encoding: .utf8) else { return [:] }
        let lines = text.split(separator: "\n")
        if lines.count > mostKept { unlink(store.path) }
        return lines.reduce(into: [:]) { hashes, line in
            let parts = line.split(separator: "\t")
            if parts.count == 2, parts[1].count == 64 { hashes[String(parts[0])] = String(parts[1]) }
        }
    }
}

extension stat {
    #if canImport(Darwin)
        fileprivate var modified: timespec { st_mtimespec }
        fileprivate var changed: timespec { st_ctimespec }
    #else
        fileprivate var modified: timespec { st_mtim }
        fileprivate var changed: timespec { st_ctim }
    #endif
}
