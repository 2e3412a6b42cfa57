import Foundation
import ZooBase
import ZooRecords

/// What a comparison would cost, as text: a run of each variant, and all runs together.
package struct ComparisonForecastText {
    private let variants: [(name: String, forecast: Forecast?)]
    private let earlier: [Forecast]
    private let (runs, jobs): (Int, Int)
    private let (memory, disk): (Int, Int?)

    /// - Parameters:
    ///   - variants: a run of each; nil where it begins with a model that is to be trained first.
    ///   - earlier: of every stage before the last that is to be trained.
    ///   - runs: of each variant, over all seeds and base models.
    ///   - jobs: runs at a time.
    ///   - memory: bytes that are available.
    ///   - disk: the same of the disk that runs are written to; nil if that is not known.
    package init(
        _ variants: [(name: String, forecast: Forecast?)], earlier: [Forecast], runs: Int, jobs: Int, memory: Int, disk: Int?
    ) {
        (self.variants, self.earlier, self.runs, self.jobs) = (variants, earlier, runs, jobs)
        (self.memory, self.disk) = (memory, disk)
    }

    /// For a terminal of this width.
    package func plain(width: Int) -> String {
        guard !known.isEmpty else { return "" }
        let count = runs * variants.count
        let facts = [
            ("runs", "\(count): \(variants.count) variants × \(runs), \(jobs) at a time"), ("time", time), ("memory", peak),
            ("disk", space),
        ]
        return table.plain(width: width) + "\n" + facts.map { $0.0.fact($0.1, width: width) }.joined()
    }

    private var known: [Forecast] { variants.compactMap(\.forecast) }

    private var table: TextTable {
        var table = TextTable([
            .text("a run"), .number("iterations"), .number("of"), .number("evaluation"), .number("in all"), .number("memory"),
            .number("disk"),
        ])
        for (name, forecast) in variants {
            guard let forecast else {
                table.append([name] + Array(repeating: "–", count: 6))
                continue
            }
            table.append([
                name, "\(forecast.iterations)", Quantity.seconds(forecast.seconds), Quantity.seconds(forecast.evaluationSeconds),
                Quantity.seconds(forecast.totalSeconds), Quantity.bytes(Double(forecast.ledger.processPeakBytes)),
                Quantity.bytes(Double(forecast.diskBytes)),
            ])
        }
        return table
    }

    /// Beside others a run is slower than alone, by how much nobody can tell: so both ends are said.
    private var time: String {
        let seconds = Double(runs) * known.reduce(0) { $0 + $1.totalSeconds } + earlier.reduce(0) { $0 + $1.totalSeconds }
        let cores = min(jobs, ProcessInfo.processInfo.activeProcessorCount)
        guard cores > 1 else { return Quantity.seconds(seconds) }
        return "\(Quantity.seconds(seconds / Double(cores))) if a run is as fast beside others as alone, "
            + "\(Quantity.seconds(seconds)) one after another"
    }

    private var peak: String {
        let largest = known.map { Double($0.ledger.processPeakBytes) }.sorted(by: >).prefix(jobs)
        let (least, most) = (largest.reduce(0, +), ForecastText.kept * largest.reduce(0, +))
        return "\(Quantity.bytes(least)) to \(Quantity.bytes(most)) of \(Quantity.bytes(Double(memory))) available"
            + (most > Double(memory) ? ": this may be too much; lower jobs" : "")
    }

    private var space: String {
        let free = disk.map { " of \(Quantity.bytes(Double($0))) free" } ?? ""
        return Quantity.bytes(Double(runs * known.reduce(0) { $0 + $1.diskBytes })) + free
    }
}
