import Foundation
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooTensor

/// Shifts and scales rewards to mean 0 and standard deviation 1 on samples of a reference model.
package struct Normalization: Codable, Sendable, Equatable {
    var mean = 0.0
    var deviation = 1.0

    package init(mean: Double = 0, deviation: Double = 1) {
        self.mean = mean
        self.deviation = deviation
    }

    func callAsFunction(_ reward: Double) -> Double { (reward - mean) / deviation }
}

/// The reward of a recipe: weighted components over whole sequences.
package final class ScoringService {
    /// What scores a sequence.
    package enum Scorer {
        case function(any RewardFunction)
        /// A trained reward model, and the codec that it reads text with if that is not the policy's.
        case model(any Network, reader: (any Reader)?)
        /// A program of the user's.
        case program(RewardProgram)
        /// A reward of a library of the user's.
        case library(LibraryReward)
        /// What an environment gave while the batch was sampled.
        case environment(isVerifier: Bool)
    }

    package struct Component {
        var name: String
        package var weight: Double
        var scorer: Scorer
        package var normalization = Normalization()

        package init(name: String, weight: Double, scorer: Scorer) {
            (self.name, self.weight, self.scorer) = (name, weight, scorer)
        }
    }

    private let components: [Component]
    private let modality: any Modality
    private let microbatchTokens: Int

    package init(_ components: [Component], _ modality: any Modality, microbatchTokens: Int) {
        self.components = components
        self.modality = modality
        self.microbatchTokens = microbatchTokens
    }

    package var isEmpty: Bool { components.isEmpty }
    /// The first component whose reward says whether a task is solved; nil if there is none.
    package var verifier: String? {
        components.first { component in
            switch component.scorer {
            case .function(let function): function.isVerifier
            case .program(let program): program.isVerifier
            case .library(let reward): reward.isVerifier
            case .environment(let isVerifier): isVerifier
            case .model: false
            }
        }?.name
    }
    /// Memory of the reward models.
    package var weightBytes: Int { weights.reduce(0) { $0 + $1.count * $1.dtype.size } }

    private var parameterCount: Int { weights.reduce(0) { $0 + $1.count } }

    private var weights: [Tensor] {
        components.flatMap { component in
            guard case .model(let network, _) = component.scorer else { return [Tensor]() }
            return network.parameters.map(\.tensor)
        }
    }

    /// The weight of each column "reward/NAME" in the sum, as "weight/NAME", [n_sequences]; 0 of what a component is made of.
    func weights(_ batch: Batch, of columns: [Column]) -> [Column] {
        let own = Dictionary(components.map { ($0.name, $0.weight) }) { $1 }
        return columns.filter { $0.name.hasPrefix("reward/") }.map { column in
            let name = String(column.name.dropFirst("reward/".count))
            let weight = Array(repeating: own[name] ?? 0, count: batch.sequenceCount)
            return Column("weight/\(name)", perStep: false, .f64(weight))
        }
    }

    /// `reward`, the weighted sum, and each component, [n_sequences]; charged to the ledger as one query per sequence.
    ///
    /// Where a component says what came when, there is `step_reward`, [steps]: parts of `reward`, whose rest came at the end.
    /// - Parameter unscorable: Whether a function may return NaN for a sequence that it cannot score; the sum is then over the
    ///   others, and NaN if there are none.
    package func score(_ batch: Batch, row: (Int) -> Row?, ledger: inout Ledger, unscorable: Bool = false) throws -> [Column] {
        guard !components.isEmpty else {
            throw ZooError(.unavailable, "this stage has no reward: give the stage a list 'rewards'")
        }
        let start = secondsNow()
        let modelSeconds = ledger.roles["reward"]?.totalSeconds ?? 0
        let items = try modality.items(batch, row)
        var total = [Double](repeating: .nan, count: batch.sequenceCount)
        var columns: [Column] = []
        var parts = StepRewards(batch)
        for component in components {
            let raw = try raw(component, batch, items, row, &ledger)
            let scores = raw.totals.map(component.normalization.callAsFunction)
            guard scores.allSatisfy({ $0.isFinite || (unscorable && $0.isNaN) }) else {
                throw ZooError(.dataLoss, "reward '\(component.name)' is not finite")
            }
            for (index, score) in scores.enumerated() where !score.isNaN {
                total[index] = (total[index].isNaN ? 0 : total[index]) + component.weight * score
            }
            columns.append(Column("reward/\(component.name)", perStep: false, .f64(scores)))
            for (name, values) in raw.components {
                columns.append(Column("reward/\(component.name)/\(name)", perStep: false, .f64(values)))
            }
            parts.add(raw.steps, weight: component.weight / component.normalization.deviation)
        }
        ledger.rewardQueries += batch.sequenceCount
        ledger.rewardSeconds += secondsNow() - start - ((ledger.roles["reward"]?.totalSeconds ?? 0) - modelSeconds)
        noteWeights(&ledger)
        return [Column("reward", perStep: false, .f64(total))] + columns + (parts.column(total).map { [$0] } ?? [])
    }

    private func raw(
        _ component: Component, _ batch: Batch, _ items: [RewardItem], _ row: (Int) -> Row?, _ ledger: inout Ledger
    ) throws -> ProgramScores {
        func whole(_ scores: [Double]) -> ProgramScores {
            ProgramScores(totals: scores, components: [], steps: scores.map { _ in nil })
        }
        switch component.scorer {
        case .function(let function): return whole(try items.map(function.score))
        case .program(let program): return try program.scores(items, iteration: ledger.algorithmSteps)
        case .library(let reward): return try reward.scores(batch, items)
        case .environment:
            let rewards = try batch.steps(EpisodeSampler.rewards)
            let steps = (0..<batch.sequenceCount).map { batch.steps(of: $0).filter { batch.mask[$0] }.map { rewards[$0] } }
            return ProgramScores(totals: steps.map { $0.reduce(0, +) }, components: [], steps: steps)
        case .model(let network, let other):
            let sequences = try other.map { try modality.reread(batch, items, row, by: $0) } ?? batch
            var scores: [Double] = []
            for part in Slices.bySteps(sequences, limit: microbatchTokens) {
                let slice = Sequences(sequences.selecting(part))
                let start = secondsNow()
                // Reading the scores waits for a GPU that makes them.
                let (found, bytes) = try network.device.transientBytes {
                    try MemoryUse.noting(.forward(role: "reward", steps: slice.stepCount)) {
                        try withoutGrad { try network.forward(slice, [.score]) }[0].floats.map(Double.init)
                    }
                }
                scores += found
                ledger.note("reward", transientBytes: bytes)
                ledger.charge(
                    "reward", .forward, seconds: secondsNow() - start, flops: network.forwardFLOPs(slice, [.score]),
                    steps: slice.tokens.count)
            }
            return whole(scores)
        }
    }

    /// Adds the reward models to the account of the role `reward`.
    package func noteWeights(_ ledger: inout Ledger) {
        guard parameterCount > 0 else { return }
        ledger.roles["reward", default: Ledger.Account()].parameters = parameterCount
        ledger.roles["reward", default: Ledger.Account()].weightBytes = weightBytes
    }
}

/// The rewards of a batch's steps, weighted and added up over the components that say what came when.
private struct StepRewards {
    private let batch: Batch
    private var sums: [Double]
    private var isGiven = false

    init(_ batch: Batch) {
        self.batch = batch
        sums = [Double](repeating: 0, count: batch.stepCount)
    }

    /// - Parameter steps: by sequence, of its actions.
    mutating func add(_ steps: [[Double]?], weight: Double) {
        for case (let sequence, let own?) in steps.enumerated() {
            isGiven = true
            for (step, reward) in zip(batch.steps(of: sequence).filter { batch.mask[$0] }, own) { sums[step] += weight * reward }
        }
    }

    /// `step_reward`; nil where nothing is said of steps.
    ///
    /// - Parameter totals: NaN for a sequence that no component scores, which has no parts either.
    func column(_ totals: [Double]) -> Column? {
        guard isGiven else { return nil }
        var values = sums
        for (sequence, total) in totals.enumerated() where total.isNaN {
            for step in batch.steps(of: sequence) { values[step] = 0 }
        }
        return Column("step_reward", perStep: true, .f64(values))
    }
}
