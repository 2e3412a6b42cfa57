/// What a reward is measured against.
public enum GroupBaseline: String, CaseIterable, Sendable {
    /// The mean of its group (Shao et al. 2024).
    case groupMean = "group_mean"
    /// The mean of the others of its group; the standard deviation, too, is theirs (NeMo-RL).
    case leaveOneOut = "leave_one_out"
    /// The mean of its group, each reward weighed by its completion's length (OPO: Hao et al. 2025, arXiv:2505.23585).
    case lengthWeighted = "length_weighted"
    /// Nothing.
    case none
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

/// The denominator of a variance over n numbers.
public enum VarianceDenominator: String, CaseIterable, Sendable {
    /// n − 1
    case unbiased
    /// n
    case population

    /// What is taken off n.
    public var ddof: Int { self == .unbiased ? 1 : 0 }
}

/// Group-relative advantages, [n]: the reward minus its baseline, over a standard deviation + ε (Shao et al. 2024, eq. 14).
///
/// A group of one has no relative advantage: 0. A reward that is NaN is of a completion that cannot be scored: it counts in no mean and
/// no standard deviation, and its advantage is 0, as in TRL. Rewards that differ by rounding alone are equal, and where all are equal
/// nothing is divided, as in NeMo-RL.
///
/// - Parameters:
///   - epsilon: Added to the standard deviation: TRL 10⁻⁴, verl and NeMo-RL 10⁻⁶, OpenRLHF 10⁻⁹.
///   - variance: Of its variance: `unbiased` in TRL, verl and NeMo-RL, `population` in Flow-GRPO.
///   - lengths: Actions of each sequence, [n]; what `lengthWeighted` weighs by.
///   - sizes: Of what each reward was added up from, [n], which rounding is measured by; empty: the rewards' own.
public func groupAdvantages(
    _ rewards: [Double], groups: [Int], baseline: GroupBaseline = .groupMean, scale: AdvantageScale, epsilon: Double = 1e-4,
    variance: VarianceDenominator = .unbiased, lengths: [Int] = [], sizes: [Double] = []
) -> [Double] {
    var advantages = [Double](repeating: 0, count: rewards.count)
    let sizes = sizes.isEmpty ? rewards.map { abs($0) } : sizes
    func deviation(_ indices: [Int]) -> Double {
        standardDeviation(indices.map { rewards[$0] }, ddof: variance.ddof, scale: largest(indices.map { sizes[$0] }))
    }
    let batchDeviation = deviation(rewards.indices.filter { !rewards[$0].isNaN })
    for group in members(of: groups) {
        let scored = group.filter { !rewards[$0].isNaN }
        guard scored.count > 1 || baseline == .none else { continue }
        for (place, index) in scored.enumerated() {
            var others = scored
            if baseline == .leaveOneOut { others.remove(at: place) }
            let center =
                switch baseline {
                case .groupMean, .leaveOneOut: mean(others.map { rewards[$0] })
                case .lengthWeighted: weightedMean(scored.map { rewards[$0] }, scored.map { Double(lengths[$0]) })
                case .none: 0.0
                }
            let spread =
                switch scale {
                case .group: deviation(others)
                case .batch: batchDeviation
                case .none: 0.0
                }
            let advantage = difference(rewards[index], center, count: scored.count, scale: sizes[index])
            advantages[index] = spread > 0 ? advantage / (spread + epsilon) : advantage
        }
    }
    return advantages
}

/// Several rewards, each scaled within its group by itself before they are added (GDPO: Liu et al. 2026, arXiv:2601.05242), [n].
///
/// Σ_k w_k·(r_k − mean) / (std + ε) within groups, and then the same over the whole batch. What a component cannot score (NaN) adds
/// nothing; a completion that no component scores has advantage 0.
public func normalizedSumAdvantages(
    _ components: [(values: [Double], weight: Double)], groups: [Int], epsilon: Double = 1e-4,
    variance: VarianceDenominator = .unbiased
) -> [Double] {
    let scored = groups.indices.filter { index in components.contains { !$0.values[index].isNaN } }
    var sums = [Double](repeating: .nan, count: groups.count)
    var sizes = [Double](repeating: 0, count: groups.count)
    for index in scored { sums[index] = 0 }
    for component in components {
        let scaled = groupAdvantages(
            component.values, groups: groups, scale: .group, epsilon: epsilon, variance: variance)
        for index in scored {
            sums[index] += component.weight * scaled[index]
            sizes[index] += abs(component.weight * scaled[index])
        }
    }
    return groupAdvantages(
        sums, groups: groups.map { _ in 0 }, scale: .group, epsilon: epsilon, variance: variance, sizes: sizes)
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

/// The mean with weights; 0 where they add up to nothing.
private func weightedMean(_ values: [Double], _ weights: [Double]) -> Double {
    let total = weights.reduce(0, +)
    return total > 0 ? zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total : 0
}
