import Foundation

/// Reads a text file line by line, holding one line and one block in memory.
///
/// Lines end in LF or CRLF; a byte order mark at the start is skipped.
struct LineReader {
    /// The longest line that is read, in bytes: beyond it a file is not lines of text.
    static let longestLine = 64 << 20
    private static let blockSize = 1 << 18

    let url: URL
    /// The number of the line last given, from 1.
    private(set) var lineNumber = 0
    private let handle: FileHandle
    private var buffer = Data()
    private var isAtEnd = false

    init(_ url: URL) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw DataError(url.path, "there is no such file")
        }
        guard !isFolder.boolValue else { throw DataError(url.path, "is a folder; expected a file") }
        do {
            handle = try FileHandle(forReadingFrom: url)
        } catch {
            throw DataError(url.path, "cannot be read (\(error.localizedDescription))")
        }
        self.url = url
    }

    /// The next line without its end, or nil after the last one.
    /// - Throws: ``DataError`` where the line is too long or is not UTF-8.
    mutating func next() throws -> String? {
        var searched = 0
        while true {
            if let newline = buffer[(buffer.startIndex + searched)...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer = buffer[(newline + 1)...] }
                return try line(buffer[..<newline])
            }
            if isAtEnd {
                defer { buffer = Data() }
                return buffer.isEmpty ? nil : try line(buffer)
            }
            searched = buffer.count
            guard searched <= Self.longestLine else {
                throw DataError("\(url.path):\(lineNumber + 1)", "the line is longer than \(Self.longestLine >> 20) MiB")
            }
            try fill()
        }
    }

    private mutating func fill() throws {
        do {
            guard let block = try handle.read(upToCount: Self.blockSize), !block.isEmpty else {
                isAtEnd = true
                return
            }
            // A fresh copy, so that lines already given do not stay in memory.
            buffer = Data(buffer) + block
        } catch {
            throw DataError(url.path, "cannot be read (\(error.localizedDescription))")
        }
    }

    private mutating func line(_ bytes: Data) throws -> String {
        lineNumber += 1
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        if lineNumber == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(bytes: bytes, encoding: .utf8) else {
            throw DataError("\(url.path):\(lineNumber)", "the line is not valid UTF-8; convert the file to UTF-8")
        }
        return text
    }
}
