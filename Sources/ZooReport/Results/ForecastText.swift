import Foundation
import ZooBase
import ZooRecords

/// What a stage would cost, as text: what is trained, an iteration, memory by role, time and disk.
package struct ForecastText {
    private let forecast: Forecast
    /// What may be used of the memory and of the disk.
    private let (memory, disk): (Int, Int?)

    /// - Parameters:
    ///   - memory: bytes that are available.
    ///   - disk: the same of the disk that runs are written to; nil if that is not known.
    package init(_ forecast: Forecast, memory: Int, disk: Int?) {
        (self.forecast, self.memory, self.disk) = (forecast, memory, disk)
    }

    /// For a terminal of this width.
    package func plain(width: Int) -> String {
        let lines: [(name: String?, value: String)] = [
            ("parameters", parameters), ("iteration", iteration), ("time", time), ("memory", peak), (device?.name, devicePeak),
            ("disk", space),
        ]
        let facts = lines.compactMap { line in line.name?.fact(line.value, width: width) }.joined()
        return "stage \(forecast.stage): \(forecast.algorithm)\n\n\(facts)\n\(table.plain(width: width))"
    }

    private var ledger: Ledger { forecast.ledger }

    private var roles: [(name: String, account: Ledger.Account)] {
        ledger.roles.sorted { (-$0.value.heldBytes, $0.key) < (-$1.value.heldBytes, $1.key) }.map { ($0.key, $0.value) }
    }

    private var parameters: String {
        let all = ledger.roles.values.reduce(0) { $0 + $1.parameters }
        let trained = forecast.trained.sorted { $0.key < $1.key }.map { "\(Quantity.count(Double($0.value))) of the \($0.key)" }
        return "\(Quantity.count(Double(all))) in all networks; trained: \(trained.joined(separator: ", "))"
    }

    private var iteration: String {
        var parts: [(String, Double)] = []
        for (name, account) in roles {
            for activity in Ledger.Activity.allCases {
                guard let seconds = account.seconds[activity.rawValue], seconds > 0 else { continue }
                parts.append((name == "policy" ? activity.rawValue : "\(name) \(activity.rawValue)", seconds))
            }
        }
        parts += [("rewards", ledger.rewardSeconds), ("environment", ledger.environmentSeconds ?? 0)]
        let shown = parts.filter { $0.1 >= 0.02 * forecast.seconds }.sorted { $0.1 > $1.1 }
            .map { "\($0.0) \(Quantity.seconds($0.1))" }
        let counts = [("sampled steps", ledger.sampledSteps), ("updates", ledger.updates)].filter { $0.1 > 0 }
            .map { "\($0.1) \($0.0)" }
        return "\(Quantity.seconds(forecast.seconds)): \(shown.joined(separator: ", ")); \(counts.joined(separator: ", "))"
    }

    private var time: String {
        let parts = [
            ("reading the model and the data", forecast.loadingSeconds), ("preparing", forecast.preparedSeconds),
            ("\(forecast.iterations) iterations", forecast.trainingSeconds), ("evaluation", forecast.evaluationSeconds),
        ]
        let list = parts.filter { $0.1 > 0 }.map { "\($0.0) \(Quantity.seconds($0.1))" }
        return "\(Quantity.seconds(forecast.totalSeconds)): \(list.joined(separator: ", "))"
    }

    /// What a longer run holds: its allocator keeps memory of passes of other sizes.
    static let kept = 1.3

    private var peak: String { peak(ledger.processPeakBytes, of: memory) }

    /// Where the networks are, if that is not the process's memory.
    private var device: Ledger.DeviceMemory? { ledger.device }
    private var devicePeak: String { device.map { peak($0.peakBytes, of: $0.availableBytes) } ?? "" }

    private func peak(_ bytes: Int, of available: Int) -> String {
        let least = Double(bytes)
        return
            "\(Quantity.bytes(least)) to \(Quantity.bytes(Self.kept * least)) of \(Quantity.bytes(Double(available))) available"
            + (Self.kept * least > Double(available) ? ": this may be too much" : "")
    }

    private var space: String {
        let checkpoints =
            forecast.checkpoints > 0
            ? "checkpoints \(forecast.checkpoints) × \(Quantity.bytes(Double(forecast.checkpointBytes))), "
            : "a checkpoint (if it is stopped) \(Quantity.bytes(Double(forecast.checkpointBytes))), "
        let free = disk.map { " of \(Quantity.bytes(Double($0))) free" } ?? ""
        return
            "\(Quantity.bytes(Double(forecast.diskBytes)))\(free): \(checkpoints)model \(Quantity.bytes(Double(forecast.modelBytes)))"
    }

    /// Memory by role, and what else the process holds.
    private var table: TextTable {
        var table = TextTable([
            .text("memory"), .number("parameters"), .number("weights"), .number("gradients"), .number("optimizer"),
            .number("largest pass"),
        ])
        func bytes(_ count: Int) -> String { count > 0 ? Quantity.bytes(Double(count)) : "–" }
        for (name, account) in roles {
            table.append([
                name, Quantity.count(Double(account.parameters)), bytes(account.weightBytes), bytes(account.gradientBytes),
                bytes(account.optimizerBytes), bytes(account.transientBytes),
            ])
        }
        return table
    }
}

extension String {
    /// A line `name  value`, the value in one column.
    func fact(_ value: String, width: Int) -> String {
        let column = 12
        let lines = value.shownOnOneLine.lines(ofWidth: max(20, width - column))
        return lines.enumerated().map { index, line in
            (index == 0 ? self : "").padded(toWidth: column, trailing: true) + line + "\n"
        }.joined()
    }
}
