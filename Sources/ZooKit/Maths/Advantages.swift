/// Generalised advantage estimation, and the returns that a critic learns (Schulman et al. 2016, arXiv:1506.02438, eq. 16).
///
/// All arrays are per step, [steps]. Backwards through the actions of each sequence,
/// `δ_t = r_t + γ V_{t+1} − V_t` and `A_t = δ_t + γλ A_{t+1}`, with V = A = 0 after the last action; `returns = A + V`.
/// Steps that are not actions are passed over, so the value behind a tool's answer carries to the action before it; both results
/// are 0 there.
public func generalizedAdvantages(
    rewards: [Double], values: [Double], batch: Batch, gamma: Double, lambda: Double
) -> (advantages: [Double], returns: [Double]) {
    var advantages = [Double](repeating: 0, count: rewards.count)
    var returns = advantages
    for sequence in 0..<batch.sequenceCount {
        var nextValue = 0.0
        var nextAdvantage = 0.0
        for t in batch.steps(of: sequence).reversed() where batch.mask[t] {
            let delta = rewards[t] + gamma * nextValue - values[t]
            nextAdvantage = delta + gamma * lambda * nextAdvantage
            nextValue = values[t]
            advantages[t] = nextAdvantage
            returns[t] = nextAdvantage + values[t]
        }
    }
    return (advantages, returns)
}

/// The places of each distinct number, in order of first appearance: `[7, 9, 7]` gives `[[0, 2], [1]]`.
public func members(of groups: [Int]) -> [[Int]] {
    var order: [Int: Int] = [:]
    var result: [[Int]] = []
    for (index, group) in groups.enumerated() {
        if let place = order[group] {
            result[place].append(index)
        } else {
            order[group] = result.count
            result.append([index])
        }
    }
    return result
}

/// What a centred group advantage is divided by.
public enum AdvantageScale: String, CaseIterable, Sendable {
    /// The standard deviation of its own group (Shao et al. 2024).
    case group
    /// The standard deviation of the whole batch (Liu et al. 2025, arXiv:2508.08221).
    case batch
    /// Nothing (Liu et al. 2025, arXiv:2503.20783: no bias towards questions that are nearly always or never solved).
    case none
}

/// Group-relative advantages, [n]: the reward minus its group's mean, over a standard deviation + ε (Shao et al. 2024, eq. 14).
///
/// Deviations have denominator n − 1. A group of one has no relative advantage: 0.
public func groupAdvantages(
    _ rewards: [Double], groups: [Int], scale: AdvantageScale, epsilon: Double = 1e-4
) -> [Double] {
    var advantages = [Double](repeating: 0, count: rewards.count)
    let batchDeviation = standardDeviation(rewards)
    for group in members(of: groups) {
        let own = group.map { rewards[$0] }
        let mean = mean(own)
        let divisor =
            switch scale {
            case .group: standardDeviation(own) + epsilon
            case .batch: batchDeviation + epsilon
            case .none: 1.0
            }
        for index in group { advantages[index] = (rewards[index] - mean) / divisor }
    }
    return advantages
}

/// The mean of the others in the same group, [n] (Kool et al. 2019); 0 for a group of one, which has no others.
public func leaveOneOutBaselines(_ values: [Double], groups: [Int]) -> [Double] {
    var baselines = [Double](repeating: 0, count: values.count)
    for group in members(of: groups) where group.count > 1 {
        let total = group.reduce(0) { $0 + values[$1] }
        for index in group { baselines[index] = (total - values[index]) / Double(group.count - 1) }
    }
    return baselines
}

/// The mean of the own group, [n].
public func groupMeans(_ values: [Double], groups: [Int]) -> [Double] {
    var means = [Double](repeating: 0, count: values.count)
    for group in members(of: groups) {
        let mean = mean(group.map { values[$0] })
        for index in group { means[index] = mean }
    }
    return means
}
