import Foundation

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

    /// Reads a file of JSON lines in TRL's shapes. Blank lines are skipped.
    ///
    /// - Parameter expecting: the shapes that will do, the preferred one first. The first of them whose columns the first
    ///   line has is the dataset's shape, which every line must then have; other columns are kept as `extras`.
    /// - Throws: ``DataError`` naming file, line and reason; also where the file has no rows.
    public static func load(
        jsonl url: URL, expecting: [DatasetShape] = [.preference, .promptCompletion, .prompt, .text]
    ) throws -> Dataset {
        var reader = try LineReader(url)
        var rows: [Row] = []
        var shape: DatasetShape?
        while let line = try reader.next() {
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            do {
                let columns = try parse(line)
                let found = try shape ?? Self.shape(of: columns, expecting: expecting)
                shape = found
                let row = try Row(columns: columns, shape: found, id: rows.count)
                if let first = rows.first, first.label != nil, row.label == nil {
                    let kind = row.extras["label"].map { "is \($0.kind)" } ?? "is missing"
                    throw RowFault(reason: "'label' \(kind); expected true or false, as on the lines before")
                }
                rows.append(row)
            } catch let fault as RowFault {
                throw DataError("\(url.path):\(reader.lineNumber)", fault.reason)
            }
        }
        guard let shape else { throw DataError(url.path, "has no rows") }
        return Dataset(name: url.deletingPathExtension().lastPathComponent, shape: shape, rows: rows)
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

    /// Writes the rows to a file of JSON lines, whole or not at all.
    public func write(jsonl url: URL) throws {
        do {
            try jsonl().write(to: url, options: .atomic)
        } catch {
            throw DataError(url.path, "cannot be written (\(error.localizedDescription))")
        }
    }

    private static func parse(_ line: String) throws(RowFault) -> [String: JSONValue] {
        let data = Data(line.utf8)
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: data)
        } catch {
            throw RowFault(reason: "not valid JSON\(syntaxError(in: data))")
        }
        guard case .object(let columns) = value else {
            throw RowFault(reason: "expected an object of named columns, found \(value.kind)")
        }
        return columns
    }

    /// Where JSON breaks off. JSONDecoder knows it too, but does not say so on every platform.
    private static func syntaxError(in data: Data) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: data)
            return ""
        } catch {
            return ": \((error as NSError).userInfo["NSDebugDescription"] ?? error)"
        }
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
