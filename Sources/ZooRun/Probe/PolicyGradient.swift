import CZoo
import Foundation
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// Gradients that the host computes itself, of −J = −(E[reward] − β KL(π‖π_ref)) by the policy's weights.
struct PolicyGradient {
    let services: RunServices

    /// −(1/n) Σ Σ_t A_t ∇ log π(a_t): the score-function estimate from samples, flat, [D].
    ///
    /// - Parameter advantages: return-to-go minus any baseline that does not depend on the action, [steps].
    func estimate(_ batch: Batch, advantages: [Double]) throws -> Tensor {
        let share = 1 / Double(batch.sequenceCount)
        return try gradient(batch, weights: zip(advantages, batch.mask).map { $1 ? -$0 * share : 0 })
    }

    /// Σ w_t ∇ log π(a_t), [D].
    func gradient(_ batch: Batch, weights: [Double]) throws -> Tensor {
        var weighted = batch
        weighted.set("probe_weight", perStep: weights)
        let loss = LossCall { slice, outputs in
            let weights = try slice.steps("probe_weight")
            return (zip(weights, outputs[0].doubles).reduce(0) { $0 + $1.0 * $1.1 }, [weights])
        }
        let model = services.model
        _ = try model.accumulate(role: "policy", batch: weighted, outputs: ["logp"], flags: ZOO_LOSS_SEPARABLE, loss: loss)
        return try model.roles.role("policy").takeGradient()
    }
}

/// The tabular task, where everything is known exactly: every completion of every prompt, with its reward.
struct ExactTask {
    let policy: Tabular
    let reference: Tabular
    /// All completions of all prompts, prompt-major, in the order of their tokens as digits.
    let batch: Batch
    /// [P][V^H]
    let rewards: [[Double]]
    let beta: Double

    /// nil if the policy is not tabular. Throws if it is sampled at another temperature than 1: the samples are then not its own.
    init?(_ services: RunServices, rollout: RolloutSettings, beta: Double) throws {
        guard let policy = try services.model.roles.role("policy").network as? Tabular,
            let reference = try services.model.roles.role("reference").network as? Tabular
        else { return nil }
        guard rollout.temperature == 1 else {
            throw ZooError(.invalidArgument, "rollout.temperature is \(rollout.temperature); a probe of a tabular policy needs 1")
        }
        let config = policy.config
        var tokens: [Int32] = []
        for prompt in 0..<config.prompts {
            for completion in 0..<config.completions {
                var digits: [Int32] = []
                var rest = completion
                for _ in 0..<config.horizon {
                    digits.insert(Int32(rest % config.vocabularySize), at: 0)
                    rest /= config.vocabularySize
                }
                tokens += [Int32(prompt)] + digits
            }
        }
        let length = config.horizon + 1
        let count = config.prompts * config.completions
        batch = Batch(
            offsets: (0...count).map { $0 * length }, tokens: tokens, mask: tokens.indices.map { $0 % length != 0 },
            columns: [
                Column("row", perStep: false, .i64((0..<count).map { Int64($0 / config.completions) })),
                Column("finished", perStep: false, .u8(Array(repeating: 1, count: count))),
            ])
        let all = try services.rewards.score(batch, row: services.data.promptRow, ledger: &services.model.ledger)[0].doubles
        rewards = (0..<config.prompts).map { Array(all[$0 * config.completions..<($0 + 1) * config.completions]) }
        self.policy = policy
        self.reference = reference
        self.beta = beta
    }

    /// ∇(−J), exactly: −(1/P) Σ_x Σ_y π(y|x) (r(x, y) − β log π/π_ref) ∇ log π(y|x).
    func gradient(_ services: RunServices) throws -> Tensor {
        let ours = policy.sequenceLogProbabilities()
        let theirs = reference.sequenceLogProbabilities()
        let weights = ours.indices.flatMap { prompt in
            ours[prompt].indices.map { y in
                let logp = ours[prompt][y]
                return -exp(logp) * (rewards[prompt][y] - beta * (logp - theirs[prompt][y])) / Double(ours.count)
            }
        }
        let perStep = zip(batch.perStep(weights), batch.mask).map { $1 ? $0 : 0 }
        return try PolicyGradient(services: services).gradient(batch, weights: perStep)
    }

    /// Baselines at each action of a batch, [steps], 0 elsewhere: the exact value of its state, that of its prompt, and the soft value
    /// of the reference, β log Z(x), which cancels in DPO's reparameterisation (Rafailov et al. 2023, section 5.2).
    func baselines(_ batch: Batch) throws -> [(name: String, values: [Double])] {
        let values = policy.exactValues(reward: rewards, reference: reference, beta: beta)
        let prompts = (0..<batch.sequenceCount).map { Int(batch.tokens[batch.offsets[$0]]) }
        let states = Slices.unpack(try policy.states(of: Sequences(batch)).map { values[$0] }, batch.mask)
        func perStep(_ value: (Int) -> Double) -> [Double] {
            zip(batch.perStep(prompts.map(value)), batch.mask).map { $1 ? $0 : 0 }
        }
        var found = [
            (name: "exact V(s)", values: states),
            (name: "exact V(x)", values: perStep { values[policy.firstState(ofPrompt: $0)] }),
        ]
        if beta > 0 {
            let soft = Tabular.optimum(reference: reference, reward: rewards, beta: beta).logPartition
            found.append((name: "β log Z(x)", values: perStep { beta * soft[$0] }))
        }
        return found
    }
}
