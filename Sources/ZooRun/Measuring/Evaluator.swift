import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Samples the policy and the reference on the same held-out prompts with the same random numbers, and compares.
final class Evaluator {
    private let services: RunServices
    private let gold: ScoringService
    private let plan: MeasuringPlan
    private let evaluation: Evaluation
    /// The reference's samples by number of prompts, and its version: an algorithm may change it.
    private var before: [Int: (measured: Measured, version: Int)] = [:]
    /// Floating-point operations of the policy's part of the last measurement; the reference is measured once.
    private(set) var flops = 0.0
    /// Seconds of measuring one prompt, as far as known: the policy's samples, and the reference's.
    private(set) var pace: (policy: Double?, reference: Double?) = (nil, nil)

    init(_ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices, stop: StopSignal) throws {
        self.evaluation = evaluation
        self.services = services
        gold = try setup.rewards(evaluation.gold, stop: stop)
        gold.ranks = services.rewards.ranks
        guard let source = evaluation.prompts else {
            throw ZooError(.invalidArgument, "\(setup.recipe.file.path): 'evaluation' has no 'prompts' to sample for")
        }
        let prompts = try setup.checked(
            setup.files.dataset(source, for: .prompts), .prompts, name: "evaluation.prompts")
        plan = MeasuringPlan(
            samples: evaluation.samplesPerPrompt, rollout: setup.stage.rollout, seed: setup.recipe.seed &+ 0x5eed,
            rows: prompts.rows)
    }

    /// Held-out prompts to be measured on.
    var count: Int { evaluation.count == 0 ? plan.rows.count : min(evaluation.count, plan.rows.count) }

    /// Measures the current policy. Its cost is not that of training: seconds go to the phase `evaluation`.
    ///
    /// - Parameter part: of the held-out prompts, from the first.
    func run(part: Double = 1) throws -> EvaluationResult {
        try apart {
            let batch = try heldOut(count.part(part))
            let version = try services.model.roles.role("reference").version
            let known = before[batch.sequenceCount].flatMap { $0.version == version ? $0.measured : nil }
            let reference: Measured
            if let known {
                reference = known
            } else {
                reference = try timed(&pace.reference, batch.sequenceCount) { try measure("reference", batch) }
            }
            before[batch.sequenceCount] = (reference, version)
            let start = services.model.ledger.totalFLOPs
            let measured = try timed(&pace.policy, batch.sequenceCount) { try measure(services.keptPolicy, batch) }
            flops = services.model.ledger.totalFLOPs - start
            return try compare(measured, reference)
        }
    }

    /// Floating-point operations of measuring the policy on the first prompts.
    func cost(of prompts: Int) throws -> Double {
        try apart {
            _ = try timed(&pace.policy, prompts) { try measure(services.keptPolicy, heldOut(prompts)) }
            return services.model.ledger.totalFLOPs
        }
    }

    private func timed<Result>(_ pace: inout Double?, _ prompts: Int, _ body: () throws -> Result) rethrows -> Result {
        let start = secondsNow()
        let result = try body()
        pace = (secondsNow() - start) / Double(max(1, prompts))
        return result
    }

    /// Whether the reference was measured on all held-out prompts.
    var hasReference: Bool { before[count] != nil }

    /// Runs a measurement with a ledger of its own.
    private func apart<Result>(_ body: () throws -> Result) throws -> Result {
        let start = secondsNow()
        var ledger = services.model.ledger
        services.model.ledger = Ledger()
        defer {
            ledger.evaluationBytes = max(ledger.evaluationBytes, services.model.ledger.transientBytes)
            ledger.goldBytes = gold.weightBytes
            ledger.note(.evaluation, seconds: secondsNow() - start)
            services.model.ledger = ledger
        }
        return try body()
    }

    private func heldOut(_ count: Int) throws -> Batch { try services.modality.prompts(Array(plan.rows.prefix(count))) }

    /// Samples of a role and their metrics.
    private func measure(_ role: String, _ prompts: Batch) throws -> Measured {
        var measured = Measured(plan, count: prompts.sequenceCount)
        let batch = try services.modality.measure(role, on: prompts, plan, services, into: &measured)
        try score(batch, &measured)
        return measured
    }

    /// The stage's own reward, and those that training never sees.
    private func score(_ batch: Batch, _ measured: inout Measured) throws {
        var solved: [Double]?
        if !services.rewards.isEmpty {
            for column in try means(services.rewards, batch) {
                measured.noteMean(column.name, column.doubles)
                if column.name == "reward" { measured.note("reward", column.doubles) }
                if column.name == services.rewards.verifier.map({ "reward/\($0)" }) { solved = column.doubles }
            }
        }
        if !gold.isEmpty {
            for column in try means(gold, batch) {
                if column.name == "reward" {
                    measured.gold = column.doubles
                    measured.note("gold", column.doubles)
                } else {
                    measured.noteMean("gold/" + column.name.dropFirst("reward/".count), column.doubles)
                }
                if column.name == gold.verifier.map({ "reward/\($0)" }) { solved = column.doubles }
            }
        }
        if let solved { measured.notePass(solved.map { $0 == 1 }) }
    }

    /// The scores that have a mean: one for each sequence, whatever a program leaves out of its own parts.
    private func means(_ rewards: ScoringService, _ batch: Batch) throws -> [Column] {
        try rewards.score(batch, row: plan.row, ledger: &services.model.ledger).filter { column in
            !column.perStep && !column.doubles.contains(where: \.isNaN)
        }
    }

    private func compare(_ after: Measured, _ before: Measured) throws -> EvaluationResult {
        var after = after
        if !after.gold.isEmpty {
            after.note("win_rate", zip(after.gold, before.gold).map { $0 > $1 ? 1 : $0 == $1 ? 0.5 : 0 })
        }
        let shown = services.modality.shown(before: before, after: after, plan)
        return EvaluationResult(
            metrics: after.metrics, reference: before.metrics, prompts: after.prompts, samples: shown.samples,
            images: shown.images)
    }
}
