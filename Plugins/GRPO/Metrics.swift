import ZooKit

// What GRPO logs, by TRL's names. Means weigh each sequence, or each action of each update, alike.
extension GRPO {
    /// `policy_loss`, `kl`, `entropy` and how far the ratios are bounded, of one minibatch before its update; and on the first of a
    /// rollout how far scoring lies from sampling.
    func logUpdate(_ minibatch: Batch, _ update: ModelService.Update, isFirst: Bool) throws {
        let actions = minibatch.actionCount
        let logp = try update.outputs[.logp]
        let change = zip(logp, try minibatch.oldLogp()).map { $0 - $1 }
        try host.log("policy_loss", update.loss, over: actions)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: actions)
        try logRatios(minibatch, change)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
        if parameters.measuresKL {
            // By k3 whatever estimator the loss has, so that runs compare.
            let measure = parameters.klEstimator == .exact ? LossKL.exact : .estimated(.k3)
            let kl = try measure.steps(update.outputs, referenceLogp: minibatch.steps("reference_logp"))
            try host.log("kl", maskedMean(logp.indices.map { kl.term($0, logp: logp[$0]).value }, minibatch.mask), over: actions)
        }
        let own = masked(change, minibatch.mask)
        try host.log("actor/ppo_kl", -mean(own), over: actions)
        if isFirst, parameters.refreshInterval == 1, parameters.importanceCorrection == .none {
            try host.log("sampling/sampling_logp_difference/mean", mean(own.map(abs)), over: actions)
            try host.log("sampling/sampling_logp_difference/max", own.map(abs).max() ?? 0, .max)
        }
    }

    /// Shares of the ratios, one an action or one a sequence, that a bound holds.
    private func logRatios(_ minibatch: Batch, _ change: [Double]) throws {
        var ratios: [(ratio: Double, advantage: Double)] = []
        var phi: [Double] = []
        let weights = try minibatch.importanceWeights()
        for (sequence, advantage) in try minibatch.sequences("advantage").enumerated() {
            let own = minibatch.steps(of: sequence).filter { minibatch.mask[$0] }.map { change[$0] }
            let units = GRPO.logRatios(own, parameters.importanceSamplingLevel)
            let counted = parameters.importanceSamplingLevel == .sequence ? Array(units.prefix(1)) : units
            ratios += counted.map { (exp($0), advantage) }
            let corrections = minibatch.steps(of: sequence).filter { minibatch.mask[$0] }.map { weights[$0] }
            if !own.isEmpty { phi.append(parameters.vespoWeight(own, corrections, advantage: advantage)) }
        }
        func share(_ isBound: (Double, Double) -> Bool) -> Double { mean(ratios.map { isBound($0, $1) ? 1 : 0 }) }
        switch parameters.lossType {
        case .grpo, .bnpo, .dapo, .drGRPO, .luspo:
            let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
            let low = share { $0 < 1 - parameters.clipRange && $1 < 0 }
            let high = share { $0 > ceiling && $1 > 0 }
            try host.log("clip_ratio/low_mean", low, over: ratios.count)
            try host.log("clip_ratio/low_min", low, .min)
            try host.log("clip_ratio/high_mean", high, over: ratios.count)
            try host.log("clip_ratio/high_max", high, .max)
            try host.log("clip_ratio/region_mean", low + high, over: ratios.count)
            if let dualClip = parameters.dualClip {
                try host.log("actor/pg_clipfrac_lower", share { $0 > dualClip && $1 < 0 }, over: ratios.count)
            }
        case .cispo:
            let bounds = parameters.cispoBounds
            let bound =
                parameters.cispoClip == .upper
                ? share { $0 > bounds.upperBound && $1 > 0 } : share { ratio, _ in !bounds.contains(ratio) }
            try host.log("cispo_clip_ratio", bound, over: ratios.count)
        case .vespo: try host.log("vespo/phi_seq_mean", mean(phi), over: phi.count)
        case .sapo: break
        }
    }
}
