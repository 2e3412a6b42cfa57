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
        components.first { if case .function(let function) = $0.scorer { function.isVerifier } else { false } }?.name
    }
    /// Memory of the reward models.
    package var weightBytes: Int { parameterCount * MemoryLayout<Float>.size }

    private var parameterCount: Int {
        components.reduce(0) { sum, component in
            guard case .model(let network, _) = component.scorer else { return sum }
            return sum + network.parameters.reduce(0) { $0 + $1.tensor.count }
        }
    }

    /// The weight of each component in the sum, as "weight/NAME", [n_sequences].
    func weights(_ batch: Batch) -> [Column] {
        components.map {
            Column("weight/\($0.name)", perStep: false, .f64(Array(repeating: $0.weight, count: batch.sequenceCount)))
        }
    }

    /// `reward`, the weighted sum, and each component, [n_sequences]; charged to the ledger as one query per sequence.
    ///
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
        for component in components {
            let scores = try raw(component, batch, items, row, &ledger).map(component.normalization.callAsFunction)
            guard scores.allSatisfy({ $0.isFinite || (unscorable && $0.isNaN) }) else {
                throw ZooError(.dataLoss, "reward '\(component.name)' is not finite")
            }
            for (index, score) in scores.enumerated() where !score.isNaN {
                total[index] = (total[index].isNaN ? 0 : total[index]) + component.weight * score
            }
            columns.append(Column("reward/\(component.name)", perStep: false, .f64(scores)))
        }
        ledger.rewardQueries += batch.sequenceCount
        ledger.rewardSeconds += secondsNow() - start - ((ledger.roles["reward"]?.totalSeconds ?? 0) - modelSeconds)
        noteWeights(&ledger)
        return [Column("reward", perStep: false, .f64(total))] + columns
    }

    private func raw(
        _ component: Component, _ batch: Batch, _ items: [RewardItem], _ row: (Int) -> Row?, _ ledger: inout Ledger
    ) throws -> [Double] {
        switch component.scorer {
        case .function(let function): return try items.map(function.score)
        case .model(let network, let other):
            let sequences = try other.map { try modality.reread(batch, items, row, by: $0) } ?? batch
            var scores: [Double] = []
            for part in Slices.bySteps(sequences, limit: microbatchTokens) {
                let slice = Sequences(sequences.selecting(part))
                let start = secondsNow()
                let (found, bytes) = try Engine.transientBytes {
                    try withoutGrad { try network.forward(slice, [.score]) }[0].floats.map(Double.init)
                }
                scores += found
                ledger.note("reward", transientBytes: bytes)
                ledger.charge(
                    "reward", .forward, seconds: secondsNow() - start, flops: network.forwardFLOPs(slice, [.score]),
                    steps: slice.tokens.count)
            }
            return scores
        }
    }

    /// Adds the reward models to the account of the role `reward`.
    package func noteWeights(_ ledger: inout Ledger) {
        guard parameterCount > 0 else { return }
        ledger.roles["reward", default: Ledger.Account()].parameters = parameterCount
        ledger.roles["reward", default: Ledger.Account()].weightBytes = weightBytes
    }
}
