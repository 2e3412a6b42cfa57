import CZoo
import ZooKit

/// Combines several values of a metric within one iteration by the normaliser that the algorithm declared.
package struct MetricAccumulator {
    private struct Entry {
        var normaliser: Int32
        var sum = 0.0
        var weight = 0.0
        var extreme: Double
    }
    private var entries: [String: Entry] = [:]
    private var order: [String] = []

    package init() {}

    package mutating func add(_ name: String, _ value: Double, weight: Double, normaliser: Int32) throws {
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
    package mutating func take() -> [(name: String, value: Double)] {
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
