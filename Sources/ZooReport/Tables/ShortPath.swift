import Foundation

extension URL {
    /// The path as a user would type it: relative if it is below the working folder.
    package var shortPath: String {
        let here = FileManager.default.currentDirectoryPath + "/"
        let path = standardizedFileURL.path
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}
