import Foundation

/// Folders that are written atomically.
package enum OutputFolder {
    /// What to do with an existing folder.
    package enum Existing: Sendable {
        /// Keep it and drop the new one: another process was faster.
        case keep
        /// Replace it.
        case replace
        /// Throw an error.
        case refuse
    }

    /// Lets `body` fill a temporary folder, which is then flushed to the disk and renamed to `folder`.
    ///
    /// - Throws: a ``PlainError`` of `body` unchanged, or a ``FileError`` that says that the folder cannot be written.
    package static func write(_ folder: URL, existing: Existing, _ body: (URL) throws -> Void) throws {
        let files = FileManager.default
        Leftovers.remove(of: folder)
        let part = Leftovers.place(for: folder, isFolder: true)
        // What cannot be removed is hidden, and its name is never reused.
        defer { if files.fileExists(atPath: part.path) { try? files.removeItem(at: part) } }
        do {
            try OutputFile.createFolder(part)
            try body(part)
            synchronize(part)
            if existing == .replace { discard(folder) }
            do { try files.moveItem(at: part, to: folder) } catch
                where existing == .keep && files.fileExists(atPath: folder.path)
            {
                return
            }
        } catch let error as any PlainError where !(error is FileError) {
            throw error
        } catch let error as FileError where error.path.hasPrefix(part.path) {
            // Errors use the final name: the temporary one means nothing to people.
            throw FileError(error.status, folder.path + error.path.dropFirst(part.path.count), error.reason)
        } catch {
            throw FileError(writing: folder.path, error)
        }
        synchronize(folder.deletingLastPathComponent())
    }

    /// Removes a folder atomically for observers: it is renamed first, and leftovers are swept later.
    package static func discard(_ folder: URL) {
        let away = Leftovers.place(for: folder, isFolder: true)
        // What cannot be removed only costs space.
        if rename(folder.path, away.path) == 0 { try? FileManager.default.removeItem(at: away) }
    }

    /// Flushes a folder's entries, so that a rename in it survives a power cut.
    package static func synchronize(_ folder: URL) {
        let descriptor = open(folder.path, O_RDONLY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
