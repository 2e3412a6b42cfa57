import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

extension RunServices {
    /// The share of a stage's budget that is spent; at 1 it ends.
    ///
    /// An algorithm that learns from built pairs has spent a budget of samples or queries before its first iteration: then the
    /// passes over the pairs are the progress.
    func spent(_ stage: Stage) -> Double { rankClock ?? spentHere(stage) }

    /// The same by this process's own clock.
    private func spentHere(_ stage: Stage) -> Double {
        if let building = stage.pairsPaid, let count = data.count(.pairs) {
            return Double(data.given(.pairs)) / Double(count * building.epochs)
        }
        if stage.budget.axis == .epochs { return epochs / stage.budget.amount }
        let running = stage.budget.axis == .seconds ? stepStart.map { workClock - $0 } ?? 0 : 0
        return (stage.budget.axis.spent(model.ledger) + running) / stage.budget.amount
    }

    /// Takes rank 0's clock for a budget of seconds: by their own, ranks would end after different iterations.
    func takeClock(_ stage: Stage) throws {
        guard stage.budget.axis == .seconds, let ranks = model.ranks, ranks.areSeveral else { return }
        rankClock = try ranks.first(spentHere(stage), "the clock")
    }

    /// Seconds that stand still while a network is read.
    private var workClock: Double { secondsNow() - model.roles.readingSeconds }

    /// Runs one iteration and times it. Networks that it reads first are part of loading.
    func timingStep(_ step: () throws -> Void) rethrows {
        let (start, before) = (workClock, model.roles.readingSeconds)
        stepStart = start
        common.begin()
        defer { stepStart = nil }
        try step()
        let seconds = workClock - start
        model.ledger.seconds += seconds
        model.ledger.note(.loading, seconds: model.roles.readingSeconds - before)
        common.end(seconds: seconds)
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
        case .iterations: Double(ledger.algorithmSteps)
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
            case .iterations, .updates, .epochs, .flops, .seconds: true
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
