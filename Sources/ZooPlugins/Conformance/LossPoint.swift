import CZoo
import ZooBase
import ZooData
import ZooKit

/// A loss at one setting of its inputs, to be called repeatedly while `accumulate` waits.
struct LossPoint {
    let call: LossCall
    /// As it was recorded.
    let loss: ScriptedHost.Record.Loss
    var batch: Batch
    var outputs: [Column]

    func evaluate() throws -> (loss: Double, gradients: [[Double]]) { try call(batch, outputs) }

    /// The place in the batch that row `row` of an output belongs to may receive gradient.
    private func isFree(_ output: Column, _ row: Int) -> Bool { output.perStep ? batch.mask[row] : true }

    // MARK: - Other points

    /// The outputs with normal noise of this standard deviation at the actions.
    func moved(by deviation: Double, _ generator: inout SplitMix64) -> LossPoint {
        guard deviation > 0 else { return self }
        var moved = self
        for (index, output) in outputs.enumerated() {
            let values = output.doubles.enumerated().map { row, value in
                isFree(output, row) ? value + deviation * generator.normal() : value
            }
            moved.outputs[index].values = .f64(values)
        }
        return moved
    }

    /// One number of an output replaced at its first action.
    func poisoned(_ index: Int, _ value: Double) -> LossPoint {
        var values = outputs[index].doubles
        if let row = values.indices.first(where: { isFree(outputs[index], $0) }) { values[row] = value }
        return with(index, values)
    }

    private func with(_ index: Int, _ values: [Double]) -> LossPoint {
        var point = self
        point.outputs[index].values = .f64(values)
        return point
    }

    private func with(_ index: Int, row: Int, _ value: Double) -> LossPoint {
        var values = outputs[index].doubles
        values[row] = value
        return with(index, values)
    }

    /// The given sequences alone, in that order.
    func selecting(_ sequences: [Int]) -> LossPoint {
        var carrier = batch
        for (index, output) in outputs.enumerated() {
            carrier.set(Column("output \(index)", perStep: output.perStep, output.values))
        }
        let chosen = carrier.selecting(sequences)
        var point = self
        point.batch = batch.selecting(sequences)
        for index in outputs.indices { point.outputs[index].values = chosen.column("output \(index)")?.values ?? .f64([]) }
        return point
    }

    /// Whether the loss depends on an output at all; one that is only logged may be anything.
    func uses(_ index: Int) -> Bool {
        guard let (_, gradients) = try? evaluate() else { return true }
        return gradients[index].contains { $0 != 0 }
    }

    // MARK: - Comparisons

    /// Central differences at up to `count` places of each output, compared with the loss's gradients.
    func compareGradients(_ count: Int = 48) throws -> (worst: Double, count: Int) {
        let (value, gradients) = try evaluate()
        var (worst, compared) = (0.0, 0)
        var generator = SplitMix64(seed: 4)
        for (index, output) in outputs.enumerated() {
            let rows = output.doubles.indices.filter { isFree(output, $0) }.shuffled(using: &generator).prefix(count)
            let scale = gradients[index].reduce(0) { max($0, abs($1)) }
            for row in rows {
                let error = try difference(index, row, value, gradients[index][row])
                let allowed = 1e-5 * scale + 1e-9 * max(1, abs(value))
                let found = gradients[index][row]
                try expect(
                    error <= allowed,
                    expected: "dLoss/d(\(output.name)) at row \(row), where \(output.name) is \(output.doubles[row]), within "
                        + "\(allowed) of the finite difference",
                    found: "\(found), which is off by \(error)")
                worst = max(worst, error / max(scale, 1e-9))
                compared += 1
            }
        }
        return (worst, compared)
    }

    /// The distance of a gradient from the central difference; at a kink, from the interval between the two sides.
    private func difference(_ index: Int, _ row: Int, _ value: Double, _ gradient: Double) throws -> Double {
        let center = outputs[index].doubles[row]
        let width = 1e-5 * max(1, abs(center))
        let above = try (with(index, row: row, center + width).evaluate().loss - value) / width
        let below = try (value - with(index, row: row, center - width).evaluate().loss) / width
        guard abs(above - below) > 1e-2 * max(abs(above), abs(below)) else { return abs(gradient - (above + below) / 2) }
        return max(0, min(above, below) - gradient, gradient - max(above, below))
    }

    /// The parts of a cut that the flags allow, against the whole.
    func compareSlices() throws {
        let (whole, gradients) = try evaluate()
        var total = 0.0
        for part in try parts() {
            let (value, partial) = try selecting(part).evaluate()
            total += value
            try expectEqual(gradients, partial, of: part, "when the sequences \(part.prefix(8)) were a separate slice")
        }
        try expect(ConformanceCase.near(whole, total), "the loss is \(whole), but \(total) as the sum over its slices")
    }

    /// About three parts of whole sequences or groups; the whole batch if it must not be split.
    private func parts() throws -> [[Int]] {
        let keys: [Int]
        switch loss.flags & 0xff {
        case ZOO_LOSS_SEPARABLE: keys = Array(0..<batch.sequenceCount)
        case ZOO_LOSS_GROUPED: keys = try batch.integers(batch.column("pair") == nil ? "group" : "pair")
        case ZOO_LOSS_WHOLE: return [Array(0..<batch.sequenceCount)]
        default: throw ZooError(.invalidArgument, "accumulate was called with the unknown flags \(loss.flags)")
        }
        let parts = Dictionary(grouping: keys.indices) { ((keys[$0] % 3) + 3) % 3 }
        return parts.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Throws if the gradients of a selection differ from those of the whole batch at the same places.
    func expectEqual(_ whole: [[Double]], _ part: [[Double]], of sequences: [Int], _ circumstance: String) throws {
        for (index, output) in outputs.enumerated() {
            let expected = Column(output.name, perStep: output.perStep, .f64(whole[index]))
            var carrier = Batch(offsets: batch.offsets, mask: batch.mask)
            carrier.set(expected)
            let chosen = carrier.selecting(sequences).column(output.name)?.doubles ?? []
            let scale = chosen.reduce(0) { max($0, abs($1)) }
            for (row, (want, found)) in zip(chosen, part[index]).enumerated() {
                try expect(
                    ConformanceCase.near(want, found, scale: scale),
                    "dLoss/d(\(output.name)) of role '\(loss.role)' at row \(row) is \(want), and \(found) \(circumstance)")
            }
        }
    }
}
