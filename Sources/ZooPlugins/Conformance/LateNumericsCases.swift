import CZoo
import ZooBase
import ZooData
import ZooKit

extension ConformanceCase {
    /// The loss where small tests do not look: far-off inputs, late iterations, large batches, and what symmetry demands.
    static let lateNumericsCases: [ConformanceCase] = [
        .each(
            "numerics/far-off", "Gradients are right where log-probabilities are as low as -60, too.",
            rule: "zoo/model.h: The loss of a slice and its gradient", needs: "numerics/slices"
        ) { subject in
            var count = 0
            let settings = try subject.forEachVariant { _, session in
                var generator = SplitMix64(seed: 8)
                try subject.inspect(session) { point in
                    guard point.loss.flags & ZOO_LOSS_STOP_GRADIENT == 0 else { return }
                    for (carries, name) in [(true, "with the columns of log-probabilities"), (false, "alone")] {
                        let far = point.lowered(by: 3...(carries ? 60 : 30), withColumns: carries, &generator)
                        count += try subject.attempt("log-probabilities lowered \(name)") { try far.compareGradients(12).count }
                    }
                }
            }
            guard count > 0 else { throw NotApplicable(reason: "every loss stops gradients by design") }
            return "\(settings); \(count) gradients"
        },
        .each(
            "numerics/late", "Losses, gradients and slices are as right in the 25th iteration as in the first.",
            rule: "zoo/model.h: A pure function", needs: "numerics/slices"
        ) { subject in
            let session = try Session(subject.plugin(), subject.id)
            try subject.attempt("24 iterations") { try session.step(24) }
            try subject.attempt("iteration 25") { try subject.inspect(session, isNeeded: false) { try checkWhole($0) } }
            return "25 iterations"
        },
        .each(
            "numerics/large", "Losses, gradients and slices are as right with hundreds of sequences as with a few.",
            rule: "zoo/model.h: the parts' losses and gradients add up", needs: "numerics/slices"
        ) { subject in
            let plugin = try subject.plugin()
            let parameters = try subject.algorithm(in: plugin).counting(sequences: 300)
            guard !parameters.isEmpty else {
                throw NotApplicable(reason: "no parameter counts prompts, pairs or examples")
            }
            var largest = 0
            let words = parameters.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value.shown)" }.joined(separator: ", ")
            try subject.attempt("with \(words)") {
                let session = try Session(plugin, subject.id, parameters)
                try subject.inspect(session) { point in
                    largest = max(largest, point.batch.sequenceCount)
                    try checkWhole(point)
                }
            }
            return "\(words): \(largest) sequences in a loss"
        },
        .each(
            "numerics/stop-gradient",
            "A loss that stops gradients has the derivative of its value, with some of its columns moved along or equal to its "
                + "outputs.",
            rule: "zoo/model.h: the gradients are not the derivative of the returned loss, by design"
        ) { subject in
            var found: [String] = []
            _ = try subject.forEachVariant { variant, session in
                var generator = SplitMix64(seed: 9)
                try subject.inspect(session) { point in
                    guard point.loss.flags & ZOO_LOSS_STOP_GRADIENT != 0 else { return }
                    found.append("\(variant.name): \(try point.stoppedDerivative(&generator))")
                }
            }
            guard !found.isEmpty else { throw NotApplicable(reason: "no loss stops gradients") }
            return found.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }.joined(separator: "; ")
        },
        .each(
            "numerics/zero-advantage",
            "Where nothing is better than anything else (no reward, no value, one policy in all roles), the policy gets no gradient.",
            rule: "zoo/model.h: The loss of a slice and its gradient"
        ) { subject in
            var count = 0
            let numbers = try subject.algorithm(in: subject.plugin()).parameters.filter { parameter in
                parameter.accepts(0) && parameter.defaultValue?.number != nil && parameter.defaultValue?.number != 0
            }
            func check(_ session: Session) throws {
                try subject.inspect(session, isNeeded: false) { point in
                    guard point.loss.role == "policy", point.batch.column("group") != nil, point.batch.column("pair") == nil
                    else { return }
                    let gradients = try point.evaluate().gradients
                    for (output, gradient) in zip(point.outputs, gradients) where ["logp", "score"].contains(output.name) {
                        let largest = gradient.reduce(0) { max($0, abs($1)) }
                        count += 1
                        try expect(largest < 1e-12, expected: "dLoss/d(\(output.name)) of 0", found: "up to \(largest)")
                    }
                }
            }
            let settings = try subject.forEachVariant(choicesOnly: true, task: .level()) { variant, session in
                do { try check(session) } catch let finding as Finding {
                    // A choice may have a gradient by another term's doing, as a KL by k1 has: without that term it has none.
                    let isExcused =
                        !variant.parameters.isEmpty
                        && numbers.contains { number in
                            let parameters = session.parameters.merging([number.name: .number(0)]) { $1 }
                            guard let other = try? Session(subject.plugin(), subject.id, parameters, task: .level())
                            else { return false }
                            return (try? check(other)) != nil
                        }
                    guard isExcused else { throw finding }
                }
            }
            guard count > 0 else { throw NotApplicable(reason: "it learns from no samples of its own, or from pairs of them") }
            return settings
        },
        .each(
            "numerics/pair-exchange", "Where the two of every pair change places, so do their gradients.",
            rule: "zoo/batch.h: 1: the preferred one of its pair, 0: the rejected one"
        ) { subject in
            var count = 0
            let settings = try subject.forEachVariant(choicesOnly: true, task: .level()) { _, session in
                func gradients(_ exchanged: Bool) throws -> ([[Int32]: Double], SyntheticTask) {
                    let task = SyntheticTask.level()
                    (task.exchangesPairs, task.lengths) = (exchanged, 3...3)
                    let session = try Session(subject.plugin(), subject.id, session.parameters, task: task)
                    var gradients: [[Int32]: Double] = [:]
                    try subject.inspect(session, isNeeded: false) { point in
                        guard session.host.record.calls.contains("data.pairs") else { return }
                        gradients = try point.gradientsBySequence()
                    }
                    return (gradients, task)
                }
                let ((before, task), (after, _)) = (try gradients(false), try gradients(true))
                for (tokens, gradient) in before {
                    guard let partner = task.partner(of: tokens), let theirs = after[partner] else { continue }
                    count += 1
                    try expect(
                        near(gradient, theirs, scale: 1e-3),
                        expected: "the gradient \(gradient) of a sequence to be its partner's then", found: "\(theirs)")
                }
                try expect(
                    before.isEmpty || before.values.contains { $0 != 0 }, expected: "a gradient of some sequence of the pairs",
                    found: "0 for all of them")
            }
            guard count > 0 else { throw NotApplicable(reason: "it asks for no preference pairs") }
            return "\(settings); \(count) sequences"
        },
    ]

    /// Gradients, masked steps and slices of one loss.
    private static func checkWhole(_ point: LossPoint) throws {
        if point.loss.flags & ZOO_LOSS_STOP_GRADIENT == 0 { _ = try point.compareGradients(24) }
        try point.compareSlices()
    }
}

extension AlgorithmDescription {
    /// Parameters with which an iteration has at least `sequences` of them; empty where none counts them.
    func counting(sequences: Int) -> [String: JSONValue] {
        let samples = parameter(counting: .samplesPerPrompt)?.defaultValue?.number ?? 1
        var chosen: [String: JSONValue] = [:]
        for parameter in parameters {
            let count: Int
            switch parameter.counts {
            case .prompts?: count = Int((Double(sequences) / samples).rounded(.up))
            case .pairs?: count = sequences / 2
            case .examples?: count = sequences
            default: continue
            }
            if parameter.accepts(Double(count)) { chosen[parameter.name] = .number(Double(count)) }
        }
        return chosen
    }
}
