import CZoo
import Foundation
import ZooKit

/// One step's metrics, as they go to `metrics.jsonl`, TensorBoard and the screen.
public struct MetricRecord: Sendable, Equatable {
    public var step: Int
    public var values: [(name: String, value: Double)]

    public static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.values.elementsEqual(b.values) { $0.name == $1.name && $0.value.bitPattern == $1.value.bitPattern }
    }
}

/// Takes a run's metrics, one record a step.
public protocol MetricSink: AnyObject {
    func record(_ record: MetricRecord) throws
    /// Samples of an evaluation along the way, as a PNG file.
    func picture(_ png: Data, step: Int) throws
    func close() throws
}

extension MetricSink {
    public func picture(_ png: Data, step: Int) throws {}
}

/// Several values of a metric within one step, made one by the normaliser that the algorithm declared.
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
            throw ZooError(.invalidArgument, "metric '\(name)' was logged with two normalisers in one step")
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

    /// The step's values in the order in which they were first named; the accumulator is then empty. A mean over nothing is left out.
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

/// `metrics.jsonl`: one JSON object a step, in the order logged. A resumed run cuts what lies beyond its checkpoint.
public final class JSONLinesSink: MetricSink {
    private let file: FileHandle

    /// Opens the file for the steps after `step`, dropping later lines that an interrupted run left.
    public init(_ url: URL, after step: Int) throws {
        if step > 0, let text = try? String(contentsOf: url, encoding: .utf8) {
            let kept = text.split(separator: "\n").filter { line in
                guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                    return false
                }
                return (object["step"] as? Int).map { $0 <= step } ?? false
            }
            try kept.map { $0 + "\n" }.joined().write(to: url, atomically: true, encoding: .utf8)
        } else {
            try Data().write(to: url)
        }
        file = try FileHandle(forWritingTo: url)
        try file.seekToEnd()
    }

    public func record(_ record: MetricRecord) throws {
        let fields = record.values.map { "\(JSONText.quote($0.name)): \(JSONText.number($0.value))" }
        try file.write(contentsOf: Data("{\"step\": \(record.step)\(fields.map { ", " + $0 }.joined())}\n".utf8))
    }

    public func close() throws { try file.close() }
}

/// The few pieces of JSON that are written by hand, to keep the order of keys and every bit of a number.
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

    /// The shortest text that reads back as the same number; null where JSON has none.
    static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }
}
