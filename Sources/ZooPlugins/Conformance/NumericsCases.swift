import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    static let numericsCases: [ConformanceCase] = [
        .each("numerics/gradients", "Every gradient is the derivative of the loss, by central differences in double.") {
            subject in
            var (worst, compared) = (0.0, 0)
            let settings = try forEachPoint(subject, [0, 0.3, 1.5]) { point in
                guard point.loss.flags & ZOO_LOSS_STOP_GRADIENT == 0 else { return }
                let result = try point.compareGradients()
                (worst, compared) = (max(worst, result.worst), compared + result.count)
            }
            guard compared > 0 else { throw NotApplicable(reason: "every loss stops gradients by design") }
            return "\(settings); \(compared) gradients, largest relative error \(short(worst))"
        },
        .each("numerics/masked-steps", "The gradient is exactly 0 at every step outside the mask.") { subject in
            try forEachPoint(subject, [0, 1.5]) { point in
                let (role, gradients) = (point.loss.role, try point.evaluate().gradients)
                for (output, gradient) in zip(point.outputs, gradients) where output.perStep {
                    for (step, isAction) in point.batch.mask.enumerated() where !isAction {
                        try expect(
                            gradient[step] == 0,
                            "dLoss/d(\(output.name)) of role '\(role)' is \(gradient[step]) at step \(step), outside the mask")
                    }
                }
            }
        },
        .each("numerics/slices", "Split as its flags allow, losses and gradients of the parts add up to the whole.") { subject in
            try forEachPoint(subject, [0.3]) { point in try point.compareSlices() }
        },
        .each("numerics/order", "The order of the sequences changes nothing.") { subject in
            try forEachPoint(subject, [0.3]) { point in
                var generator = SplitMix64(seed: 5)
                let order = Array(0..<point.batch.sequenceCount).shuffled(using: &generator)
                let (loss, gradients) = try point.evaluate()
                let (shuffledLoss, shuffled) = try point.selecting(order).evaluate()
                try expect(
                    near(loss, shuffledLoss), "the loss is \(loss), but \(shuffledLoss) with the sequences in another order")
                try point.expectEqual(gradients, shuffled, of: order, "with the sequences in another order")
            }
        },
        .each("numerics/purity", "The same call gives the same bits, whatever was called in between.") { subject in
            try forEachPoint(subject, [0.3]) { point in
                let first = try point.evaluate()
                var generator = SplitMix64(seed: 6)
                _ = try point.moved(by: 1, &generator).evaluate()
                let second = try point.evaluate()
                try expect(
                    first.loss == second.loss && first.gradients == second.gradients,
                    "the loss was \(first.loss), but \(second.loss) when the call was repeated")
            }
        },
        .each("numerics/not-finite", "Non-finite outputs or rewards lead to an error.") { subject in
            let settings = try forEachPoint(subject, [0]) { point in
                for index in point.outputs.indices where point.uses(index) {
                    for bad in [Double.nan, .infinity] {
                        let refusal = try refusal("\(bad) in '\(point.outputs[index].name)' of role '\(point.loss.role)'") {
                            _ = try point.poisoned(index, bad).evaluate()
                        }
                        try expect(refusal.code == .dataLoss, "\(bad) was refused as \(refusal.code); expected dataLoss")
                    }
                }
            }
            let plugin = try subject.plugin()
            let probe = try Session(plugin, subject.algorithmID)
            try probe.step()
            if probe.host.record.calls.contains("reward.score") {
                let task = SyntheticTask()
                task.spoilRewards = { $0.enumerated().map { $0.offset == 0 ? .nan : $0.element } }
                let session = try Session(plugin, subject.algorithmID, task: task)
                _ = try refusal("a reward that is NaN") { try session.step() }
            }
            return settings
        },
    ]

    /// Two numbers that may differ by the order of their sums.
    static func near(_ first: Double, _ second: Double, scale: Double = 0) -> Bool {
        abs(first - second) <= 1e-9 * max(1e-3, abs(first), abs(second), scale)
    }

    static func short(_ value: Double) -> String { String(format: "%.0e", value) }

    /// Runs `body` at several points of the first losses of every setting: the outputs as they were, and scattered.
    private static func forEachPoint(_ subject: Subject, _ scatters: [Double], _ body: @escaping (LossPoint) throws -> Void)
        throws -> String
    {
        try subject.forEachVariant { _, session in
            var seen: [String: Int] = [:]
            var generator = SplitMix64(seed: 3)
            session.host.inspect = { call, loss in
                seen[loss.role, default: 0] += 1
                guard seen[loss.role, default: 0] <= 2 else { return }
                let point = LossPoint(call: call, loss: loss, batch: loss.batch, outputs: loss.outputs)
                for scatter in scatters { try body(point.moved(by: scatter, &generator)) }
            }
            try session.step()
            try expect(!seen.isEmpty, "the step called no loss")
        }
    }
}
