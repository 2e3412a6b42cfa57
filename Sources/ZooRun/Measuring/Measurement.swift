import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// A run's measurements of its model: samples for held-out prompts, and the algorithm's loss on held-out rows.
struct Measurement {
    private let evaluator: Evaluator?
    private let heldOut: HeldOut?
    private let algorithm: AlgorithmInstance
    private let services: RunServices
    private let every: Int?
    private let samplesPerPrompt: Int
    /// Seconds of measuring all held-out rows once; nil before that.
    private let rowSeconds = LastSeconds()
    /// Rows of the shortest measurement along the way that the host chooses by itself.
    private static let fewest = 16
    /// Prompts whose cost foretells that of all.
    private static let tried = 8

    /// - Parameter make: makes another instance of the algorithm.
    init(
        _ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices, _ algorithm: AlgorithmInstance, stop: StopSignal,
        make: @escaping (HostTable) throws -> AlgorithmInstance
    ) throws {
        self.algorithm = algorithm
        self.services = services
        every = evaluation.every
        samplesPerPrompt = evaluation.samplesPerPrompt
        evaluator = try evaluation.prompts.map { _ in try Evaluator(evaluation, setup, services, stop: stop) }
        heldOut = try HeldOut(evaluation, setup, services, make: make)
    }

    var hasHeldOutRows: Bool { heldOut != nil }

    /// - Parameters:
    ///   - samples: whether there is a policy to sample from.
    ///   - part: of the held-out rows, from the first.
    func run(samples: Bool = true, part: Double = 1) throws -> EvaluationResult {
        let sampled = try samples ? evaluator?.run(part: part) : nil
        var result = sampled ?? EvaluationResult(metrics: [:], reference: [:], samples: [])
        if let heldOut {
            let start = secondsNow()
            result.metrics.merge(try heldOut.measure(algorithm, part: part)) { $1 }
            rowSeconds.value = (secondsNow() - start) / part
        }
        return result
    }

    private final class LastSeconds { var value = 0.0 }

    // MARK: - What it will take

    /// Seconds of all measurements of a run, as far as the first prompts tell.
    ///
    /// - Parameter iteration: what one iteration costs.
    func forecast(of iteration: Ledger, iterations: Int) throws -> Double {
        let prompts = services.trainsPolicy ? evaluator?.count : nil
        var (seconds, flops) = (0.0, 0.0)
        if let prompts, let evaluator {
            let tried = min(Self.foretelling, prompts)
            let start = secondsNow()
            let cost = try evaluator.cost(of: tried)
            let factor = Double(prompts) / Double(tried)
            (seconds, flops) = ((secondsNow() - start) * factor, cost * factor)
        }
        let sampled = seconds
        if let heldOut, iteration.totalFLOPs > 0 {
            seconds += heldOut.cost / iteration.totalFLOPs * iteration.chargedSeconds
            flops += heldOut.cost
        }
        // The reference is measured once on all prompts, and once on the part that measurements along the way take.
        guard let every else {
            let most = Double(min(EvaluationSchedule.points, iterations) + 1)
            let paid = flops > 0 ? EvaluationSchedule.share * iteration.totalFLOPs * Double(iterations) / flops : 0
            return min(most, paid) * seconds + seconds + sampled
        }
        let along = every > 0 ? iterations / every + 1 : 0
        return Double(along + 1) * seconds + sampled
    }

    /// Seconds of the evaluations that a run has left, as far as those so far tell; before the first, by what its samples took.
    ///
    /// - Parameter iterations: that are left.
    func secondsLeft(iterations: Int) -> Double {
        let prompts = services.trainsPolicy ? Double(evaluator?.count ?? 0) : 0
        let pace = evaluator?.pace.policy ?? sampledPace
        let whole = prompts * pace + rowSeconds.value
        let reference = evaluator?.hasReference == false ? prompts * (evaluator?.pace.reference ?? pace) : 0
        let done = services.model.ledger.algorithmSteps
        var along = 0.0
        if let every {
            if every > 0 { along = Double((done + iterations) / every - done / every) }
        } else if let schedule = services.schedule {
            along = Double(min(schedule.left, iterations)) * (schedule.part ?? 1)
        }
        return along * whole + whole + reference
    }

    /// Seconds of sampling and rewarding the samples of one prompt in training; 0 if nothing is sampled.
    private var sampledPace: Double {
        let ledger = services.model.ledger
        guard ledger.rewardQueries > 0 else { return 0 }
        let seconds =
            (ledger.roles["policy"]?.seconds["generate"] ?? 0) + (ledger.roles["reference"]?.seconds["forward"] ?? 0)
            + ledger.rewardSeconds + (ledger.environmentSeconds ?? 0)
        return seconds / Double(ledger.rewardQueries) * Double(samplesPerPrompt)
    }

    /// Prompts that foretell the seconds of all.
    private static let foretelling = 16

    // MARK: - Along the way

    /// Prepares for what ``alongTheWay(fraction:)`` does, before the first iteration of a run.
    ///
    /// - Returns: whether the initial policy is to be measured.
    func begin() throws -> Bool {
        if let every { return every > 0 }
        guard evaluator != nil || heldOut != nil else { return false }
        let prepared = services.model.ledger.totalFLOPs
        let prompts = services.trainsPolicy ? evaluator?.count : nil
        let tried = try prompts.map { count in try evaluator?.cost(of: min(Self.tried, count)) ?? 0 } ?? 0
        let cost = (prompts.map { tried / Double(min(Self.tried, $0)) * Double($0) } ?? 0) + (heldOut?.cost ?? 0)
        let rows = [prompts, heldOut?.count].compactMap(\.self).max() ?? 1
        services.schedule = EvaluationSchedule(
            cost: cost, leastPart: Double(Self.fewest) / Double(rows), spent: tried, prepared: prepared)
        return false
    }

    /// Measures after an iteration if one is due; nil: none is.
    func alongTheWay(fraction: Double) throws -> EvaluationResult? {
        let (iteration, samples) = (services.model.ledger.algorithmSteps, services.trainsPolicy)
        if let every {
            guard every > 0, iteration % every == 0 else { return nil }
            RunEvent.send(.phase("evaluating after iteration \(iteration)"))
            return try run(samples: samples)
        }
        guard var schedule = services.schedule else { return nil }
        let isPlanned = schedule.part != nil
        let part = schedule.due(fraction: fraction, flops: services.model.ledger.totalFLOPs)
        defer { services.schedule = schedule }
        if !isPlanned, let part = schedule.part { announce(part, samples) }
        guard let part else { return nil }
        RunEvent.send(.phase("evaluating after iteration \(iteration)"))
        let result = try run(samples: samples, part: part)
        schedule.note(flops: (samples ? evaluator?.flops ?? 0 : 0) + part * (heldOut?.cost ?? 0))
        return result
    }

    private func announce(_ part: Double, _ samples: Bool) {
        let kinds = [(samples ? evaluator?.count : nil, "prompts"), (heldOut?.count, "held-out rows")]
        let taken = kinds.compactMap { count, name in count.map { "\($0.part(part)) of \($0) \(name)" } }
        guard part < 1, !taken.isEmpty else { return }
        RunEvent.send(
            .message(
                "evaluations during training take \(taken.joined(separator: " and ")), the same each time, to cost at most "
                    + "\(Int(EvaluationSchedule.share * 100))% of the run; the one at its end takes all"))
    }
}

extension Int {
    /// How many of these rows a part of them is; at least one.
    func part(_ part: Double) -> Int { Swift.min(self, Swift.max(1, Int((Double(self) * part).rounded(.down)))) }
}
