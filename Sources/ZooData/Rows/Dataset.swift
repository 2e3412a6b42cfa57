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
    public private(set) var rows: [Row]
    /// Of a mixture, whose rows lie one source after the other.
    public private(set) var sources: [Source] = []
    /// Columns of the files that are not read: what they hold, by name.
    package private(set) var unread: [String: String] = [:]
    /// Where each row was read, [rows]; empty if the host made them.
    private var places: [Place] = []
    private var files: [RowFile] = []

    /// A part of a mixture.
    public struct Source: Sendable, Equatable {
        public let name: String
        /// How often a row is drawn from it, as a ratio to the others'.
        public let weight: Double
        public let shape: DatasetShape
        public fileprivate(set) var rows: Range<Int>
    }

    private struct Place {
        /// Of ``files``.
        var file: Int
        var number: Int
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
        guard places.indices.contains(id) else { return "\(name): row \(id)" }
        return files[places[id].file].place(places[id].number)
    }

    /// The rows of several datasets of one shape, in order. There must be at least one.
    package init(joining parts: [Dataset]) {
        self.init(name: parts[0].name, shape: parts[0].shape, rows: parts.flatMap(\.rows))
        let areAllRead = parts.allSatisfy { $0.places.count == $0.rows.count }
        for part in parts {
            if areAllRead { places += part.places.map { Place(file: $0.file + files.count, number: $0.number) } }
            files += part.files
            unread.merge(part.unread) { first, _ in first }
        }
    }

    /// The dataset with its rows changed one by one; their ids stay.
    package func mapping(_ change: (Row) throws -> Row) rethrows -> Dataset {
        var result = self
        result.rows = try rows.map(change)
        return result
    }

    /// Several datasets, from one of which each row is drawn by weight. There must be at least one.
    package init(mixing parts: [(name: String, weight: Double, dataset: Dataset)]) {
        self.init(joining: parts.map(\.dataset))
        var start = 0
        sources = parts.map { part in
            defer { start += part.dataset.rows.count }
            return Source(
                name: part.name, weight: part.weight, shape: part.dataset.shape, rows: start..<start + part.dataset.rows.count)
        }
    }

    /// What a reader should know, each in a few words: the sources of a mixture, and columns that are not read.
    package var remarks: [String] {
        let total = sources.reduce(0) { $0 + $1.weight }
        let shares = sources.map { source in
            "\(source.name) \((1000 * source.weight / total).rounded() / 10)% (\(source.rows.count) rows)"
        }
        return (shares.isEmpty ? [] : ["drawn from " + shares.joined(separator: ", ")])
            + unread.keys.sorted().map { "column '\($0)' is not read: \(unread[$0] ?? "")" }
    }

    /// The dataset without some rows; those after them move up.
    public func removing(_ ids: Set<Int>) -> Dataset {
        guard !ids.isEmpty else { return self }
        let kept = rows.indices.filter { !ids.contains($0) }
        var result = Dataset(name: name, shape: shape, rows: kept.map { rows[$0] })
        result.files = files
        result.places = places.isEmpty ? [] : kept.map { places[$0] }
        result.unread = unread
        var end = 0
        result.sources = sources.map { source in
            var source = source
            let start = end
            end += source.rows.count { !ids.contains($0) }
            source.rows = start..<end
            return source
        }
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
                if let first = rows.first, first.label != nil, row.label == nil, !row.hasNumberForLabel {
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
        if shape == .promptCompletion { Row.readNumbersForLabels(in: &rows) }
        var result = Dataset(name: url.deletingPathExtension().lastPathComponent, shape: shape, rows: rows)
        result.files = [file]
        result.places = numbers.map { Place(file: 0, number: $0) }
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
        // Null columns are absent ones: where rows of several kinds come from one Arrow table, all have all columns.
        let there = columns.filter { !$0.value.isNull }
        // A row that has nothing but a null is told so.
        for columns in [there, columns] {
            if let shape = expecting.first(where: { $0.columns.allSatisfy { columns[$0] != nil } }) { return shape }
        }
        let wanted = expecting.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        let found = columns.isEmpty ? "no column" : columns.keys.sorted().joined(separator: ", ")
        throw RowFault(reason: "expected the columns \(wanted); the line has \(found)\(Self.advice(columns, expecting))")
    }

    /// What to do with rows in shapes that are common elsewhere.
    private static func advice(_ columns: [String: JSONValue], _ expecting: [DatasetShape]) -> String {
        for (name, value) in columns.sorted(by: { $0.key < $1.key }) {
            guard let row = value.array?.first?.object else { continue }
            if expecting.contains(where: { $0.columns.allSatisfy { row[$0] != nil } }) {
                return "; '\(name)' looks like the list of rows: write each on a line of its own, as jq -c '.\(name)[]' does"
            }
        }
        if columns["conversations"] != nil { return "; rename 'conversations' to 'messages'" }
        if columns["instruction"] != nil, columns["output"] != nil {
            return "; write 'instruction' and 'input' as 'prompt', and 'output' as 'completion'"
        }
        return ""
    }
}
