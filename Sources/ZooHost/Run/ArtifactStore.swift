import Foundation
import ZooKit

/// What is made once and kept under the hash of everything that made it.
enum ArtifactStore {
    /// A value of the given kind: read where it was made before, otherwise made and kept. Another process that makes the same is
    /// waited for.
    static func value<T: Codable>(_ kind: String, key: [String], make: () throws -> T) throws -> T {
        let url = CacheFolder.artifacts.appending(path: "\(kind)-\(hash(key)).json")
        return try locked(url) {
            if FileManager.default.fileExists(atPath: url.path) { return try JSON.decode(T.self, from: url) }
            let value = try make()
            try Files.write(JSON.encode(value), to: url)
            return value
        }
    }

    /// The first 16 hexadecimal digits of the key's SHA-256.
    static func hash(_ key: [String]) -> String { String(sha256(Data(key.joined(separator: "\u{1f}").utf8)).prefix(16)) }

    /// Runs `body` while no other process does so for the same artifact.
    static func locked<T>(_ artifact: URL, _ body: () throws -> T) throws -> T {
        let folder = artifact.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let lock = folder.appending(path: ".\(artifact.lastPathComponent).lock")
        let descriptor = open(lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ZooError(.permissionDenied, "\(lock.path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw ZooError(.unavailable, "\(lock.path) cannot be locked: \(String(cString: strerror(errno)))")
            }
        }
        return try body()
    }
}
