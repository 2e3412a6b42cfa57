import Foundation
import ZooBase

/// A Parquet file, whose rows come as JSON, about a thousand at a time. A field that is null is absent, at any depth.
final class ParquetFile {
    let url: URL
    private let library: ParquetLibrary
    private let reader: OpaquePointer

    /// - Throws: ``DataError`` if the file is not Parquet or the library is missing, ``FileError`` if it cannot be read.
    init(_ url: URL) throws {
        try InputFile.check(url)
        self.url = url
        do { library = try ParquetLibrary.load() } catch {
            throw DataError(url.path, "\(error), or convert the file to JSON lines: \(Self.conversion(url))")
        }
        let library = library
        reader = try Self.reported(url) { reason, room in library.open(url.path, reason, room) }
    }

    deinit { library.close(reader) }

    var count: Int { Int(library.rows(reader)) }

    /// Columns with what JSON does not have, such as bytes, which are not read: what that is, by name.
    var unread: [String: String] {
        let lines = String(cString: library.unread(reader)).split(separator: "\n")
        return Dictionary(
            lines.compactMap { line in
                let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The next rows, each as JSON in UTF-8, valid until `body` ends; false after the last ones.
    func next(_ body: ([UnsafeBufferPointer<UInt8>]) throws -> Void) throws -> Bool {
        var json: UnsafePointer<UInt8>?
        var ends: UnsafePointer<Int64>?
        let count = try Self.reported(url) { reason, room in
            let count = library.next(reader, &json, &ends, reason, room)
            return count < 0 ? nil : Int(count)
        }
        guard count > 0, let json, let ends else { return false }
        var start = 0
        try body(
            (0..<count).map { row in
                defer { start = Int(ends[row]) }
                return UnsafeBufferPointer(start: json + start, count: Int(ends[row]) - start)
            })
        return true
    }

    /// What `call` gives, or the reason that it wrote.
    private static func reported<Result>(_ url: URL, _ call: (UnsafeMutablePointer<CChar>, Int) -> Result?) throws -> Result {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1000) { reason in
            reason.initialize(repeating: 0)
            guard let base = reason.baseAddress, let result = call(base, reason.count) else {
                let words = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                throw DataError(url.path, "cannot be read as Parquet: \(words.trimmingCharacters(in: .whitespaces))")
            }
            return result
        }
    }

    /// A command that writes the same rows as JSON lines.
    private static func conversion(_ url: URL) -> String {
        // Python writes each row's JSON, since not every release of pyarrow can.
        """
        python3 -c "import json, pyarrow.parquet as p; open('\(url.deletingPathExtension().path).jsonl', 'w')\
        .writelines(json.dumps(r) + '\\n' for r in p.read_table('\(url.path)').to_pylist())"
        """
    }
}
