import Foundation
import ZooBase

/// Rows of one shape, read from a file of JSON lines or made by the host.
///
/// ```swift
/// let pairs = try Dataset.load(jsonl: file, expecting: [.preference])
/// pairs.rows[0].chosen
/// ```
public struct Dataset: Sendable {
    /// What to call it: the file's name without its ending.
    public let name: String
    public let shape: DatasetShape
    public let rows: [Row]
    /// Where each row was read, as `train.jsonl:12`; nil if the host made them.
    private var origin: Origin?

    private struct Origin {
        var file: URL
        /// [rows]; counted from 1 where rows are lines, from 0 if the file is one array.
        var numbers: [Int]
        var isArray: Bool
    }

    /// - Parameter rows: in order; their ids become their places.
    public init(name: String, shape: DatasetShape, rows: [Row]) {
        self.name = name
        self.shape = shape
        self.rows = rows.enumerated().map { place, row in
            var row = row
            row.id = place
            return row
        }
    }

    /// The location of a row, for errors: `train.jsonl:12`, or its number where it is not a line of a file.
    public func place(of id: Int) -> String {
        guard let origin else { return "\(name): row \(id)" }
        return origin.isArray ? "\(origin.file.path): row \(origin.numbers[id])" : "\(origin.file.path):\(origin.numbers[id])"
    }

    /// The dataset without some rows; those after them move up.
    public func removing(_ ids: Set<Int>) -> Dataset {
        guard !ids.isEmpty else { return self }
        let kept = rows.indices.filter { !ids.contains($0) }
        var result = Dataset(name: name, shape: shape, rows: kept.map { rows[$0] })
        result.origin = origin
        result.origin?.numbers = kept.compactMap { origin?.numbers[$0] }
        return result
    }

    /// Reads a file of JSON lines in TRL's shapes, or a `.json` file that is one array of rows. Blank lines are skipped.
    ///
    /// - Parameter expecting: the shapes that will do, the preferred one first. The first of them whose columns the first
    ///   line has is the dataset's shape, which every line must then have; other columns are kept as `extras`.
    /// - Parameter fault: receives lines that are not rows, which are then left out; by default they are thrown.
    /// - Throws: ``DataError`` naming file, line and reason; also where the file has no rows.
    public static func load(
        jsonl url: URL, expecting: [DatasetShape] = [.preference, .promptCompletion, .messages, .prompt, .text],
        fault: (DataError) throws -> Void = { throw $0 }
    ) throws -> Dataset {
        try Self.refuseOtherFormats(url)
        var reader = try LineReader(url)
        var rows: [Row] = []
        var origin = Origin(file: url, numbers: [], isArray: false)
        var shape: DatasetShape?
        var hasFaults = false
        func add(_ parse: () throws -> JSONValue, _ place: String, _ number: Int) throws {
            do {
                let tree = try parse()
                let columns = try Self.columns(of: tree)
                let found = try shape ?? Self.shape(of: columns, expecting: expecting)
                shape = found
                let row = try Row(columns: columns, shape: found, id: rows.count)
                if let first = rows.first, first.label != nil, row.label == nil {
                    let kind = row.extras["label"].map { "is \($0.kind)" } ?? "is missing"
                    throw RowFault(reason: "'label' \(kind); expected true or false, as on the lines before")
                }
                rows.append(row)
                origin.numbers.append(number)
            } catch let found as RowFault {
                try fault(DataError(place, found.reason))
                hasFaults = true
            } catch let error as DataError {
                try fault(error)
                hasFaults = true
            }
        }
        while let line = try reader.next() {
            guard line.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else { continue }
            if url.pathExtension == "json", rows.isEmpty, line.drop(while: \.isWhitespace).first == "[" {
                let tree = try JSONValue(parsing: ChatTemplate.text(of: url), place: url.path)
                guard case .array(let items) = tree else { throw DataError(url.path, "expected an array of rows") }
                origin.isArray = true
                for (index, item) in items.enumerated() { try add({ item }, "\(url.path): row \(index)", index) }
                break
            }
            let place = "\(url.path):\(reader.lineNumber)"
            try add({ try JSONValue(parsing: line, place: place) }, place, reader.lineNumber)
        }
        // Reported faults say more than that there are no rows.
        guard let shape = shape ?? (hasFaults ? expecting.first : nil) else { throw DataError(url.path, "has no rows") }
        var result = Dataset(name: url.deletingPathExtension().lastPathComponent, shape: shape, rows: rows)
        result.origin = origin
        return result
    }

    /// The rows as JSON lines, keys sorted: equal datasets give equal bytes, so this is what to hash.
    public func jsonl() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var result = Data()
        for row in rows {
            result += try encoder.encode(row.columns)
            result.append(UInt8(ascii: "\n"))
        }
        return result
    }

    /// Writes the rows to a file of JSON lines, atomically.
    public func write(jsonl url: URL) throws {
        try OutputFile.write(jsonl(), to: url)
    }

    /// Files that are often at hand and are not read, with the command that converts them.
    private static func refuseOtherFormats(_ url: URL) throws {
        let name = url.path
        let lines = url.deletingPathExtension().path + ".jsonl"
        switch url.pathExtension.lowercased() {
        case "parquet":
            // Python writes each row's JSON, since not every release of pyarrow can.
            throw DataError(
                url.path,
                """
                Parquet is not supported; convert it to JSON lines: python3 -c "import json, pyarrow.parquet as p; \
                open('\(lines)', 'w').writelines(json.dumps(r) + '\\n' for r in p.read_table('\(name)').to_pylist())"
                """)
        case "gz": throw DataError(url.path, "compressed files are not supported; unpack it: gunzip --keep \(name)")
        case "csv": throw DataError(url.path, "CSV is not supported; write one JSON object per line, such as {\"text\": \"…\"}")
        default: return
        }
    }

    /// Null columns are absent ones: where rows of several kinds come from one Arrow table, all have all columns.
    private static func columns(of tree: JSONValue) throws(RowFault) -> [String: JSONValue] {
        guard let object = tree.object else {
            throw RowFault(reason: "expected an object of named columns, found \(tree.kind)")
        }
        return object.dictionary.filter { !$0.value.isNull }
    }

    private static func shape(
        of columns: [String: JSONValue], expecting: [DatasetShape]
    ) throws(RowFault) -> DatasetShape {
        if let shape = expecting.first(where: { $0.columns.allSatisfy { columns[$0] != nil } }) { return shape }
        let wanted = expecting.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        throw RowFault(
            reason: "expected the columns \(wanted); the line has \(columns.keys.sorted().joined(separator: ", "))")
    }
}
