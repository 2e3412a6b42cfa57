import Foundation
import ZooBase

/// A file of rows: JSON lines, an array in JSON, or Parquet.
struct RowFile {
    /// What a row's number counts.
    enum Unit { case line, row }

    let url: URL
    /// Columns that are not read: what they hold, by name.
    private(set) var unread: [String: String] = [:]
    private(set) var unit = Unit.line

    init(_ url: URL) { self.url = url }

    /// The location of a row, for errors: `train.jsonl:12`, or its number, from 0, where it is not a line.
    func place(_ number: Int) -> String { unit == .line ? "\(url.path):\(number)" : "\(url.path): row \(number)" }

    /// What gets a row: the file as known by then, the row's number, and what reads it or throws its ``DataError``.
    typealias Receiver = (RowFile, Int, () throws -> JSONValue) throws -> Void

    /// Reads all rows in order.
    mutating func read(_ row: Receiver) throws {
        try refuseOtherFormats()
        if url.pathExtension.lowercased() == "parquet" { try readParquet(row) } else { try readText(row) }
    }

    private mutating func readParquet(_ row: Receiver) throws {
        unit = .row
        let file = try ParquetFile(url)
        unread = file.unread
        var number = 0
        func add(_ rows: [UnsafeBufferPointer<UInt8>]) throws {
            for json in rows {
                let place = place(number)
                try row(self, number) {
                    guard let text = String(validating: json, as: UTF8.self) else {
                        throw DataError(place, "a text is not valid UTF-8")
                    }
                    return try JSONValue(parsing: text, place: place)
                }
                number += 1
            }
        }
        while try file.next(add) {}
    }

    private mutating func readText(_ row: Receiver) throws {
        var reader = try LineReader(url)
        var isFirst = true
        while let line = try reader.next() {
            guard line.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else { continue }
            if url.pathExtension == "json", isFirst, line.drop(while: \.isWhitespace).first == "[" {
                let tree = try JSONValue(parsing: ChatTemplate.text(of: url), place: url.path)
                guard case .array(let items) = tree else { throw DataError(url.path, "expected an array of rows") }
                unit = .row
                for (number, item) in items.enumerated() { try row(self, number) { item } }
                return
            }
            isFirst = false
            let place = place(reader.lineNumber)
            try row(self, reader.lineNumber) { try JSONValue(parsing: line, place: place) }
        }
    }

    /// Files that are often at hand and are not read, with the command that converts them.
    private func refuseOtherFormats() throws {
        let name = url.path
        switch url.pathExtension.lowercased() {
        case "gz": throw DataError(name, "compressed files are not supported; unpack it: gunzip --keep \(name)")
        case "csv": throw DataError(name, "CSV is not supported; write one JSON object per line, such as {\"text\": \"…\"}")
        default: return
        }
    }
}
