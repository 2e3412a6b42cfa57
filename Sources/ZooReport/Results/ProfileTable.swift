import Foundation
import ZooRecords

/// A profile as a table: where the time of the process went.
package struct ProfileTable {
    private let trace: ProfileTrace

    package init(_ file: URL) throws {
        trace = try JSONDecoder().decode(ProfileTrace.self, from: Data(contentsOf: file))
    }

    private struct Row {
        var name: String
        var seconds: Double
        var count: Int
        var flops = 0.0
    }

    /// Rows of the passes, of what else the host does for the plugin, of the plugin, and of the rest of the process, whose sum is its time
    /// up to the last span.
    package var table: TextTable {
        var table = TextTable([.text("where"), .number("seconds"), .number("share"), .number("calls"), .number("GFLOP/s")])
        let whole = trace.spans.map { $0.ts + $0.dur }.max().map { $0 / 1e6 } ?? 0
        for row in rows(whole) {
            table.append([
                row.name, Quantity.number(row.seconds), String(format: "%.1f%%", 100 * row.seconds / max(whole, 1e-9)),
                row.count > 0 ? "\(row.count)" : "–", row.flops > 0 ? Quantity.number(row.flops / 1e9 / row.seconds) : "–",
            ])
        }
        return table
    }

    /// What a reader has to know besides; nil for nothing.
    package var note: String? {
        trace.dropped > 0 ? "\(trace.dropped) later spans were left out of the profile, and are in no row" : nil
    }

    private func rows(_ whole: Double) -> [Row] {
        func sums(_ spans: [ProfileTrace.Span]) -> [Row] {
            var rows: [Row] = []
            for span in spans {
                let flops = span.args?["flops"] ?? 0
                if let index = rows.firstIndex(where: { $0.name == span.name }) {
                    rows[index].seconds += span.seconds
                    rows[index].count += 1
                    rows[index].flops += flops
                } else {
                    rows.append(Row(name: span.name, seconds: span.seconds, count: 1, flops: flops))
                }
            }
            return rows
        }
        func seconds(_ rows: [Row]) -> Double { rows.reduce(0) { $0 + $1.seconds } }
        func spans(_ track: ProfileTrace.Track) -> [ProfileTrace.Span] { trace.spans.filter { $0.tid == track } }
        let steps = sums(spans(.plugin).filter { $0.name == Self.step })
        let losses = sums(spans(.plugin).filter { $0.name != Self.step })
        // An evaluation's passes lie between steps, which are in order.
        let ends = spans(.plugin).filter { $0.name == Self.step }.map { ($0.ts, $0.ts + $0.dur) }
        var next = 0
        var (passing, measuring): ([ProfileTrace.Span], [ProfileTrace.Span]) = ([], [])
        for span in spans(.passes).sorted(by: { $0.ts < $1.ts }) {
            while next < ends.count, ends[next].1 < span.ts { next += 1 }
            if next < ends.count, ends[next].0 <= span.ts { passing.append(span) } else { measuring.append(span) }
        }
        let passes = sums(passing)
        let evaluation = seconds(sums(measuring))
        let calls = sums(spans(.calls))
        // Calls that are nothing but a pass are in the rows of passes.
        let kinds = ["generate ", "forward ", "accumulate ", "optimizer_step "]
        let own = calls.filter { call in !kinds.contains(where: call.name.hasPrefix) }
        let arrays = max(0, seconds(calls) - seconds(own) - seconds(passes) - seconds(losses))
        let plugin = max(0, seconds(steps) - seconds(calls))
        let others = sums(spans(.run))
        let rest = max(0, whole - seconds(steps) - seconds(others) - evaluation)
        return passes + own.filter { $0.seconds > 0 } + losses + [
            Row(name: "plugin, the rest of its steps", seconds: plugin, count: steps.first?.count ?? 0),
            Row(name: "host, arrays between both", seconds: arrays, count: 0),
            Row(name: "passes of evaluations", seconds: evaluation, count: measuring.count),
        ] + others + [Row(name: "rest of the process", seconds: rest, count: 0)]
    }

    private static let step = "step"
}
