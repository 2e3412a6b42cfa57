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
        guard try status(real).st_mode & S_IFMT == S_IFREG else {
            throw ZooError(.invalidArgument, "\(path): not a regular file")
        }
        try PathTrust().check(real, named: path)
        return real
    }

    /// Refuses a library that finds another one beside itself: a copy of it, which is what runs load, would not.
    ///
    /// Those of the languages are the host's own by then, or the system's.
    static func requireAlone(_ path: String) throws {
        #if os(Linux)
            // What is no ELF file is refused when it is loaded, with the loader's reason.
            guard let real = try? checked(path), let file = try? ELFFile(path: real) else { return }
            let folder = (real as NSString).deletingLastPathComponent
            let origins = file.searchFolders.filter { $0.hasPrefix("$ORIGIN") || $0.hasPrefix("${ORIGIN}") }.map {
                $0.replacing("${ORIGIN}", with: folder).replacing("$ORIGIN", with: folder)
            }
            for library in file.needed where !ELFFile.isOfLanguage(library) {
                guard let place = origins.map({ "\($0)/\(library)" }).first(where: FileManager.default.fileExists) else {
                    continue
                }
                throw ZooError(
                    .failedPrecondition,
                    "\(path): it needs \(library), which it finds at \(place), by its own place ($ORIGIN): a run keeps and loads a "
                        + "copy of the plugin alone; link \(library) statically, or install it where the system's loader looks")
            }
        #endif
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

    static func status(_ path: String) throws -> stat {
        var result = stat()
        guard stat(path, &result) == 0 else {
            throw ZooError(.notFound, "\(path): cannot be examined: \(reason(errno))")
        }
        return result
    }
}
