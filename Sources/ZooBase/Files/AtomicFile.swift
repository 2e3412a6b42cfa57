import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that appears atomically: written under a temporary name, flushed to the disk, then renamed.
///
/// Without `commit`, because an error was thrown or the disk is full, the temporary file is removed.
public final class AtomicFile {
    private let destination: String
    private let temporary: String
    private let folder: URL
    private var descriptor: Int32

    public init(_ destination: URL) throws {
        self.destination = destination.path
        folder = destination.deletingLastPathComponent()
        temporary = Leftovers.place(for: destination).path
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error(self.destination) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            // Some systems refuse single writes of 2 GiB and more.
            #if canImport(Glibc)
                let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #else
                let written = Darwin.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            #endif
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.error(destination)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    public func write(_ data: Data) throws { try data.withUnsafeBytes { try write($0) } }

    /// Flushes, closes and renames; the file is there from now on.
    public func commit() throws {
        guard fsync(descriptor) == 0 else { throw Self.error(destination) }
        let open = descriptor
        descriptor = -1
        guard close(open) == 0, rename(temporary, destination) == 0 else {
            let error = Self.error(destination)
            unlink(temporary)
            throw error
        }
        OutputFolder.synchronize(folder)
    }

    private static func error(_ path: String) -> FileError { FileError(writing: path, errno) }
}
