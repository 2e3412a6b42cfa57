import CZoo
import Foundation
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    static let numericsCases: [ConformanceCase] = [
        .each(
            "numerics/gradients", "Every gradient is the derivative of the loss, by central differences in double.",
            rule: "zoo/model.h: The loss of a slice and its gradient: dLoss/d(output) of the WHOLE optimizer step's loss."
        ) { subject in
            var (worst, compared) = (0.0, 0)
            let settings = try forEachPoint(subject, [0, 0.3, 1.5]) { point in
                guard point.loss.flags & ZOO_LOSS_STOP_GRADIENT == 0 else { return }
                let result = try point.compareGradients()
                (worst, compared) = (max(worst, result.worst), compared + result.count)
            }
            guard compared > 0 else { throw NotApplicable(reason: "every loss stops gradients by design") }
            return "\(settings); \(compared) gradients, largest relative error \(short(worst))"
        },
        .each(
            "numerics/masked-steps", "The gradient is exactly 0 at every step outside the mask.",
            rule: "zoo/model.h: Steps with mask 0 get exactly 0."
        ) { subject in
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
        .each(
            "numerics/slices", "Split as its flags allow, losses and gradients of the parts add up to the whole.",
            rule: "zoo/model.h: the parts' losses and gradients add up", needs: "numerics/gradients"
        ) { subject in
            try forEachPoint(subject, [0.3]) { point in try point.compareSlices() }
        },
        .each(
            "numerics/order", "The order of the sequences changes nothing.",
            rule: "zoo/model.h: any subset of whole sequences"
        ) { subject in
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
        .each(
            "numerics/purity", "The same call gives the same bits, whatever was called in between.",
            rule: "zoo/model.h: A pure function"
        ) { subject in
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
        .each(
            "numerics/not-finite", "Non-finite outputs or rewards lead to an error.",
            rule: "zoo/model.h: ZOO_DATA_LOSS where a number is not finite."
        ) { subject in
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
            let probe = try Session(plugin, subject.id)
            try probe.step()
            if probe.host.record.calls.contains("reward.score") {
                let task = SyntheticTask()
                task.spoilRewards = { $0.enumerated().map { $0.offset == 0 ? .nan : $0.element } }
                let session = try Session(plugin, subject.id, task: task)
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
    static func forEachPoint(_ subject: Subject, _ scatters: [Double], _ body: @escaping (LossPoint) throws -> Void)
        throws -> String
    {
        try subject.forEachVariant { _, session in
            var generator = SplitMix64(seed: 3)
            try subject.inspect(session) { point in
                for scatter in scatters { try body(point.moved(by: scatter, &generator)) }
            }
        }
    }
}

extension Subject {
    /// Steps once, and runs `body` on the first losses of each role while they can be called.
    ///
    /// - Parameter isNeeded: Whether an iteration without a loss is a failure.
    func inspect(_ session: Session, isNeeded: Bool = true, _ body: @escaping (LossPoint) throws -> Void) throws {
        var seen: [String: Int] = [:]
        var failure: Finding?
        session.host.inspect = { [self] call, loss in
            seen[loss.role, default: 0] += 1
            guard seen[loss.role, default: 0] <= 2 else { return }
            do {
                try attempt("the loss of role '\(loss.role)'") {
                    try body(LossPoint(call: call, loss: loss, batch: loss.batch, outputs: loss.outputs))
                }
            } catch let finding as Finding {
                // An error that crosses the plugin keeps no more than its sentence.
                failure = finding
                throw ZooError(.aborted, finding.sentence)
            }
        }
        defer { session.host.inspect = nil }
        do { try session.step() } catch { throw failure ?? error }
        if let failure { throw failure }
        try expect(!seen.isEmpty || !isNeeded, expected: "a loss in every iteration", found: "that the step called none")
    }
}
