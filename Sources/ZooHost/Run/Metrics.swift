import CZoo
import Foundation
import ZooFiles
import ZooKit

/// The metrics of one iteration, for `metrics.jsonl`, TensorBoard and the screen.
public struct MetricRecord: Sendable, Equatable {
    public var step: Int
    public var values: [(name: String, value: Double)]

    public static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.values.elementsEqual(b.values) { $0.name == $1.name && $0.value.bitPattern == $1.value.bitPattern }
    }
}

/// Receives a run's metrics, one record per iteration.
public protocol MetricSink: AnyObject {
    func record(_ record: MetricRecord) throws
    /// Samples of an evaluation during training, as a PNG file.
    func picture(_ png: Data, step: Int) throws
    /// The result of the final evaluation.
    func evaluation(_ result: EvaluationResult, step: Int) throws
    /// Flushes what was recorded to the disk.
    func synchronize() throws
    func close() throws
}

extension MetricSink {
    public func picture(_ png: Data, step: Int) throws {}
    public func evaluation(_ result: EvaluationResult, step: Int) throws {}
    public func synchronize() throws {}
}

/// Metric names reserved by the host: an algorithm may not use them.
enum ReservedMetric {
    private static let names = ["step"]
    private static let prefixes = ["budget/", "eval/", "evaluation/", "grad_norm/", "lr/"]

    /// - Throws: `.invalidArgument` if an algorithm may not use the name.
    static func check(_ name: String) throws {
        guard !name.isEmpty else { throw ZooError(.invalidArgument, "a metric has an empty name; expected one such as 'loss'") }
        if names.contains(name) || prefixes.contains(where: name.hasPrefix) {
            let all = names + prefixes.map { "\($0)…" }
            throw ZooError(
                .invalidArgument,
                "metric '\(name)' has a name reserved by the host, which are \(all.joined(separator: ", ")); log it under another name"
            )
        }
    }
}

/// Combines several values of a metric within one iteration by the normaliser that the algorithm declared.
struct MetricAccumulator {
    private struct Entry {
        var normaliser: Int32
        var sum = 0.0
        var weight = 0.0
        var extreme: Double
    }
    private var entries: [String: Entry] = [:]
    private var order: [String] = []

    mutating func add(_ name: String, _ value: Double, weight: Double, normaliser: Int32) throws {
        guard (ZOO_METRIC_MEAN...ZOO_METRIC_LAST).contains(normaliser) else {
            throw ZooError(.invalidArgument, "metric '\(name)' has the unknown normaliser \(normaliser)")
        }
        guard weight >= 0, weight.isFinite else {
            throw ZooError(.invalidArgument, "metric '\(name)' has the weight \(weight); expected a finite number from 0")
        }
        if entries[name] == nil {
            entries[name] = Entry(normaliser: normaliser, extreme: value)
            order.append(name)
        }
        guard var entry = entries[name], entry.normaliser == normaliser else {
            throw ZooError(.invalidArgument, "metric '\(name)' was logged with two normalisers in one iteration")
        }
        switch normaliser {
        case ZOO_METRIC_MEAN: (entry.sum, entry.weight) = (entry.sum + value * weight, entry.weight + weight)
        case ZOO_METRIC_SUM: entry.sum += value
        case ZOO_METRIC_MIN: entry.extreme = min(entry.extreme, value)
        case ZOO_METRIC_MAX: entry.extreme = max(entry.extreme, value)
        default: entry.extreme = value
        }
        entries[name] = entry
    }

    /// The iteration's values in the order in which they were first named; empties the accumulator. A mean over nothing is left
    /// out.
    mutating func take() -> [(name: String, value: Double)] {
        defer { self = MetricAccumulator() }
        return order.compactMap { name in
            guard let entry = entries[name] else { return nil }
            switch entry.normaliser {
            case ZOO_METRIC_MEAN: return entry.weight > 0 ? (name, entry.sum / entry.weight) : nil
            case ZOO_METRIC_SUM: return (name, entry.sum)
            default: return (name, entry.extreme)
            }
        }
    }
}

/// `metrics.jsonl`: one JSON object per iteration, in the order logged. A resumed run drops lines after its checkpoint.
public final class JSONLinesSink: MetricSink {
    private let file: FileHandle
    private let url: URL

    /// Opens the file for the iterations after `step`, dropping later lines of an interrupted run and a half-written last one.
    ///
    /// - Throws: `.dataLoss` if a line up to there is damaged or missing: it could not be recreated.
    public init(_ url: URL, after step: Int) throws {
        if step == 0 {
            try Files.write(Data(), to: url)
        } else {
            let text = FileManager.default.fileExists(atPath: url.path) ? try InputFile.data(url) : Data()
            let kept = try Self.length(of: text, upTo: step, file: url)
            if kept < text.count { try Files.write(text.prefix(kept), to: url) }
        }
        self.url = url
        do {
            file = try FileHandle(forWritingTo: url)
            try file.seekToEnd()
        } catch { throw FileError(writing: url.path, error) }
    }

    /// Bytes of the lines of all iterations up to the given one.
    private static func length(of text: Data, upTo last: Int, file: URL) throws -> Int {
        var (start, number, step) = (text.startIndex, 0, -1)
        while step < last {
            number += 1
            func fault(_ found: String) -> ZooError {
                ZooError(
                    .dataLoss,
                    """
                    \(file.path): line \(number) \(found), and the run continues after iteration \(last), which does not write it again; repair the \
                    file, or start again in another folder
                    """)
            }
            guard let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) else {
                throw fault(start == text.endIndex ? "is missing" : "is cut off")
            }
            guard let object = try? JSONSerialization.jsonObject(with: text[start..<end]) as? [String: Any],
                let found = object["step"] as? Int
            else { throw fault("is not the record of an iteration") }
            // A run that is evaluated during training starts with iteration 0.
            guard found == step + 1 || (step < 0 && found == 1) else {
                throw fault("is of iteration \(found); expected iteration \(step < 0 ? 1 : step + 1)")
            }
            (start, step) = (end + 1, found)
        }
        return start - text.startIndex
    }

    public func record(_ record: MetricRecord) throws {
        let fields = record.values.map { "\(JSONText.quote($0.name)): \(JSONText.number($0.value))" }
        let line = "{\"step\": \(record.step)\(fields.map { ", " + $0 }.joined())}\n"
        do { try file.write(contentsOf: Data(line.utf8)) } catch { throw FileError(writing: url.path, error) }
    }

    public func synchronize() throws { try file.synchronize() }

    public func close() throws { try file.close() }
}

/// JSON written by hand, to keep the order of keys and every bit of a number.
enum JSONText {
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case ..<" ": quoted += "\\u" + String(format: "%04x", scalar.value)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// The shortest text that reads back as the same number; null if JSON has none.
    static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }
}
