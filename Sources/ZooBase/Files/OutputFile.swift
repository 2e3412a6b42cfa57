import Foundation

/// Files and folders that are written, each failure a ``FileError``.
public enum OutputFile {
    /// Writes a file atomically. A pipe or a device is written to, not replaced by a file; so is the target of a link.
    public static func write(_ data: Data, to url: URL) throws {
        var status = stat()
        if stat(url.path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
            let descriptor = open(url.path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw FileError(writing: url.path, errno) }
            defer { close(descriptor) }
            if let number = StandardStream.writeAll(data, descriptor) { throw FileError(writing: url.path, number) }
            return
        }
        let file = try AtomicFile(url.resolvingSymlinksInPath())
        try file.write(data)
        try file.commit()
    }

    /// Creates a folder and its parents; an existing one is kept.
    public static func createFolder(_ url: URL) throws {
        do { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) } catch {
            // For a file in the way, Foundation only says that it "exists".
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue {
                throw FileError(.cannotCreate, url.path, "cannot be created: a file has that name; expected a folder")
            }
            let said = FileError(writing: url.path, error)
            throw FileError(said.status, url.path, "cannot be created: \(plainWords(error))")
        }
    }
}
