import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension Stage {
    /// The pairs that the stage's budget is spent on, if its algorithm learns from pairs; nil if it is spent on iterations.
    package var pairsPaid: PairBuilding? { pairs(paidBy: budget.axis) }

    /// The pairs that a budget on that axis would be spent on.
    package func pairs(paidBy axis: Budget.Axis) -> PairBuilding? {
        guard axis.paysForSamples, case .build(let building)? = data.pairs, building.images == nil else { return nil }
        return building
    }
}

/// How many prompts pairs are built from: a number, or as many as the stage's budget pays for.
package struct PairPlan {
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
    package init(_ building: PairBuilding, _ stage: Stage) throws {
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

    private init(limit: Limit, samples: Int) { (self.limit, self.samples) = (limit, samples) }

    /// The same for the first prompts only.
    package func first(_ prompts: Int) -> PairPlan { PairPlan(limit: .prompts(prompts), samples: samples) }

    /// How many prompts there will be; at least, where steps are counted.
    package var prompts: Int {
        switch limit {
        case .prompts(let count): count
        case .steps(let budget, let longest): max(1, Int(budget) / (samples * longest))
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
