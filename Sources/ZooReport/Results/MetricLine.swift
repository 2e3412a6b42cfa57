import Foundation
import ZooBase

/// One line of `metrics.jsonl`: an iteration, and its metrics by name.
public struct MetricLine: Sendable, Equatable {
    public var step: Int
    public var values: [String: Double]

    public init(step: Int, values: [String: Double]) { (self.step, self.values) = (step, values) }

    /// The last step that a run can have: up to there, a number of JSON is exact.
    private static let lastStep = 0x1p53

    /// The lines of a file without those that are damaged, which `damage` names, a sentence each; one that is being written right now
    /// is left for later.
    package static func read(_ file: URL) throws -> (lines: [MetricLine], damage: [String]) {
        guard FileManager.default.fileExists(atPath: file.path) else { return ([], []) }
        var (found, damaged) = ([MetricLine](), [(line: Int, text: String)]())
        let lines = try InputFile.data(file).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last newline is nothing, or half a line.
        for (index, line) in lines.dropLast().enumerated() where !line.isEmpty {
            if let values = try? RecordFile.decoder.decode([String: Double?].self, from: line), let step = values["step"] ?? nil,
                (0...lastStep).contains(step), let whole = Int(exactly: step)
            {
                found.append(MetricLine(step: whole, values: values.compactMapValues { $0 }.filter { $0.key != "step" }))
            } else {
                damaged.append((index + 1, String(decoding: line.prefix(60), as: UTF8.self)))
            }
        }
        guard let first = damaged.first else { return (found, []) }
        let others = damaged.count == 1 ? "" : ", and \(damaged.count - 1) more"
        return (
            found,
            [
                "\(file.shortPath), line \(first.line)\(others): expected an object of numbers with 'step', a whole number; found "
                    + "\(first.text). Left out."
            ]
        )
    }
}

/// Reads the JSON files that runs and probes leave, whatever version of zoo wrote them.
enum RecordFile {
    static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }()

    /// - Throws: ``ReportError`` that names the file and its fault.
    static func read<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
        do { return try decoder.decode(type, from: InputFile.data(file)) } catch let error as DecodingError {
            throw ReportError(
                "\(file.shortPath) cannot be read: \(plainWords(error)); was it written by another version?", status: .data)
        }
    }

    /// nil if there is no such file.
    static func readIfPresent<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T? {
        FileManager.default.fileExists(atPath: file.path) ? try read(type, file) : nil
    }
}
