import Foundation
import ZooBase
import ZooKit

package enum Files {
    /// Writes a file atomically: a temporary name, flushed, renamed.
    package static func write(_ data: Data, to url: URL) throws {
        let temporary = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).\(getpid()).tmp")
        do {
            try data.write(to: temporary)
            let file = try FileHandle(forUpdating: temporary)
            try file.synchronize()
            try file.close()
            guard rename(temporary.path, url.path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            synchronize(folder: url.deletingLastPathComponent())
        } catch {
            // The file may be missing; the error that matters is the first one.
            try? FileManager.default.removeItem(at: temporary)
            throw ZooError(FileError(writing: url.path, error))
        }
    }

    /// The files below a folder, by their path in it.
    package static func names(in folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: folder.appending(path: name).path, isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }

    /// Removes a folder atomically for observers: it is renamed first, and leftovers are swept later.
    package static func discard(_ folder: URL) {
        let name = folder.lastPathComponent
        let away = folder.deletingLastPathComponent().appending(path: ".\(name).\(getpid()).tmp", directoryHint: .isDirectory)
        // What cannot be removed only costs space.
        try? FileManager.default.removeItem(at: away)
        if rename(folder.path, away.path) == 0 { try? FileManager.default.removeItem(at: away) }
    }

    /// Removes half-written files and folders of processes that were killed: `.NAME….tmp` and `NAME.PROCESS.part`.
    ///
    /// - Parameter prefix: of the names; only whoever has what they are named after to himself may sweep.
    package static func sweep(_ folder: URL, prefix: String = "") {
        // No folder has no leftovers.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let isOurs = name.hasPrefix("." + prefix) && name.hasSuffix(".tmp")
            let isPart = name.hasPrefix(prefix) && name.contains(/\.[0-9]+\.part$/)
            if isOurs || isPart { try? FileManager.default.removeItem(at: folder.appending(path: name)) }
        }
    }

    /// Flushes a folder's entries, so that a rename in it survives a power cut.
    package static func synchronize(folder: URL) {
        let descriptor = open(folder.path, O_RDONLY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

extension ZooError {
    /// An error of a file with the code of its kind: what is named and is not there is `notFound`, what cannot be made `alreadyExists`,
    /// a disk that fails or is full `resourceExhausted`.
    package init(_ error: FileError) {
        let code: Code =
            switch error.kind {
            case .noInput: .notFound
            case .cannotCreate: .alreadyExists
            case .inputOutput: .resourceExhausted
            case .noPermission: .permissionDenied
            }
        self.init(code, error.description)
    }
}
