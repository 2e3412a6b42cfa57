import Foundation
import ZooBase
import ZooKit

/// The checks on a file before any of its code runs. A loaded plugin is trusted code, so trust is decided here.
enum PluginFile {
    /// Endings of a shared library's name.
    static let endings = [".so", ".dylib"]

    /// The real path of a file that may be loaded. Throws a sentence that names the file and the reason.
    static func checked(_ path: String) throws -> String {
        guard path.hasPrefix("/") else {
            throw ZooError(
                .invalidArgument, "\(path): a plugin is loaded by its absolute path; expected a path that starts with '/'")
        }
        guard let resolved = realpath(path, nil) else {
            throw ZooError(.notFound, "\(path): " + (errno == ENOENT ? "no such file" : "cannot be read: \(reason(errno))"))
        }
        defer { free(resolved) }
        let real = String(cString: resolved)
        guard endings.contains(where: real.hasSuffix) else {
            throw ZooError(
                .invalidArgument,
                "\(path): its name is not that of a shared library; expected .so or .dylib (libtool's .la files are refused)")
        }
        let file = try status(real)
        guard file.st_mode & S_IFMT == S_IFREG else { throw ZooError(.invalidArgument, "\(path): not a regular file") }
        guard file.st_uid == 0 || file.st_uid == geteuid() else {
            throw ZooError(
                .permissionDenied,
                "\(path): owned by user \(file.st_uid); expected root or you (\(geteuid())): a plugin runs with your permissions")
        }
        guard file.st_mode & S_IWOTH == 0 else {
            throw ZooError(.permissionDenied, "\(path): writable by everyone; make it safe with: chmod o-w '\(real)'")
        }
        let folder = (real as NSString).deletingLastPathComponent
        let mode = try status(folder).st_mode
        guard mode & S_IWOTH == 0 || mode & S_ISVTX != 0 else {
            throw ZooError(
                .permissionDenied, "\(path): its folder is writable by everyone; make it safe with: chmod o-w '\(folder)'")
        }
        return real
    }

    /// sha256 of the file's bytes, in hexadecimal.
    static func sha256(_ path: String) throws -> String {
        try ZooBase.sha256(InputFile.data(URL(fileURLWithPath: path), isMapped: true))
    }

    /// True where two paths name one file.
    static func areSame(_ first: String, _ second: String) -> Bool {
        guard let one = try? status(first), let other = try? status(second) else { return false }
        return one.st_dev == other.st_dev && one.st_ino == other.st_ino
    }

    private static func reason(_ number: Int32) -> String { plainWords(POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO)) }

    private static func status(_ path: String) throws -> stat {
        var result = stat()
        guard stat(path, &result) == 0 else {
            throw ZooError(.notFound, "\(path): cannot be examined: \(reason(errno))")
        }
        return result
    }
}
