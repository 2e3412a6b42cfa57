import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension RunServices {
    /// The share of a stage's budget that is spent; at 1 it ends.
    ///
    /// An algorithm that learns from built pairs has spent a budget of samples or queries before its first step: then the passes over
    /// the pairs are the progress.
    func spent(_ stage: Stage) -> Double {
        if let building = stage.pairsPaid, let count = data.count(.pairs) {
            return Double(data.given(.pairs)) / Double(count * building.epochs)
        }
        if stage.budget.axis == .epochs { return epochs / stage.budget.amount }
        let running = stage.budget.axis == .seconds ? stepStart.map { secondsNow() - $0 } ?? 0 : 0
        return (stage.budget.axis.spent(model.ledger) + running) / stage.budget.amount
    }

    /// Makes a step of the algorithm and takes its time.
    func timingStep(_ step: () throws -> Void) rethrows {
        let start = secondsNow()
        stepStart = start
        defer { stepStart = nil }
        try step()
        model.ledger.seconds += secondsNow() - start
    }

    /// Passes over the dataset that the algorithm reads most of.
    private var epochs: Double {
        DataService.Kind.allCases.compactMap { kind in data.count(kind).map { Double(data.given(kind)) / Double($0) } }.max() ?? 0
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
    /// The network whose updates a budget counts: the policy, or where the algorithm trains none, the reward model.
    var trainedRole: String { roles.contains("reward") && !roles.contains("policy") ? "reward" : "policy" }

    /// The axes of a budget that an algorithm with these needs spends in a stage.
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
        let lack = stage.budget.axis == .sampledSteps ? "samples nothing" : "asks no reward"
        let expected = axes.map(\.rawValue).joined(separator: ", ")
        throw ZooError(
            .invalidArgument,
            "\(recipe): stage '\(stage.name)': algorithm '\(stage.algorithm)' \(lack), so that a budget of "
                + "\(stage.budget.axis.rawValue) would never be spent; expected one of \(expected)")
    }
}

extension Stage {
    /// The pairs that the stage's budget goes into, where its algorithm learns from pairs; nil where it goes into steps.
    var pairsPaid: PairBuilding? { pairs(paidBy: budget.axis) }

    /// The pairs that a budget on that axis would go into.
    fileprivate func pairs(paidBy axis: Budget.Axis) -> PairBuilding? {
        guard axis.paysForSamples, case .build(let building)? = data.pairs, building.images == nil else { return nil }
        return building
    }
}

/// How many prompts pairs are built from: so many, or as many as the stage's budget pays for.
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

    /// - Throws: where the recipe says no number, or the budget is too small for the samples of one prompt.
    init(_ building: PairBuilding, _ stage: Stage) throws {
        // One kind of image over another: one sample of each, and nothing to rank.
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
                "stage '\(stage.name)': its budget, \(stage.budget.axis.rawValue): \(Int(stage.budget.amount)), does not pay for the "
                    + "\(samples) samples\(steps) of one preference pair; raise it")
        }
    }

    /// What tells plans apart.
    var key: String {
        switch limit {
        case .prompts(let count): "\(count) prompts, \(samples) samples"
        case .steps(let budget, let longest): "\(Int(budget)) steps, \(samples) samples, \(longest) steps at most"
        }
    }

    /// Prompts of the next pass, after `done` prompts and the sampled `steps`; 0: it is enough.
    ///
    /// The budget is never overrun: what is left of it at the end could not pay for another prompt with completions of full length.
    func next(done: Int, steps: Int) -> Int {
        let pass = max(1, Self.most / samples)
        switch limit {
        case .prompts(let count): return min(count - done, pass)
        case .steps(let budget, let longest): return min(Int((budget - Double(steps)) / Double(samples * longest)), pass)
        }
    }
}
