/// Generalised advantage estimation, and the returns that a critic learns (Schulman et al. 2016, arXiv:1506.02438, eq. 16).
///
/// All arrays are per step, [steps]. Backwards through the actions of each sequence,
/// `δ_t = r_t + γ V_{t+1} − V_t` and `A_t = δ_t + γλ A_{t+1}`, with V = A = 0 after the last action; `returns = A + V`.
///
/// - Parameter carriesValues: What a step between actions that is none itself, such as a tool's answer, does. True: it is passed over,
///   so the value behind it carries to the action before it (verl). False: it is a step like any other, of reward and value 0, as
///   in a loop over padded rows (OpenRLHF). Both results are 0 there.
public func generalizedAdvantages(
    rewards: [Double], values: [Double], batch: Batch, gamma: Double, lambda: Double, carriesValues: Bool = true
) -> (advantages: [Double], returns: [Double]) {
    let lambdas = [Double](repeating: lambda, count: batch.sequenceCount)
    return generalizedAdvantages(
        rewards: rewards, values: values, batch: batch, gamma: gamma, lambdas: lambdas, carriesValues: carriesValues)
}

/// The same with a λ for each sequence, [n].
public func generalizedAdvantages(
    rewards: [Double], values: [Double], batch: Batch, gamma: Double, lambdas: [Double], carriesValues: Bool = true
) -> (advantages: [Double], returns: [Double]) {
    var advantages = [Double](repeating: 0, count: rewards.count)
    var returns = advantages
    for sequence in 0..<batch.sequenceCount {
        var nextValue = 0.0
        var nextAdvantage = 0.0
        for t in batch.steps(of: sequence).reversed() where batch.mask[t] || !carriesValues {
            let (reward, value) = batch.mask[t] ? (rewards[t], values[t]) : (0, 0)
            let delta = reward + gamma * nextValue - value
            nextAdvantage = delta + gamma * lambdas[sequence] * nextAdvantage
            nextValue = value
            guard batch.mask[t] else { continue }
            advantages[t] = nextAdvantage
            returns[t] = nextAdvantage + value
        }
    }
    return (advantages, returns)
}

/// The discounted sum of the rewards from each action on, [steps]; 0 where the mask is false.
public func returnsToGo(rewards: [Double], batch: Batch, gamma: Double) -> [Double] {
    // With V = 0 and λ = 1 the advantage of GAE is the return-to-go.
    let zeros = [Double](repeating: 0, count: rewards.count)
    return generalizedAdvantages(rewards: rewards, values: zeros, batch: batch, gamma: gamma, lambda: 1).returns
}
