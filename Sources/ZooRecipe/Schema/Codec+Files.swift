import Foundation
import ZooBase

extension Codec where Value == URL {
    /// A file or folder that must exist.
    static func path(_ words: String, needsFolder: Bool = false) -> Codec {
        Codec(words, .text("path")) {
            try existing($0, words, needsFolder: needsFolder)
        } write: {
            .text($0.path)
        }
    }

    /// The path that a field says as `text`.
    static func url(_ text: String, of field: Field) -> URL {
        URL(
            fileURLWithPath: (text as NSString).expandingTildeInPath,
            relativeTo: field.node.folder ?? field.reading.file.deletingLastPathComponent()
        )
        .standardizedFileURL.absoluteURL
    }

    /// The file or folder that a field names; relative paths begin in the folder of the file that says them.
    static func existing(_ field: Field, _ words: String, needsFolder: Bool = false) throws -> URL {
        let text = try Codec<String>.text(words).value(field)
        let reading = field.reading
        let url = url(text, of: field)
        guard reading.checksFiles else { return url }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw field.error("expected \(words), found nothing at \(url.path)")
        }
        guard !needsFolder || isFolder.boolValue else { throw field.error("expected \(words), found a file at \(url.path)") }
        if !isFolder.boolValue {
            do { try InputFile.check(url) } catch { throw field.error("expected \(words), found something unreadable: \(error)") }
        }
        return url
    }
}
