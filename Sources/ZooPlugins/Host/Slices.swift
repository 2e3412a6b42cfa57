import CZoo
import ZooKit

/// Splits a batch into passes that fit, and reassembles the results.
package enum Slices {
    /// Sequences in order, split before `limit` steps are exceeded; a single longer sequence is a separate pass.
    ///
    /// - Parameter costs: of each sequence, [n]; nil: its steps.
    package static func bySteps(_ batch: Batch, limit: Int, costs: [Int]? = nil) -> [[Int]] {
        cut((0..<batch.sequenceCount).map { [$0] }, costs ?? Self.steps(batch), limit)
    }

    private static func steps(_ batch: Batch) -> [Int] { (0..<batch.sequenceCount).map { batch.steps(of: $0).count } }

    /// The passes that a loss's flags allow; empty if the loss needs the whole batch and it does not fit.
    package static func cut(_ batch: Batch, flags: UInt32, limit: Int, costs: [Int]? = nil) throws -> [[Int]] {
        let costs = costs ?? steps(batch)
        // Asked for even where the batch fits: what is refused must not depend on its size.
        let grouped = flags & ZOO_LOSS_CUT == ZOO_LOSS_GROUPED ? try groups(batch) : []
        if costs.reduce(0, +) <= limit { return [Array(0..<batch.sequenceCount)] }
        switch flags & ZOO_LOSS_CUT {
        case ZOO_LOSS_SEPARABLE: return bySteps(batch, limit: limit, costs: costs)
        case ZOO_LOSS_GROUPED: return cut(grouped, costs, limit)
        case ZOO_LOSS_WHOLE: return []
        default: throw ZooError(.invalidArgument, "accumulate has the unknown cut \(flags & ZOO_LOSS_CUT)")
        }
    }

    /// The same for `workers` that pass at the same time: as many parts as fill whole rounds of them, of about equal cost. A loss that
    /// needs the whole batch gets none, however small it is.
    package static func shares(_ batch: Batch, flags: UInt32, limit: Int, costs: [Int]? = nil, workers: Int) throws -> [[Int]] {
        let costs = costs ?? steps(batch)
        // Refuses what it refuses anywhere.
        let alone = try cut(batch, flags: flags, limit: limit, costs: costs)
        let units: [[Int]]
        switch flags & ZOO_LOSS_CUT {
        case ZOO_LOSS_GROUPED: units = try groups(batch)
        case ZOO_LOSS_WHOLE: return []
        default: units = (0..<batch.sequenceCount).map { [$0] }
        }
        let total = costs.reduce(0, +)
        guard total > 0, units.count > 1 else { return alone }
        var rounds = max(1, (total + limit * workers - 1) / (limit * workers))
        while true {
            let count = min(units.count, rounds * workers)
            var parts = [[Int]](repeating: [], count: count)
            var before = 0
            for unit in units {
                let cost = unit.reduce(0) { $0 + costs[$1] }
                parts[min(count - 1, (2 * before + cost) * count / (2 * total))] += unit
                before += cost
            }
            parts.removeAll(where: \.isEmpty)
            let largest = parts.map { $0.reduce(0) { $0 + costs[$1] } }.max() ?? 0
            if largest <= limit || count == units.count { return parts }
            rounds += 1
        }
    }

    private static func cut(_ units: [[Int]], _ costs: [Int], _ limit: Int) -> [[Int]] {
        var parts: [[Int]] = []
        var room = 0
        for unit in units {
            let steps = unit.reduce(0) { $0 + costs[$1] }
            if parts.isEmpty || steps > room {
                parts.append([])
                room = limit
            }
            parts[parts.count - 1] += unit
            room -= steps
        }
        return parts
    }

    /// Sequences that a GROUPED loss must see together, by `pair` or else by `group`.
    private static func groups(_ batch: Batch) throws -> [[Int]] {
        guard let column = batch.column("pair") ?? batch.column("group"), let numbers = column.integers else {
            throw ZooError(.invalidArgument, "a GROUPED loss needs the integer column 'pair' or 'group'")
        }
        var order: [Int] = []
        var members: [Int: [Int]] = [:]
        for (sequence, number) in numbers.enumerated() {
            if members[number] == nil { order.append(number) }
            members[number, default: []].append(sequence)
        }
        return order.map { members[$0] ?? [] }
    }

    /// The values at the masked steps, in order. Throws if a value outside the mask is not exactly 0.
    package static func pack(_ values: [Double], _ mask: [Bool], _ name: String) throws -> [Double] {
        var packed: [Double] = []
        packed.reserveCapacity(values.count)
        for (step, isAction) in mask.enumerated() {
            if isAction {
                packed.append(values[step])
            } else if values[step] != 0 {
                throw ZooError(
                    .invalidArgument,
                    "the loss's gradient of '\(name)' at step \(step) is \(values[step]) where the mask is 0; expected 0")
            }
        }
        return packed
    }

    /// Spreads values of the masked steps over all steps; 0 elsewhere.
    package static func unpack(_ packed: [Double], _ mask: [Bool]) -> [Double] {
        var next = 0
        return mask.map { isAction in
            guard isAction else { return 0 }
            defer { next += 1 }
            return packed[next]
        }
    }

    /// Copies a slice's column to its sequences in the batch.
    package static func scatter(_ column: Column, of part: [Int], in batch: Batch, into values: inout [Double]) {
        let source = column.doubles
        guard column.perStep else {
            for (index, sequence) in part.enumerated() { values[sequence] = source[index] }
            return
        }
        var next = 0
        for sequence in part {
            for step in batch.steps(of: sequence) {
                values[step] = source[next]
                next += 1
            }
        }
    }

    /// The values of a slice's sequences.
    package static func gather(_ values: [Double], perStep: Bool, of part: [Int], in batch: Batch) -> [Double] {
        perStep ? part.flatMap { values[batch.steps(of: $0)] } : part.map { values[$0] }
    }
}
