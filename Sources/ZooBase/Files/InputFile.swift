import Foundation

/// Input files; only regular ones, and no Git LFS pointers. A pipe would block silently, and a device may never end.
public enum InputFile {
    /// The contents of a file.
    ///
    /// - Parameters:
    ///   - longest: refuse a longer one, before any of it is read.
    ///   - isMapped: map it into memory instead of reading it.
    /// - Throws: ``FileError``.
    public static func data(_ url: URL, atMost longest: Int? = nil, isMapped: Bool = false) throws -> Data {
        let (file, size) = try open(url)
        if let longest, size > longest {
            throw FileError(.noInput, url.path, "is \(size) bytes long; expected at most \(longest)")
        }
        do {
            if isMapped { return try Data(contentsOf: url, options: .alwaysMapped) }
            return try file.readToEnd() ?? Data()
        } catch {
            throw FileError(reading: url.path, error)
        }
    }

    /// A text file in UTF-8.
    public static func text(_ url: URL, atMost longest: Int? = nil) throws -> String {
        guard let text = String(data: try data(url, atMost: longest), encoding: .utf8) else {
            throw FileError(.noInput, url.path, "is not text in UTF-8")
        }
        return text
    }

    /// A file to read piece by piece.
    public static func handle(_ url: URL) throws -> FileHandle { try open(url).file }

    /// Opens and closes it, to check that it can be read.
    public static func check(_ url: URL) throws { _ = try open(url) }

    private static func open(_ url: URL) throws -> (file: FileHandle, size: Int) {
        let path = url.path
        // What is not a regular file is not opened: opening a pipe wakes its writer, opening a device may do anything.
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileError(reading: path, errno) }
        try require(status, path)
        // If a pipe has replaced it meanwhile, this does not block.
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(reading: path, errno) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard fstat(descriptor, &status) == 0 else { throw FileError(reading: path, errno) }
        try require(status, path)
        try LargeFilePointer.refuse(descriptor, size: Int(status.st_size), path: path)
        return (file, Int(status.st_size))
    }

    private static func require(_ status: stat, _ path: String) throws {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: kind = "a folder"
        case S_IFIFO: kind = "a pipe"
        case S_IFSOCK: kind = "a socket"
        default: kind = "a device"
        }
        throw FileError(.noInput, path, "is \(kind); expected a file")
    }
}
