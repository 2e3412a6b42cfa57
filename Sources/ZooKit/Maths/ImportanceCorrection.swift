/// What a loss does about samples whose log-probabilities are not the trainer's: those of an older policy, or of another program.
///
/// `old_logp` is the trainer's log-probability of each action before the rollout's first update, `behaviour_logp` the sampler's, and
/// w_t = exp(old_logp − behaviour_logp). With `none` the loss measures the policy against the sampler, π/π_behaviour. With all others
/// it measures it against the trainer, π/π_old, and weighs what an action earns by a constant:
///
/// - `recompute`: 1. The mismatch is ignored, as TRL and verl do without correction.
/// - `tokenTruncate`: min(w_t, cap) of each action (Yao et al. 2025, https://fengyao.notion.site/off-policy-rl; TRL's
///   `token_truncate`, verl's `rollout_is: token`).
/// - `sequenceMask`: W = Π w_t for all actions of a sequence, and 0 where W > cap (Liu et al. 2025,
///   https://richardli.xyz/rl-collapse; TRL's `sequence_mask`).
public enum ImportanceCorrection: String, CaseIterable, Sendable {
    case none, recompute
    case tokenTruncate = "token_truncate"
    case sequenceMask = "sequence_mask"

    /// What an action, or a sequence, of ratio w counts for.
    public func weight(_ ratio: Double, cap: Double) -> Double {
        switch self {
        case .none, .recompute: 1
        case .tokenTruncate: min(ratio, cap)
        case .sequenceMask: ratio > cap ? 0 : ratio
        }
    }

    /// w_t of each action, [steps], and W of its sequence in its place for `sequenceMask`; 1 at steps that are no action.
    ///
    /// `oldLogp` and `behaviourLogp` are [steps].
    public func ratios(oldLogp: [Double], behaviourLogp: [Double], _ batch: Batch) -> [Double] {
        var change = zip(oldLogp, behaviourLogp).map { $0 - $1 }
        if self == .sequenceMask { change = batch.perStep(batch.sequenceSums(change)) }
        return zip(change, batch.mask).map { $1 ? exp($0) : 1 }
    }
}
