import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension RunServices {
    /// The share of a stage's budget that is spent; at 1 it ends.
    ///
    /// An algorithm that learns from built pairs has spent a budget of samples or queries before its first iteration: then the
    /// passes over the pairs are the progress.
    func spent(_ stage: Stage) -> Double {
        if let building = stage.pairsPaid, let count = data.count(.pairs) {
            return Double(data.given(.pairs)) / Double(count * building.epochs)
        }
        if stage.budget.axis == .epochs { return epochs / stage.budget.amount }
        let running = stage.budget.axis == .seconds ? stepStart.map { secondsNow() - $0 } ?? 0 : 0
        return (stage.budget.axis.spent(model.ledger) + running) / stage.budget.amount
    }

    /// Runs one iteration and times it.
    func timingStep(_ step: () throws -> Void) rethrows {
        let start = secondsNow()
        stepStart = start
        defer { stepStart = nil }
        try step()
        model.ledger.seconds += secondsNow() - start
    }

    /// Passes over the dataset that the algorithm reads most.
    private var epochs: Double {
        DataKind.allCases.compactMap { kind in data.count(kind).map { Double(data.given(kind)) / Double($0) } }.max() ?? 0
    }
}

extension Budget.Axis {
    /// What a run has spent so far, in the axis's unit.
    func spent(_ ledger: Ledger) -> Double {
        switch self {
        case .steps: Double(ledger.algorithmSteps)
        case .updates: Double(ledger.updates)
        case .sampledSteps: Double(ledger.sampledSteps)
        case .rewardQueries: Double(ledger.rewardQueries)
        case .flops: ledger.totalFLOPs
        case .seconds: ledger.seconds
        case .epochs: 0  // the data service knows
        }
    }
}

extension AlgorithmNeeds {
    /// The network whose updates a budget counts: the policy, or the reward model if no policy is trained.
    var trainedRole: String { roles.contains("reward") && !roles.contains("policy") ? "reward" : "policy" }

    /// The budget axes that an algorithm with these needs can spend in a stage.
    func spends(_ stage: Stage) -> [Budget.Axis] {
        let paysForPairs = data.contains(.pairs) && stage.pairs(paidBy: .sampledSteps) != nil
        return Budget.Axis.allCases.filter { axis in
            switch axis {
            case .steps, .updates, .epochs, .flops, .seconds: true
            case .sampledSteps: services.contains("zoo.rollout/1") || paysForPairs
            case .rewardQueries: services.contains("zoo.reward/1") || paysForPairs
            }
        }
    }

    /// Refuses a budget that would never be spent.
    func checkBudget(of stage: Stage, recipe: String) throws {
        let axes = spends(stage)
        guard !axes.contains(stage.budget.axis) else { return }
        let lack = stage.budget.axis == .sampledSteps ? "samples nothing" : "queries no reward"
        let expected = axes.map(\.rawValue).joined(separator: ", ")
        throw ZooError(
            .invalidArgument,
            "\(recipe): stage '\(stage.name)': algorithm '\(stage.algorithm)' \(lack), so a budget of "
                + "\(stage.budget.axis.rawValue) would never be spent; expected one of \(expected)")
    }
}

extension Stage {
    /// The pairs that the stage's budget is spent on, if its algorithm learns from pairs; nil if it is spent on iterations.
    var pairsPaid: PairBuilding? { pairs(paidBy: budget.axis) }

    /// The pairs that a budget on that axis would be spent on.
    fileprivate func pairs(paidBy axis: Budget.Axis) -> PairBuilding? {
        guard axis.paysForSamples, case .build(let building)? = data.pairs, building.images == nil else { return nil }
        return building
    }
}

/// How many prompts pairs are built from: a number, or as many as the stage's budget pays for.
struct PairPlan {
    private enum Limit {
        case prompts(Int)
        /// Sampled steps, of which a completion takes at most `longest`.
        case steps(Double, longest: Int)
    }

    private let limit: Limit
    private let samples: Int
    /// Sequences in one pass of the sampler.
    private static let most = 256

    /// - Throws: if the recipe gives no number, or the budget is too small for the samples of one prompt.
    init(_ building: PairBuilding, _ stage: Stage) throws {
        // One kind of image over another: one sample of each, without ranking.
        samples = building.images == nil ? building.samples : 1
        let axis = stage.pairsPaid == nil || building.images != nil ? nil : stage.budget.axis
        let longest = stage.rollout.denoising?.evaluationSteps ?? stage.rollout.maxNewTokens
        switch (axis, building.prompts) {
        case (.rewardQueries?, _): limit = .prompts(Int(stage.budget.amount) / samples)
        case (.sampledSteps?, _): limit = .steps(stage.budget.amount, longest: longest)
        case (_, let prompts?): limit = .prompts(prompts)
        default:
            throw ZooError(.invalidArgument, "stage '\(stage.name)': 'data.pairs.build' needs 'prompts', a whole number >= 1")
        }
        guard next(done: 0, steps: 0) > 0 else {
            let steps = axis == .sampledSteps ? " of up to \(longest) steps" : ""
            throw ZooError(
                .invalidArgument,
                "stage '\(stage.name)': its budget, \(stage.budget.axis.rawValue): \(Int(stage.budget.amount)), does not cover the "
                    + "\(samples) samples\(steps) of one preference pair; increase it")
        }
    }

    /// What tells plans apart.
    var key: String {
        switch limit {
        case .prompts(let count): "\(count) prompts, \(samples) samples"
        case .steps(let budget, let longest): "\(Int(budget)) steps, \(samples) samples, \(longest) steps at most"
        }
    }

    /// Prompts of the next pass, after `done` prompts and the sampled `steps`; 0 ends sampling.
    ///
    /// The budget is never overrun: what remains could not pay for another prompt with completions of full length.
    func next(done: Int, steps: Int) -> Int {
        let pass = max(1, Self.most / samples)
        switch limit {
        case .prompts(let count): return min(count - done, pass)
        case .steps(let budget, let longest): return min(Int((budget - Double(steps)) / Double(samples * longest)), pass)
        }
    }
}
