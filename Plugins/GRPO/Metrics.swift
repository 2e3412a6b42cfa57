import ZooKit

// What GRPO logs, by TRL's names. Means weigh each sequence, or each action of each update, alike.
extension GRPO {
    /// `policy_loss`, `kl`, `entropy`, `clip_ratio/*`, of one minibatch before its update; and on the first of a rollout how far
    /// scoring lies from sampling.
    func logUpdate(
        _ minibatch: Batch, _ update: ModelService.Accumulated, _ info: ModelService.StepInfo, isFirst: Bool
    ) throws {
        let actions = minibatch.actionCount
        let logp = try update.outputs[.logp]
        let change = masked(zip(logp, try minibatch.steps("behaviour_logp")).map { $0 - $1 }, minibatch.mask)
        let advantages = masked(minibatch.perStep(try minibatch.sequences("advantage")), minibatch.mask)
        let low = zip(change, advantages).map { exp($0) < 1 - parameters.epsilon && $1 < 0 ? 1.0 : 0 }
        let ceiling = 1 + (parameters.epsilonHigh ?? parameters.epsilon)
        let high = zip(change, advantages).map { exp($0) > ceiling && $1 > 0 ? 1.0 : 0 }
        try host.log("policy_loss", update.loss, over: actions)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: actions)
        try host.log("clip_ratio/low_mean", mean(low), over: actions)
        try host.log("clip_ratio/low_min", mean(low), .min)
        try host.log("clip_ratio/high_mean", mean(high), over: actions)
        try host.log("clip_ratio/high_max", mean(high), .max)
        try host.log("clip_ratio/region_mean", mean(low) + mean(high), over: actions)
        try host.log("grad_norm", info.gradientNorm)
        try host.log("lr", info.learningRate, .last)
        if let reference = minibatch.column("reference_logp")?.doubles {
            let kl = zip(logp, reference).map { KLEstimator.k3.value($0, reference: $1) }
            try host.log("kl", maskedMean(kl, minibatch.mask), over: actions)
        }
        if isFirst, parameters.refreshInterval == 1 {
            try host.log("sampling/sampling_logp_difference/mean", mean(change.map(abs)), over: actions)
            try host.log("sampling/sampling_logp_difference/max", change.map(abs).max() ?? 0, .max)
        }
    }
}
