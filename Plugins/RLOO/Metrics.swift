import ZooKit

// What RLOO logs, by TRL's names. Means weigh each sequence, each action or each ratio of each update alike.
extension RLOO {
    /// `policy_loss`, `entropy` and `clip_ratio/*`, of one minibatch before its update.
    func logUpdate(_ minibatch: Batch, _ update: ModelService.Update) throws {
        let logp = try update.outputs[.logp]
        let old = try minibatch.oldLogp()
        let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
        var (low, high): ([Double], [Double]) = ([], [])
        let advantages = try minibatch.steps("advantage")
        for sequence in 0..<minibatch.sequenceCount {
            for unit in Self.units(minibatch, of: sequence, parameters.importanceSamplingLevel) {
                let advantage = advantages[unit[0]]
                let rho = exp(unit.reduce(0) { $0 + logp[$1] - old[$1] })
                low.append(rho < 1 - parameters.clipRange && advantage < 0 ? 1 : 0)
                high.append(rho > ceiling && advantage > 0 ? 1 : 0)
            }
        }
        try host.log("policy_loss", update.loss, over: minibatch.sequenceCount)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], minibatch.mask), over: minibatch.actionCount)
        try host.log("clip_ratio/low_mean", mean(low), over: low.count)
        try host.log("clip_ratio/low_min", mean(low), .min)
        try host.log("clip_ratio/high_mean", mean(high), over: high.count)
        try host.log("clip_ratio/high_max", mean(high), .max)
        try host.log("clip_ratio/region_mean", mean(low) + mean(high), over: low.count)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}
