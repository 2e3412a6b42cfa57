import Foundation
import ZooTensor

// Exact quantities, in double precision, by enumerating all V^H completions of all P prompts.
extension Tabular {
    /// log π(completion | prompt), `[P][V^H]`; a completion's index reads its tokens as digits, the first one leading.
    public func sequenceLogProbabilities() -> [[Double]] {
        precondition(head == .languageModel, "only a table of logits has sequence probabilities")
        let logits = table.detached().doubles
        let width = config.vocabularySize
        return (0..<config.prompts).map { prompt in
            // One level per step: the log-probabilities of all prefixes of that length.
            var level = [0.0]
            var state = prompt * config.statesPerPrompt
            for _ in 0..<config.horizon {
                level = level.flatMap { prefix in
                    let row = logits[state * width..<(state + 1) * width]
                    state += 1
                    let normalizer = logSumExp(row)
                    return row.map { prefix + $0 - normalizer }
                }
            }
            return level
        }
    }

    /// π(completion | prompt), `[P][V^H]`.
    public func sequenceProbabilities() -> [[Double]] { sequenceLogProbabilities().map { $0.map(exp) } }

    /// KL(π ‖ reference) of completions in nats, the mean over prompts.
    public func exactKL(from reference: Tabular) -> Double {
        let ours = sequenceLogProbabilities()
        let theirs = reference.sequenceLogProbabilities()
        let sums = zip(ours, theirs).map { p, q in zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) } }
        return sums.reduce(0, +) / Double(sums.count)
    }

    /// E[reward] of completions, the mean over prompts; `reward` is `[P][V^H]`.
    public func expectedReward(_ reward: [[Double]]) -> Double {
        let sums = zip(sequenceProbabilities(), reward).map { p, r in zip(p, r).reduce(0) { $0 + $1.0 * $1.1 } }
        return sums.reduce(0, +) / Double(sums.count)
    }

    /// V^π(s) = E[reward − β Σ log(π / π_ref) over the steps from s on] of every state, `[states]`, by backward induction; the first
    /// state of each prompt has the prompt's value. `reward` is `[P][V^H]`.
    public func exactValues(reward: [[Double]], reference: Tabular, beta: Double) -> [Double] {
        let (ours, theirs) = (stepLogProbabilities(), reference.stepLogProbabilities())
        let width = config.vocabularySize
        var values = [Double](repeating: 0, count: config.states)
        for prompt in 0..<config.prompts {
            var next = reward[prompt]  // what follows an action of the last step, then of the one before it
            var end = (prompt + 1) * config.statesPerPrompt
            for _ in 0..<config.horizon {
                let count = next.count / width
                let first = end - count
                for state in first..<end {
                    values[state] = (0..<width).reduce(0) { sum, action in
                        let logp = ours[state][action]
                        let gain = next[(state - first) * width + action] - beta * (logp - theirs[state][action])
                        return sum + exp(logp) * gain
                    }
                }
                next = Array(values[first..<end])
                end = first
            }
        }
        return values
    }

    /// log π(token | state), `[states][V]`.
    private func stepLogProbabilities() -> [[Double]] {
        let logits = table.detached().doubles
        let width = config.vocabularySize
        return (0..<config.states).map { state in
            let row = logits[state * width..<(state + 1) * width]
            let normalizer = logSumExp(row)
            return row.map { $0 - normalizer }
        }
    }

    /// The policy that maximizes E[reward] - β KL(π ‖ reference): π* ∝ π_ref exp(r / β). Rafailov et al. 2023, eq. 4.
    public struct Optimum: Sendable {
        /// π*(completion | prompt), `[P][V^H]`.
        public let probabilities: [[Double]]
        /// log Z(prompt), `[P]`; β log Z is the best value of the objective for that prompt.
        public let logPartition: [Double]
    }

    /// - Parameter reward: `[P][V^H]`.
    public static func optimum(reference: Tabular, reward: [[Double]], beta: Double) -> Optimum {
        precondition(beta > 0, "optimum: beta is \(beta); expected a positive number")
        let tilted = zip(reference.sequenceLogProbabilities(), reward).map { logp, r in zip(logp, r).map { $0 + $1 / beta } }
        let partitions = tilted.map { logSumExp($0[...]) }
        return Optimum(
            probabilities: zip(tilted, partitions).map { row, z in row.map { exp($0 - z) } }, logPartition: partitions)
    }
}

private func logSumExp(_ values: ArraySlice<Double>) -> Double {
    let top = values.max() ?? 0
    return top + log(values.reduce(0) { $0 + exp($1 - top) })
}
