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
    /// Where each row was read; nil if the host made them.
    private var origin: Origin?
    /// Columns of the file that are not read: what they hold, by name.
    package private(set) var unread: [String: String] = [:]

    private struct Origin {
        var file: RowFile
        /// Of each row in its file, [rows].
        var numbers: [Int]
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
        return origin.file.place(origin.numbers[id])
    }

    /// The dataset without some rows; those after them move up.
    public func removing(_ ids: Set<Int>) -> Dataset {
        guard !ids.isEmpty else { return self }
        let kept = rows.indices.filter { !ids.contains($0) }
        var result = Dataset(name: name, shape: shape, rows: kept.map { rows[$0] })
        result.origin = origin
        result.origin?.numbers = kept.compactMap { origin?.numbers[$0] }
        result.unread = unread
        return result
    }

    /// Reads a file of rows in TRL's shapes: JSON lines, of which blank ones are skipped, a `.json` file that is one array, or a
    /// `.parquet` file, in which a field that is null is absent.
    ///
    /// - Parameter expecting: the shapes that will do, the preferred one first. The first of them whose columns the first
    ///   line has is the dataset's shape, which every line must then have; other columns are kept as `extras`.
    /// - Parameter fault: receives lines that are not rows, which are then left out; by default they are thrown.
    /// - Throws: ``DataError`` naming file, line and reason; also where the file has no rows.
    public static func load(
        jsonl url: URL, expecting: [DatasetShape] = [.preference, .promptCompletion, .messages, .prompt, .text],
        fault: (DataError) throws -> Void = { throw $0 }
    ) throws -> Dataset {
        var file = RowFile(url)
        var (rows, numbers): ([Row], [Int]) = ([], [])
        var shape: DatasetShape?
        var hasFaults = false
        try file.read { file, number, parse in
            do {
                let columns = try Self.columns(of: parse())
                let found = try shape ?? Self.shape(of: columns, expecting: expecting)
                shape = found
                let row = try Row(columns: columns, shape: found, id: rows.count)
                if let first = rows.first, first.label != nil, row.label == nil {
                    let kind = row.extras["label"].map { "is \($0.kind)" } ?? "is missing"
                    throw RowFault(reason: "'label' \(kind); expected true or false, as on the lines before")
                }
                rows.append(row)
                numbers.append(number)
            } catch let found as RowFault {
                try fault(DataError(file.place(number), found.reason + Self.unread(file.unread)))
                hasFaults = true
            } catch let error as DataError {
                try fault(error)
                hasFaults = true
            }
        }
        // Reported faults say more than that there are no rows.
        guard let shape = shape ?? (hasFaults ? expecting.first : nil) else { throw DataError(url.path, "has no rows") }
        var result = Dataset(name: url.deletingPathExtension().lastPathComponent, shape: shape, rows: rows)
        result.origin = Origin(file: file, numbers: numbers)
        result.unread = file.unread
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

    /// What a fault may come from: columns that are not read.
    private static func unread(_ columns: [String: String]) -> String {
        columns.isEmpty
            ? "" : "; not read are " + columns.keys.sorted().map { "'\($0)' (\(columns[$0] ?? ""))" }.joined(separator: ", ")
    }

    private static func columns(of tree: JSONValue) throws(RowFault) -> [String: JSONValue] {
        guard let object = tree.object else {
            throw RowFault(reason: "expected an object of named columns, found \(tree.kind)")
        }
        return object.dictionary
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
