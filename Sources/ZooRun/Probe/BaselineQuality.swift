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

/// Values of states that were sampled from, measured by continuing from them many times.
struct MonteCarloValues {
    /// Steps of the pool's batch whose states these are.
    var steps: [Int]
    /// The mean return of the continuations of each.
    var means: [Double]
    /// The variance of that mean.
    var errors: [Double]

    /// Draws `count` actions of `batch` at random, and from the state before each of them `continuations` completions.
    ///
    /// - Parameter beta: Strength of the KL in the return.
    init(
        _ services: RunServices, _ batch: Batch, rollout: RolloutSettings, count: Int, continuations: Int, beta: Double,
        seed: UInt64
    ) throws {
        var random = SplitMix64(seed: seed, stream: 3)
        let actions = batch.mask.indices.filter { batch.mask[$0] }
        steps = random.permutation(actions.count).prefix(count).map { actions[$0] }.sorted()
        means = Array(repeating: 0, count: steps.count)
        errors = means
        let owner = (0..<batch.sequenceCount).flatMap { sequence in batch.steps(of: sequence).map { _ in sequence } }
        // One call for all states at the same place.
        let places = steps.map { services.modality.place(of: $0, in: batch.steps(of: owner[$0]), of: batch) }
        let generator = Generator(seed: seed)
        for place in Set(places).sorted() {
            let chosen = steps.indices.filter { places[$0] == place }
            let (request, actionsBefore) = try services.modality.continuing(
                batch, at: chosen.map { (steps[$0], owner[steps[$0]]) }, place: place, samples: continuations, settings: rollout)
            let drawn = try services.generate(request, role: "policy", generator: generator)
            try note(
                Self.returns(services, drawn, actionsBefore: actionsBefore, beta: beta), of: chosen, each: continuations)
        }
    }

    private mutating func note(_ returns: [Double], of states: [Int], each continuations: Int) {
        for (index, state) in states.enumerated() {
            let own = Array(returns[index * continuations..<(index + 1) * continuations])
            means[state] = own.mean ?? 0
            errors[state] = variance(own) / Double(continuations)
        }
    }

    /// Reward minus β KL of the steps drawn; the reward sees the actions before them as the completion's start.
    private static func returns(_ services: RunServices, _ drawn: Batch, actionsBefore: Int, beta: Double) throws -> [Double] {
        let reference = try services.forward(role: "reference", batch: drawn, outputs: ["logp"])[0].doubles
        let logp = try drawn.steps("behaviour_logp")
        var whole = drawn
        for sequence in 0..<drawn.sequenceCount where actionsBefore > 0 {
            guard let first = drawn.steps(of: sequence).first(where: { drawn.mask[$0] }) else { continue }
            for step in first - actionsBefore..<first { whole.mask[step] = true }
        }
        let rewards = try services.rewards.score(whole, row: services.data.promptRow, ledger: &services.model.ledger)[0].doubles
        let kl = drawn.sequenceSums(zip(logp, reference).map { $0 - $1 })
        return zip(rewards, kl).map { $0 - beta * $1 }
    }

    /// Values that are known, of the first actions of `batch`: as many as tell any two baselines apart.
    init(exact values: [Double], _ batch: Batch) {
        steps = Array(batch.mask.indices.lazy.filter { batch.mask[$0] }.prefix(4096))
        means = steps.map { values[$0] }
        errors = steps.map { _ in 0 }
    }
}

extension ProbeResult.Baseline {
    /// How a baseline at each action, [steps], compares with the values of some states and with the returns of all actions.
    init(name: String, values: [Double], returns: [Double], mask: [Bool], truth: MonteCarloValues, continuations: Int) {
        let advantages = masked(zip(returns, values).map { $0 - $1 }, mask)
        let own = truth.steps.map { values[$0] }
        let squares = truth.steps.indices.map { state in
            (own[state] - truth.means[state]) * (own[state] - truth.means[state]) - truth.errors[state]
        }
        self.init(
            name: name,
            error: Self.bootstrap(squares.count) { chosen in max(0, chosen.map { squares[$0] }.mean ?? 0).squareRoot() },
            rankCorrelation: variance(own) > 0
                ? Self.bootstrap(own.count) { chosen in
                    ZooKit.rankCorrelation(chosen.map { own[$0] }, chosen.map { truth.means[$0] }) ?? .nan
                } : nil,
            explainedVariance: ZooKit.explainedVariance(predictions: masked(values, mask), targets: masked(returns, mask)),
            advantageVariance: variance(advantages), states: truth.steps.count, continuations: continuations)
    }

    private static func bootstrap(_ count: Int, _ figure: ([Int]) -> Double) -> ProbeResult.Figure {
        var random = SplitMix64(seed: 0, stream: 0xba5e)
        let resamples = (0..<400).map { _ in figure(Bootstrap.draws(count, using: &random)) }
        return GradientStatistics.figure(figure(Array(0..<count)), resamples)
    }
}
