// A reward model from comparisons: the Bradley-Terry likelihood of who is preferred.
//
// Bradley and Terry 1952; Christiano et al. 2017, https://arxiv.org/abs/1706.03741; Ouyang et al. 2022,
// https://arxiv.org/abs/2203.02155 (eq. 1). The centring term is Eisenstein et al. 2023, https://arxiv.org/abs/2312.09244.
//
// L = −(1/P) Σ log σ(r_w − r_l − m) + c · (1/P) Σ (r_w + r_l)², over the P pairs of the update.
//
// Departures:
// 1. From ratings, every two sequences of the batch whose ratings differ by more than `gap` are a pair: one example serves in many
//    comparisons, as in Ouyang et al., but without their grouping by prompt.
import ZooKit

struct RewardModel: Algorithm {
    static let id = "reward-model"
    static let title = "Bradley-Terry reward model"
    static let summary = "Learns a scalar that orders sequences as people did, from preference pairs or from ratings."
    static let paper = "Christiano et al. 2017, https://arxiv.org/abs/1706.03741"
    static let needs = Needs(data: .pairs, .examples, roles: [.reward], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Where comparisons come from: preference pairs, or examples with the column 'rating'.") var data = Source.pairs
        @Parameter(
            "Preference pairs of an update, where data is 'pairs'.", in: 1...1_000_000, counts: .pairs, formerly: ["batch_size"])
        var pairs = 32
        @Parameter(
            "Rated examples of an update, where data is 'ratings'.", in: 1...1_000_000, counts: .examples,
            formerly: ["batch_size"])
        var examples = 32
        @Parameter("Ratings must differ by more than this to make a pair.", in: 0...1_000_000) var gap = 0.0
        @Parameter("Margin m by which the preferred score should lead.", in: 0...1000) var margin = 0.0
        @Parameter(
            "Weight c of the term that keeps the scores around 0.", in: 0...1000, aliases: ["center_rewards_coefficient"])
        var centering = 0.0
    }

    enum Source: String, CaseIterable, ParameterValue { case pairs, ratings }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// The loss of some of `count` pairs, and its derivative by the scores, [n].
    static func loss(scores: [Double], pairs: [Pair], count: Int, margin: Double, centering: Double) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: scores.count)
        let share = 1 / Double(count)
        for pair in pairs {
            let lead = scores[pair.chosen] - scores[pair.rejected] - margin
            let sum = scores[pair.chosen] + scores[pair.rejected]
            loss += (-logSigmoid(lead) + centering * sum * sum) * share
            gradient[pair.chosen] += (-sigmoid(-lead) + 2 * centering * sum) * share
            gradient[pair.rejected] += (sigmoid(-lead) + 2 * centering * sum) * share
        }
        return Loss(loss, [.score: gradient])
    }

    /// Every two sequences whose ratings differ by more than `gap`, and by more than rounding.
    static func pairs(ratings: [Double], gap: Double) -> [Pair] {
        let size = largest(ratings)
        return ratings.indices.flatMap { a in
            ratings.indices.compactMap { b in
                difference(ratings[a] - ratings[b], gap, scale: size) > 0 ? Pair(chosen: a, rejected: b) : nil
            }
        }
    }

    // MARK: - One iteration

    func step() throws {
        let batch: Batch
        switch parameters.data {
        case .pairs: batch = try host.data.pairs(parameters.pairs)
        case .ratings: batch = try host.data.examples(parameters.examples)
        }
        let pairs = try pairs(in: batch)
        guard !pairs.isEmpty else {
            throw ZooError(
                .invalidArgument,
                "no two of \(batch.sequenceCount) ratings differ by more than gap = \(parameters.gap): raise examples or lower gap"
            )
        }
        // Rated examples are compared across the whole batch; the two sequences of a pair only with each other.
        let cut: Cut = parameters.data == .ratings ? .whole : .grouped
        let update = try host.model.update(.reward, batch, [.score], cut) { slice, outputs in
            Self.loss(
                scores: try outputs[.score], pairs: try self.pairs(in: slice), count: pairs.count, margin: parameters.margin,
                centering: parameters.centering)
        }
        let scores = try update.outputs[.score]
        let leads = pairs.map { scores[$0.chosen] - scores[$0.rejected] }
        try host.log("loss", update.loss, over: pairs.count)
        try host.log("accuracy", mean(leads.map { $0 > 0 ? 1 : 0 }), over: pairs.count)
        try host.log("margin", mean(leads), over: pairs.count)
        try host.log("reward", mean(scores), over: scores.count)
        try host.log("reward_std", standardDeviation(scores), over: scores.count)
        try host.log("num_tokens", Double(batch.stepCount), .sum)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }

    private func pairs(in batch: Batch) throws -> [Pair] {
        switch parameters.data {
        case .pairs: return try Pair.all(in: batch)
        case .ratings:
            let ratings = try batch.sequences("rating")
            try requireFinite(ratings, "column 'rating'")
            return Self.pairs(ratings: ratings, gap: parameters.gap)
        }
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(RewardModel.self) }
