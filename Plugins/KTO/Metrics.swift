import ZooKit

// What KTO logs, by TRL's names: "chosen" are the wanted answers, "rejected" the others.
extension KTO {
    func logUpdate(_ batch: Batch, _ labels: [Int], _ update: ModelService.Update) throws {
        let scores = try update.outputs[.score]
        let rewards = zip(scores, try batch.sequences("reference_score")).map { parameters.beta * ($0 - $1) }
        let sides = [("chosen", labels.map { $0 != 0 }), ("rejected", labels.map { $0 == 0 })]
        try host.log("loss", update.loss, over: labels.count)
        for (name, members) in sides {
            let count = members.reduce(0) { $0 + ($1 ? 1 : 0) }
            try host.log("rewards/\(name)", maskedMean(rewards, members), over: count)
            try host.log("logps/\(name)", maskedMean(scores, members), over: count)
        }
        if labels.contains(0), labels.contains(where: { $0 != 0 }) {
            let margin = maskedMean(rewards, sides[0].1) - maskedMean(rewards, sides[1].1)
            try host.log("rewards/margins", margin, over: labels.count)
        }
        try host.log("desirable", mean(labels.map { $0 != 0 ? 1 : 0 }), over: labels.count)
        try host.log("num_tokens", Double(batch.actionCount), .sum)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}
