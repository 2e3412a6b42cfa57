import Foundation
import ZooBase

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
    /// What was read and not yet given: from `start` on.
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    init(_ url: URL) throws {
        handle = try InputFile.handle(url)
        self.url = url
    }

    /// The next line without its end, or nil after the last one.
    /// - Throws: ``DataError`` if the line is too long or is not UTF-8.
    mutating func next() throws -> String? {
        // Bytes of the line that were looked at: each is looked at and moved once, however long the line is.
        var searched = 0
        while true {
            if let newline = newline(from: start + searched) {
                defer { start = newline + 1 }
                return try line(buffer[start..<newline])
            }
            if isAtEnd {
                defer { start = buffer.count }
                return start == buffer.count ? nil : try line(buffer[start...])
            }
            searched = buffer.count - start
            guard searched <= Self.longestLine else {
                throw DataError("\(url.path):\(lineNumber + 1)", "the line is longer than \(Self.longestLine >> 20) MiB")
            }
            try fill()
        }
    }

    private func newline(from first: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard first < bytes.count, let base = bytes.baseAddress else { return nil }
            return memchr(base + first, Int32(UInt8(ascii: "\n")), bytes.count - first).map { UnsafeRawPointer($0) - base }
        }
    }

    private mutating func fill() throws {
        do {
            guard let block = try handle.read(upToCount: Self.blockSize), !block.isEmpty else {
                isAtEnd = true
                return
            }
            // Lines already given do not stay in memory.
            if start > 0 { buffer.removeSubrange(..<start) }
            start = 0
            buffer += block
        } catch {
            throw FileError(reading: url.path, error)
        }
    }

    private mutating func line(_ bytes: ArraySlice<UInt8>) throws -> String {
        lineNumber += 1
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        if lineNumber == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataError("\(url.path):\(lineNumber)", "the line is not valid UTF-8; convert the file to UTF-8")
        }
        return text
    }
}
