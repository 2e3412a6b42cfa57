// Direct Preference Optimization: a classification loss on preference pairs.
//
// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290 (eq. 7). `label_smoothing` is the conservative DPO of Mitchell 2023,
// https://ericmitchell.ai/cdpo.pdf; `ipo` is Azar et al. 2023, https://arxiv.org/abs/2310.12036 (eq. 17); `hinge` is the loss of
// SLiC, Zhao et al. 2023, https://arxiv.org/abs/2305.10425, on the same log-ratios.
//
// Deviations:
// 1. `ipo` divides the log-ratios by the number of actions, as TRL and the authors of DPO do; `ipo_average` false takes the sums of
//    the paper (and OpenRLHF).
// 2. `label_smoothing` belongs to `sigmoid` alone and is refused elsewhere; TRL ignores it there without a word.
import ZooKit

struct DPO: Algorithm {
    static let id = "dpo"
    static let title = "Direct Preference Optimization"
    static let summary = "Raises the likelihood of chosen over rejected answers, relative to the reference; samples nothing."
    static let paper = "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290"
    static let needs = Needs(data: .pairs, roles: [.policy, .reference], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Preference pairs of an update.", in: 1...1_000_000) var pairs = 32
        @Parameter("Loss of a pair.") var loss = LossType.sigmoid
        @Parameter("Strength β of the pull to the reference, per nat; for ipo the τ of its paper.", in: 1e-6...1_000_000)
        var beta = 0.1
        @Parameter("Probability that a label is the wrong way round; for sigmoid only.", in: 0...0.5) var labelSmoothing = 0.0
        @Parameter("For ipo: divide each log-ratio by its sequence's actions.") var ipoAverage = true

        func validate() throws {
            guard labelSmoothing > 0, loss != .sigmoid else { return }
            throw ZooError(
                .invalidArgument,
                "parameter 'label_smoothing' is \(labelSmoothing); loss '\(loss.rawValue)' takes none: set it to 0")
        }
    }

    enum LossType: String, CaseIterable, ParameterValue { case sigmoid, ipo, hinge }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// One pair's loss and its derivative by h = log-ratio of the chosen − log-ratio of the rejected.
    static func pairLoss(_ type: LossType, h: Double, beta: Double, labelSmoothing: Double) -> (value: Double, slope: Double) {
        switch type {
        case .sigmoid:  // −(1 − ε) log σ(βh) − ε log σ(−βh)
            let value = -(1 - labelSmoothing) * logSigmoid(beta * h) - labelSmoothing * logSigmoid(-beta * h)
            return (value, beta * (labelSmoothing * sigmoid(beta * h) - (1 - labelSmoothing) * sigmoid(-beta * h)))
        case .ipo:  // (h − 1/(2τ))²
            let error = h - 1 / (2 * beta)
            return (error * error, 2 * error)
        case .hinge:  // max(0, 1 − βh)
            return beta * h < 1 ? (1 - beta * h, -beta) : (0, 0)
        }
    }

    /// The loss of a slice of whole pairs out of `pairs`, and its derivative by the scores. All arrays are per sequence.
    ///
    /// `divisors` are what each log-ratio is divided by: 1, or the sequence's actions.
    static func loss(
        scores: [Double], references: [Double], divisors: [Double], pairs: [Pair], count: Int, parameters: Parameters
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: scores.count)
        for pair in pairs {
            let chosen = (scores[pair.chosen] - references[pair.chosen]) / divisors[pair.chosen]
            let rejected = (scores[pair.rejected] - references[pair.rejected]) / divisors[pair.rejected]
            let (value, slope) = pairLoss(
                parameters.loss, h: chosen - rejected, beta: parameters.beta, labelSmoothing: parameters.labelSmoothing)
            loss += value / Double(count)
            gradient[pair.chosen] += slope / divisors[pair.chosen] / Double(count)
            gradient[pair.rejected] -= slope / divisors[pair.rejected] / Double(count)
        }
        return Loss(loss, [.score: gradient])
    }

    // MARK: - One iteration

    func step() throws {
        var batch = try host.data.pairs(parameters.pairs)
        let pairs = try Pair.all(in: batch)
        batch.set("reference_score", perSequence: try host.model.forward(.reference, batch, [.score])[.score])
        let average = parameters.loss == .ipo && parameters.ipoAverage
        batch.set("divisor", perSequence: batch.actionCounts.map { average ? Double(max($0, 1)) : 1 })
        let update = try host.model.accumulate(.policy, batch, [.score], .grouped) { slice, outputs in
            Self.loss(
                scores: try outputs[.score], references: try slice.sequences("reference_score"),
                divisors: try slice.sequences("divisor"), pairs: try Pair.all(in: slice), count: pairs.count,
                parameters: parameters)
        }
        let info = try host.model.step(.policy)
        try log(batch, pairs, update, info)
    }

    private func log(
        _ batch: Batch, _ pairs: [Pair], _ update: ModelService.Accumulated, _ info: ModelService.StepInfo
    ) throws {
        let scores = try update.outputs[.score]
        let rewards = zip(scores, try batch.sequences("reference_score")).map { parameters.beta * ($0 - $1) }  // r̂, up to Z(x)
        func pairMean(_ value: (Pair) -> Double) -> Double { mean(pairs.map(value)) }
        let metrics = [
            ("loss", update.loss),
            ("rewards/chosen", pairMean { rewards[$0.chosen] }),
            ("rewards/rejected", pairMean { rewards[$0.rejected] }),
            ("rewards/margins", pairMean { rewards[$0.chosen] - rewards[$0.rejected] }),
            ("rewards/accuracies", pairMean { rewards[$0.chosen] > rewards[$0.rejected] ? 1 : 0 }),
            ("logps/chosen", pairMean { scores[$0.chosen] }),
            ("logps/rejected", pairMean { scores[$0.rejected] }),
        ]
        for (name, value) in metrics { try host.log(name, value, over: pairs.count) }
        try host.log("num_tokens", Double(batch.actionCount), .sum)
        try host.log("grad_norm", info.gradientNorm)
        try host.log("lr", info.learningRate, .last)
        try logQuadrants(pairs, rewards: rewards)
    }

    /// Where each pair has moved from the reference: the share of each quadrant, and the mean weight σ(r̂_l − r̂_w) that its
    /// gradient has in the sigmoid loss (eq. 7's gradient).
    private func logQuadrants(_ pairs: [Pair], rewards: [Double]) throws {
        for (chosenIsUp, rejectedIsUp) in [(true, true), (true, false), (false, true), (false, false)] {
            let members = pairs.filter { (rewards[$0.chosen] > 0) == chosenIsUp && (rewards[$0.rejected] > 0) == rejectedIsUp }
            let name = "quadrants/chosen_\(chosenIsUp ? "up" : "down")_rejected_\(rejectedIsUp ? "up" : "down")"
            let weight = mean(members.map { sigmoid(rewards[$0.rejected] - rewards[$0.chosen]) })
            try host.log("\(name)/share", Double(members.count) / Double(pairs.count), over: pairs.count)
            try host.log("\(name)/weight", weight, over: members.count)
        }
    }
}
