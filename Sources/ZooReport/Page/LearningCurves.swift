import ZooBase

/// Puts the metrics of several runs on common curves.
public enum LearningCurves {
    /// The runs over one base model as one: at each step the mean of those that have it.
    public static func merged(_ runs: [[MetricLine]]) -> [MetricLine] {
        guard runs.count > 1 else { return runs.first ?? [] }
        return Dictionary(grouping: runs.joined(), by: \.step).sorted { $0.key < $1.key }.map { step, records in
            let names = Set(records.flatMap(\.values.keys))
            let means = names.map { name in
                (name, records.compactMap { $0.values[name] }.mean ?? .nan)
            }
            return MetricLine(step: step, values: Dictionary(uniqueKeysWithValues: means))
        }
    }

    /// The curves of a variant: at each step the mean over the seeds that have it, with its bootstrap interval.
    ///
    /// - Parameters:
    ///   - runs: the records of each seed, or of each base model where there are several (``merged(_:)``).
    ///   - axes: names of metrics to draw against; `step` is added. At a step, an axis has its mean over seeds.
    ///   - isRare: metrics that only some steps have, such as those of an evaluation; no such step is thinned out for one that has none.
    ///   - points: the most steps to keep; evenly spaced, the last one among them.
    public static func series(
        _ variant: String, runs: [[MetricLine]], axes: [String], points: Int, isRare: (String) -> Bool
    ) -> Charts.Curves.Series {
        var bySteps: [Int: [[String: Double]]] = [:]
        for record in runs.joined() { bySteps[record.step, default: []].append(record.values) }
        let all = bySteps.keys.sorted()
        let rare = all.filter { step in bySteps[step]?.contains { $0.keys.contains(where: isRare) } ?? false }
        let steps = Set(thinned(all, to: points)).union(thinned(rare, to: points)).sorted()
        let values = steps.map { bySteps[$0] ?? [] }
        func mean(_ axis: String) -> [Rounded] {
            values.map { records in Rounded(records.compactMap { $0[axis] }.mean) }
        }
        var columns = ["step": steps.map { Rounded(Double($0)) }]
        for axis in axes { columns[axis] = mean(axis) }
        let names = Set(values.joined().flatMap(\.keys)).subtracting(axes)
        let metrics = names.map { name in
            (name, curve(values.map { records in records.compactMap { $0[name] }.filter(\.isFinite) }))
        }
        return Charts.Curves.Series(
            variant: variant, axes: columns, metrics: Dictionary(uniqueKeysWithValues: metrics.filter { !$0.1.mean.isEmpty }))
    }

    /// - Parameter values: of the seeds, by step; none where no seed has the metric.
    private static func curve(_ values: [[Double]]) -> Charts.Curves.Curve {
        let at = values.indices.filter { !values[$0].isEmpty }
        let estimates = at.compactMap { Estimate(values[$0], resamples: 200) }
        let hasIntervals = estimates.contains { $0.interval != nil }
        return Charts.Curves.Curve(
            at: at.count == values.count ? nil : at, mean: estimates.map { Rounded($0.mean) },
            low: hasIntervals ? estimates.map { Rounded($0.interval?.lowerBound ?? $0.mean) } : nil,
            high: hasIntervals ? estimates.map { Rounded($0.interval?.upperBound ?? $0.mean) } : nil)
    }

    /// Every n-th, and the last.
    private static func thinned(_ steps: [Int], to count: Int) -> [Int] {
        guard steps.count > count, let last = steps.last else { return steps }
        let stride = (steps.count + count - 1) / count
        return steps.indices.filter { $0 % stride == 0 }.map { steps[$0] } + [last]
    }
}
