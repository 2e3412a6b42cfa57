import Foundation

/// Writes a folder whole or not at all: `body` fills one beside it, which then takes its name.
///
/// - Parameter replacing: whether it takes the place of a folder that is there; otherwise that one stays.
/// - Throws: ``DataError``, that of `body` or one that says that the folder cannot be written.
func writeFolder(_ folder: URL, replacing: Bool, _ body: (URL) throws -> Void) throws {
    let files = FileManager.default
    let part = folder.deletingLastPathComponent()
        .appendingPathComponent(".\(folder.lastPathComponent)-\(UUID().uuidString).part")
    do {
        try files.createDirectory(at: part, withIntermediateDirectories: true)
        // What cannot be removed is hidden, and its name never comes again.
        defer { if files.fileExists(atPath: part.path) { try? files.removeItem(at: part) } }
        try body(part)
        if replacing, files.fileExists(atPath: folder.path) { try files.removeItem(at: folder) }
        do {
            try files.moveItem(at: part, to: folder)
        } catch  where !replacing && files.fileExists(atPath: folder.path) {
            // Another process was faster.
            return
        }
    } catch let error as DataError {
        throw error
    } catch {
        throw DataError(folder.path, "cannot be written (\(error.localizedDescription))")
    }
}
