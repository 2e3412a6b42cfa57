import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// Notices a run that makes no progress in its budget, and one that trains nothing.
struct ProgressWatch {
    /// Iterations without progress after which a run ends: no algorithm accumulates gradients over that many for one update,
    /// and a policy that is not updated samples the same way forever.
    static let limit = 100
    /// The same while other networks than the one whose updates count are trained, as a critic before its policy.
    static let patience = 20_000

    private let stage: Stage
    private let services: RunServices
    private var spent: Double
    private var updates: Int
    private var drawn: (sequences: Int, finished: Int)
    private var stepsWithoutProgress = 0
    private var isWithoutProgress: Bool {
        stepsWithoutProgress >= (stepsWithoutUpdate >= Self.limit ? Self.limit : Self.patience)
    }
    private var stepsWithoutUpdate = 0

    init(_ stage: Stage, _ services: RunServices) {
        self.stage = stage
        self.services = services
        (spent, updates, drawn) = (services.spent(stage), services.updates, services.drawn)
    }

    /// Looks at the run after a step.
    ///
    /// - Returns: a sentence if nothing has been updated for that many iterations, once each time.
    /// - Throws: if nothing of the budget has been spent for that many iterations.
    mutating func note() throws -> String? {
        let (now, made) = (services.spent(stage), services.updates)
        stepsWithoutUpdate = made > updates ? 0 : stepsWithoutUpdate + 1
        stepsWithoutProgress = now > spent ? 0 : stepsWithoutProgress + 1
        if stepsWithoutUpdate == 0 { drawn = services.drawn }
        (spent, updates) = (now, made)
        if isWithoutProgress {
            throw ZooError(
                .failedPrecondition,
                "stage '\(stage.name)' ended without progress: in \(stepsWithoutProgress) iterations '\(stage.algorithm)' spent nothing of its "
                    + "budget, \(stage.budget.axis.rawValue): \(stage.budget.text)\(cause); its state was saved as a checkpoint")
        }
        guard stepsWithoutUpdate == Self.limit else { return nil }
        return "'\(stage.algorithm)' updated no network in the last \(Self.limit) iterations\(cause)"
    }

    /// What is known about why nothing was updated.
    private var cause: String {
        guard stepsWithoutUpdate >= Self.limit else { return "" }
        let (sequences, finished) = (services.drawn.sequences - drawn.sequences, services.drawn.finished - drawn.finished)
        guard sequences > 0 else { return ": no iteration made an update" }
        guard finished > 0 else {
            return
                ": none of \(sequences) samples ended within rollout.max_new_tokens: \(stage.rollout.maxNewTokens), and an algorithm "
                + "that masks cut samples then has none to learn from"
        }
        return ": no iteration made an update, though \(finished) of \(sequences) samples ended"
    }
}

extension RunServices {
    /// Updates of all networks so far.
    fileprivate var updates: Int { model.roles.built.values.reduce(0) { $0 + ($1.optimizer == nil ? 0 : $1.version) } }
}
