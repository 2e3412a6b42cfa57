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
            if isFirst, line.drop(while: \.isWhitespace).first == "[" {
                let tree = try JSONValue(parsing: ChatTemplate.text(of: url), place: url.path)
                guard case .array(let items) = tree else { throw DataError(url.path, "expected an array of rows") }
                unit = .row
                for (number, item) in items.enumerated() { try row(self, number) { item } }
                return
            }
            let place = place(reader.lineNumber)
            if isFirst, (try? JSONValue(parsing: line, place: place)) == nil, let reason = spread(line) {
                throw DataError(url.path, reason)
            }
            isFirst = false
            try row(self, reader.lineNumber) {
                do { return try JSONValue(parsing: line, place: place) } catch let error as DataError {
                    throw DataError(error.place, error.reason + Self.advice(line))
                }
            }
        }
    }

    /// What is wrong if a file's first line is only the beginning of an object, and a command that mends it.
    private func spread(_ first: String) -> String? {
        guard first.drop(while: \.isWhitespace).first == "{" else { return nil }
        let lines = "'\(url.path)' > '\(url.deletingPathExtension().path)-rows.jsonl'"
        let tree = (try? ChatTemplate.text(of: url)).flatMap { try? JSONValue(parsing: $0, place: "") }
        if let list = tree?.object?.members.first(where: { $0.value.array?.first?.object != nil }) {
            return
                "is one object with the rows in '\(list.key)'; write each on a line of its own: jq -c '.\(list.key)[]' \(lines)"
        }
        guard tree != nil || first.trimmingCharacters(in: .whitespaces) == "{" else { return nil }
        return "has objects over several lines; write each on a line of its own: jq -c . \(lines)"
    }

    /// What to do about a line that is not JSON, where it is known.
    private static func advice(_ line: String) -> String {
        if line.utf8.contains(0x0D) { return "; the file ends its lines in CR alone: replace it with LF, as tr '\\r' '\\n' does" }
        // Python's json writes these unless told not to.
        if line.firstMatch(of: /[:\[,]\s*-?(NaN|Infinity)\b/) != nil { return "; NaN and Infinity are not JSON: write null" }
        return ""
    }

    /// Files that are often at hand and are not read, with the command that converts them.
    private func refuseOtherFormats() throws {
        let name = url.path
        switch url.pathExtension.lowercased() {
        case "gz": throw DataError(name, "compressed files are not supported; unpack it: gunzip --keep \(name)")
        case "csv": throw DataError(name, "CSV is not supported; write one JSON object per line, such as {\"text\": \"…\"}")
        case "parquet": return
        case "safetensors":
            throw DataError(
                name,
                "holds tensors, not rows: name it by the recipe's 'images', and here a file of JSON lines whose rows name its rows, such "
                    + "as {\"prompt\": \"a fox\", \"prompt_embeds\": 0, \"latents\": 0}")
        default: break
        }
        let start = Array(try InputFile.handle(url).read(upToCount: 8) ?? Data())
        if let reason = Self.formats.first(where: { start.starts(with: $0.start) })?.reason { throw DataError(name, reason) }
    }

    /// The first bytes of other formats, which files have under any name.
    private static let formats: [(start: [UInt8], reason: String)] = [
        ([0x1F, 0x8B], "is compressed by gzip; unpack it: gunzip --stdout FILE > ROWS.jsonl"),
        ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd; unpack it: zstd --decompress --stdout FILE > ROWS.jsonl"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "is compressed by xz; unpack it: xz --decompress --stdout FILE > ROWS.jsonl"),
        (Array("PK\u{3}\u{4}".utf8), "is a zip archive; unpack it"),
        (Array("PAR1".utf8), "is a Parquet file; rename it so that it ends in .parquet"),
        (Array("ARROW1".utf8), "is an Arrow file; write it as Parquet, as to_parquet of Python's datasets does"),
        ([0xFF, 0xFE], utf16), ([0xFE, 0xFF], utf16), ([0x7B, 0], utf16), ([0, 0x7B], utf16), ([0x5B, 0], utf16),
        ([0, 0x5B], utf16),
        (Array("<".utf8), "is a page of HTML, not data: fetch the file itself"),
    ]
    private static let utf16 = "is in UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE > ROWS.jsonl"
}
