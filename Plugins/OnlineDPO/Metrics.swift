import ZooKit

// What online DPO logs, by TRL's names, beside the samples' own (`reward`, `completions/*`).
extension OnlineDPO {
    /// `objective/*` and `val/contain_eos_token`: means over all samples, per sequence, as they were drawn.
    func logSamples(_ rollout: Batch, _ scores: [Double], _ pairs: [Pair]) throws {
        let count = rollout.sequenceCount
        let logp = rollout.sequenceSums(try rollout.steps("behaviour_logp"))
        let kl = mean(zip(logp, try rollout.sequences("reference")).map { $0 - $1 })
        let metrics = [
            ("objective/kl", kl),
            ("objective/entropy", -mean(logp)),
            ("objective/non_score_reward", -parameters.beta * kl),
            ("objective/scores", mean(scores)),
            ("objective/rlhf_reward", mean(scores) - parameters.beta * kl),
            ("val/contain_eos_token", mean(try rollout.sequences("finished"))),
        ]
        for (name, value) in metrics { try host.log(name, value, over: count) }
        try host.log("objective/scores_margin", mean(pairs.map { scores[$0.chosen] - scores[$0.rejected] }), over: pairs.count)
    }

    /// `rewards/*`, the implicit ones β log π/π_ref, and `logps/*`: means over pairs.
    func logUpdate(_ batch: Batch, _ update: ModelService.Update) throws {
        let logp = batch.sequenceSums(try update.outputs[.logp])
        let rewards = zip(logp, try batch.sequences("reference")).map { parameters.beta * ($0 - $1) }
        try host.logPairs(try Pair.all(in: batch), loss: update.loss, rewards: rewards, logps: logp)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}
