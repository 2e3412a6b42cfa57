import Foundation
import ZooKit

/// How much of a stage's budget is spent.
///
/// An algorithm that learns from built pairs has spent a budget of samples or queries before its first step: then the passes over the
/// pairs are the progress.
struct BudgetProgress {
    private let budget: Budget
    private let services: RunServices
    /// Rows of the pairs after which the stage ends; nil: the ledger says when.
    private let rows: Int?

    init(_ stage: Stage, needs: AlgorithmNeeds, services: RunServices) {
        budget = stage.budget
        self.services = services
        rows = stage.pairsPaid(needs).flatMap { building in services.data.count(.pairs).map { $0 * building.epochs } }
    }

    /// The share that is spent; 1 and above: the stage ends.
    var share: Double {
        if let rows { return Double(services.data.given(.pairs)) / Double(rows) }
        return budget.axis.spent(services.model.ledger) / budget.amount
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
        case .flops: ledger.roles.values.reduce(0) { $0 + $1.totalFLOPs }
        case .seconds: ledger.seconds
        }
    }
}

extension Stage {
    /// The pairs that the stage's budget goes into; nil where it does not go into pairs.
    func pairsPaid(_ needs: AlgorithmNeeds) -> PairBuilding? {
        guard budget.axis.paysForSamples, needs.data.contains(.pairs), case .build(let building)? = data.pairs else { return nil }
        return building
    }
}

/// How many prompts pairs are built from: so many, or as many as a budget pays for.
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

    /// - Throws: where the budget is too small for the samples of one prompt.
    init(_ building: PairBuilding, _ stage: Stage, needs: AlgorithmNeeds) throws {
        samples = building.samples
        switch (stage.pairsPaid(needs) == nil ? nil : stage.budget.axis, building.prompts) {
        case (.rewardQueries?, _): limit = .prompts(Int(stage.budget.amount) / building.samples)
        case (.sampledSteps?, _): limit = .steps(stage.budget.amount, longest: stage.rollout.maxNewTokens)
        case (_, let prompts?): limit = .prompts(prompts)
        case (_, nil):
            throw ZooError(.invalidArgument, "stage '\(stage.name)': 'data.pairs.build' says no 'prompts'; how many?")
        }
        guard next(done: 0, steps: 0) > 0 else {
            let cost = "\(samples) samples" + (stage.budget.axis == .sampledSteps ? " of up to \(stage.rollout.maxNewTokens) steps" : "")
            throw ZooError(
                .invalidArgument,
                "stage '\(stage.name)': the budget, \(stage.budget.axis.rawValue) \(Int(stage.budget.amount)), is too small for one "
                    + "prompt's pair, which takes \(cost)")
        }
    }

    /// Prompts of the next pass, after `done` prompts and the sampled `steps`; 0: enough. The budget is never overrun: what is left of
    /// it at the end could not pay for one more prompt whose completions are as long as they may be.
    func next(done: Int, steps: Int) -> Int {
        let pass = max(1, Self.most / samples)
        switch limit {
        case .prompts(let count): return min(count - done, pass)
        case .steps(let budget, let longest): return min(Int((budget - Double(steps)) / Double(samples * longest)), pass)
        }
    }
}
