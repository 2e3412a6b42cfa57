import ZooKit

// What PPO logs. Means weigh each sequence, or each action of each update, alike.
extension PPO {
    /// `objective/*`, `rewards/*` and `val/num_eos_tokens`, of the rollout before the update.
    func logSamples(_ rollout: Batch, _ rewards: Rewards, scores: [Double], penalty: [Double], reference: [Double]) throws {
        let logp = try rollout.oldLogp()
        let sequences = rollout.sequenceCount
        let kl = rollout.sequenceSums(zip(logp, reference).map { $0 - $1 })
        let nonScore = rollout.sequenceSums(penalty).map { -state.kl.coefficient * $0 }
        try host.log("objective/kl", mean(kl), over: sequences)
        try host.log("objective/kl_coef", state.kl.coefficient, .last)
        try host.log("objective/entropy", mean(rollout.sequenceSums(logp.map { -$0 })), over: sequences)
        try host.log("objective/non_score_reward", mean(nonScore), over: sequences)
        try host.log("objective/rlhf_reward", mean(nonScore) + mean(scores), over: sequences)
        try host.log("objective/scores", mean(scores), over: sequences)
        try host.logComponents(rewards)
        try host.log("val/num_eos_tokens", Double(rollout.integers("finished").reduce(0, +)), .sum)
        try host.log("completions/mean_length", mean(rollout.actionCounts.map(Double.init)), over: sequences)
    }

    /// How well the critic foresaw the returns, before its update.
    func logCritic(values: [Double], returns: [Double], mask: [Bool]) throws {
        let explained = explainedVariance(predictions: masked(values, mask), targets: masked(returns, mask))
        try host.log("critic/vf_explained_var", explained)
    }

    /// `policy/*`, `loss/policy_avg` and `val/ratio*`, of one minibatch before its update.
    func logPolicy(_ minibatch: Batch, _ update: ModelService.Update) throws {
        let actions = minibatch.actionCount
        let change = masked(zip(try update.outputs[.logp], try minibatch.oldLogp()).map { $0 - $1 }, minibatch.mask)
        let ratios = change.map { exp($0) }
        let advantages = masked(try minibatch.steps("advantage"), minibatch.mask)
        let ceiling = 1 + (parameters.clipRangeHigh ?? parameters.clipRange)
        let clipped = zip(ratios, advantages).map { ratio, advantage in
            min(max(ratio, 1 - parameters.clipRange), ceiling) * advantage < ratio * advantage ? 1.0 : 0
        }
        try host.log("loss/policy_avg", update.loss, over: actions)
        try host.log("policy/approxkl_avg", mean(change.map { $0 * $0 / 2 }), over: actions)
        try host.log("policy/clipfrac_avg", mean(clipped), over: actions)
        if let dualClip = parameters.dualClip {
            let bound = zip(ratios, advantages).map { $0 > dualClip && $1 < 0 ? 1.0 : 0 }
            try host.log("actor/pg_clipfrac_lower", mean(bound), over: actions)
        }
        if let kl = try lossKL(minibatch, update.outputs) {
            let logp = try update.outputs[.logp]
            let values = logp.indices.map { kl.term($0, logp: logp[$0], limit: parameters.klClip ?? .infinity).value }
            try host.log("actor/kl_loss", maskedMean(values, minibatch.mask), over: actions)
        }
        try host.log("policy/entropy_avg", maskedMean(try update.outputs[.entropy], minibatch.mask), over: actions)
        try host.log("policy/grad_norm", update.gradientNorm)
        try host.log("val/ratio", mean(ratios), over: actions)
        try host.log("val/ratio_var", variance(ratios), over: actions)
        try host.log("lr", update.learningRate, .last)
    }

    /// `loss/value_avg` and the share of actions whose value loss was clipped, of one minibatch before its update.
    func logValue(_ minibatch: Batch, _ update: ModelService.Update) throws {
        let actions = minibatch.actionCount
        let values = try update.outputs[.value]
        let old = try minibatch.steps("value")
        let returns = try minibatch.steps("return")
        let limit = parameters.clipRangeValue ?? .infinity
        let clipped = minibatch.mask.indices.filter { t in
            let bounded = min(max(values[t], old[t] - limit), old[t] + limit)
            return minibatch.mask[t] && abs(bounded - returns[t]) > abs(values[t] - returns[t])
        }
        try host.log("loss/value_avg", update.loss, over: actions)
        try host.log("val/clipfrac_avg", Double(clipped.count) / Double(actions), over: actions)
    }
}
