import ZooKit

// What DPO logs, by TRL's names; all are means over pairs.
extension DPO {
    func logUpdate(_ batch: Batch, _ pairs: [Pair], _ update: ModelService.Update) throws {
        let scores = try update.outputs[.score]
        let rewards = zip(scores, try batch.sequences("reference_score")).map { parameters.beta * ($0 - $1) }  // r̂, up to Z(x)
        try host.logPairs(pairs, loss: update.loss, rewards: rewards, logps: scores)
        try host.log("num_tokens", Double(batch.actionCount), .sum)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
        try logQuadrants(pairs, rewards: rewards)
    }

    /// The mean weight σ(r̂_l − r̂_w) that a pair's gradient has in the sigmoid loss (eq. 7's gradient); and where each pair has moved
    /// from the reference: the share of each quadrant, and the mean weight there.
    private func logQuadrants(_ pairs: [Pair], rewards: [Double]) throws {
        try host.log(
            "quadrants/weight", mean(pairs.map { sigmoid(rewards[$0.rejected] - rewards[$0.chosen]) }), over: pairs.count)
        for (chosenIsUp, rejectedIsUp) in [(true, true), (true, false), (false, true), (false, false)] {
            let members = pairs.filter { (rewards[$0.chosen] > 0) == chosenIsUp && (rewards[$0.rejected] > 0) == rejectedIsUp }
            let name = "quadrants/chosen_\(chosenIsUp ? "up" : "down")_rejected_\(rejectedIsUp ? "up" : "down")"
            let weight = mean(members.map { sigmoid(rewards[$0.rejected] - rewards[$0.chosen]) })
            try host.log("\(name)/share", Double(members.count) / Double(pairs.count), over: pairs.count)
            try host.log("\(name)/weight", weight, over: members.count)
        }
    }
}
