import ZooKit

// What REINFORCE++ logs of an update, by TRL's names. Means weigh each action of each update alike.
extension ReinforcePlusPlus {
    /// `policy_loss`, `kl`, `entropy` and `clip_ratio/*`, of one minibatch before its update.
    func logUpdate(_ minibatch: Batch, _ update: ModelService.Update) throws {
        let actions = minibatch.actionCount
        let logp = try update.outputs[.logp]
        let change = masked(zip(logp, try minibatch.oldLogp()).map { $0 - $1 }, minibatch.mask)
        let advantages = masked(try minibatch.steps("advantage"), minibatch.mask)
        let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
        let low = zip(change, advantages).map { exp($0) < 1 - parameters.clipRange && $1 < 0 ? 1.0 : 0 }
        let high = zip(change, advantages).map { exp($0) > ceiling && $1 > 0 ? 1.0 : 0 }
        let kl = zip(logp, try minibatch.steps("reference_logp")).map { KLEstimator.k3.value($0, reference: $1) }
        try host.log("policy_loss", update.loss, over: actions)
        try host.log("kl", maskedMean(kl, minibatch.mask), over: actions)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: actions)
        try host.log("actor/ppo_kl", -mean(change), over: actions)
        try host.log("clip_ratio/low_mean", mean(low), over: actions)
        try host.log("clip_ratio/low_min", mean(low), .min)
        try host.log("clip_ratio/high_mean", mean(high), over: actions)
        try host.log("clip_ratio/high_max", mean(high), .max)
        try host.log("clip_ratio/region_mean", mean(low) + mean(high), over: actions)
        if let dualClip = parameters.dualClip {
            let bound = zip(change, advantages).map { exp($0) > dualClip && $1 < 0 ? 1.0 : 0 }
            try host.log("actor/pg_clipfrac_lower", mean(bound), over: actions)
        }
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}
