import Foundation
import ZooBase

/// Removes what processes of this machine that are gone left half-written beside `place`: `.NAME.PROCESS….part` and `….tmp`.
public func removeLeftovers(of place: URL) {
    let parent = place.deletingLastPathComponent()
    let prefix = ".\(place.lastPathComponent)."
    // No folder has no leftovers.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? [] {
        guard name.hasPrefix(prefix), name.hasSuffix(".part") || name.hasSuffix(".tmp"),
            let process = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }), kill(process, 0) != 0, errno == ESRCH
        else { continue }
        // What cannot be removed only costs space.
        try? FileManager.default.removeItem(at: parent.appendingPathComponent(name))
    }
}

/// Writes a folder atomically: `body` fills one beside it, which then takes its name.
///
/// - Parameter replacing: whether it takes the place of a folder that is there; otherwise that one stays.
/// - Throws: ``DataError``, that of `body`, or ``FileError``, which says that the folder cannot be written.
func writeFolder(_ folder: URL, replacing: Bool, _ body: (URL) throws -> Void) throws {
    let files = FileManager.default
    let part = folder.deletingLastPathComponent()
        .appendingPathComponent(".\(folder.lastPathComponent).\(getpid())-\(UUID().uuidString).part")
    removeLeftovers(of: folder)
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
        throw FileError(writing: folder.path, error)
    }
}
