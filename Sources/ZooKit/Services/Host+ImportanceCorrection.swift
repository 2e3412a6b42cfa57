extension Host {
    /// The rollout with what a corrected loss reads: the columns `old_logp`, the policy's own log-probabilities as it is now, and
    /// `importance_weight`, [steps] each. With `none` it is the rollout as it is.
    ///
    /// Call it before the first update of a rollout; it costs a forward pass of the policy. It logs by TRL's names
    /// `sampling/sampling_logp_difference/{mean,max}` over actions and `sampling/importance_sampling_ratio/{min,mean,max}`, of weights
    /// as they count, over actions or with `sequenceMask` over sequences; and by verl's
    /// `rollout_corr/rollout_is_ratio_fraction_high`, the share of ratios above the cap.
    public func corrected(_ rollout: Batch, by correction: ImportanceCorrection, cap: Double) throws -> Batch {
        guard correction != .none else { return rollout }
        var rollout = rollout
        let behaviour = try rollout.steps("behaviour_logp")
        let old = try model.forward(.policy, rollout, [.logp])[.logp]
        let ratios = correction.ratios(oldLogp: old, behaviourLogp: behaviour, rollout)
        let weights = zip(ratios, rollout.mask).map { $1 ? correction.weight($0, cap: cap) : 1 }
        rollout.set("old_logp", perStep: old)
        rollout.set("importance_weight", perStep: weights)

        let differences = masked(zip(old, behaviour).map { abs($0 - $1) }, rollout.mask)
        try log("sampling/sampling_logp_difference/mean", mean(differences), over: differences.count)
        try log("sampling/sampling_logp_difference/max", largest(differences), .max)
        guard correction != .recompute else { return rollout }
        let units = (0..<rollout.sequenceCount).flatMap { sequence in
            let actions = rollout.steps(of: sequence).filter { rollout.mask[$0] }
            return correction == .sequenceMask ? Array(actions.prefix(1)) : actions
        }
        let counted = units.map { weights[$0] }
        try log("sampling/importance_sampling_ratio/min", counted.min() ?? 0, .min)
        try log("sampling/importance_sampling_ratio/mean", mean(counted), over: counted.count)
        try log("sampling/importance_sampling_ratio/max", counted.max() ?? 0, .max)
        let high = units.map { ratios[$0] > cap ? 1.0 : 0 }
        try log("rollout_corr/rollout_is_ratio_fraction_high", mean(high), over: high.count)
        return rollout
    }
}

extension Batch {
    /// The log-probabilities that a loss takes its ratios to, [steps]: `old_logp` where `Host.corrected` has set it, else the sampler's.
    public func oldLogp() throws -> [Double] { try steps(column("old_logp") == nil ? "behaviour_logp" : "old_logp") }

    /// What each action's surrogate counts for, [steps]: 1 without a correction.
    public func importanceWeights() throws -> [Double] {
        column("importance_weight") == nil ? mask.map { _ in 1 } : try steps("importance_weight")
    }
}
