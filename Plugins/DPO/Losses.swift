import ZooKit

// The losses of a pair. x_w = β s_w and x_l = β s_l are the rewards of the chosen and the rejected answer, x = x_w − x_l their margin,
// ε the label smoothing. Names are TRL's.
extension DPO {
    enum LossType: String, CaseIterable, ParameterValue {
        case sigmoid, hinge, ipo
        case exoPair = "exo_pair"
        case ncaPair = "nca_pair"
        case robust
        case bcoPair = "bco_pair"
        case sppoHard = "sppo_hard"
        case aot
        case aotUnpaired = "aot_unpaired"
        case apoZero = "apo_zero"
        case apoDown = "apo_down"
        case discopop, sft
        case sigmoidNorm = "sigmoid_norm"

        var takesLabelSmoothing: Bool { [.sigmoid, .exoPair, .robust, .aot, .aotUnpaired].contains(self) }
        /// Written in scores that an f-divergence gives; the others are written in log-ratios.
        var takesDivergence: Bool { ![.aot, .aotUnpaired, .apoZero, .apoDown, .sft].contains(self) }
        /// Sorts over the whole batch.
        var couplesPairs: Bool { self == .aot || self == .aotUnpaired }
    }

    /// A pair's loss, and its derivatives by s_w and s_l.
    struct PairLoss {
        let value: Double
        let byChosen: Double
        let byRejected: Double

        /// A function of s_w and s_l; slopes are by x_w and x_l.
        init(_ value: Double, _ byChosen: Double, _ byRejected: Double, beta: Double = 1) {
            (self.value, self.byChosen, self.byRejected) = (value, beta * byChosen, beta * byRejected)
        }

        /// A function of the margin alone.
        init(margin value: Double, _ slope: Double, beta: Double = 1) { self.init(value, slope, -slope, beta: beta) }
    }

    /// The loss of a pair with the scores s_w and s_l, in nats. `sft` is no function of a pair: see `loss`.
    static func pairLoss(chosen: Double, rejected: Double, _ parameters: Parameters) -> PairLoss {
        let (beta, epsilon) = (parameters.beta, parameters.labelSmoothing)
        let (xw, xl) = (beta * chosen, beta * rejected)
        let x = xw - xl
        switch parameters.lossType {
        case .sigmoid, .sigmoidNorm, .aot, .aotUnpaired:  // −(1 − ε) log σ(x) − ε log σ(−x): Rafailov et al. eq. 7, Mitchell
            let value = -(1 - epsilon) * logSigmoid(x) - epsilon * logSigmoid(-x)
            return PairLoss(margin: value, epsilon * sigmoid(x) - (1 - epsilon) * sigmoid(-x), beta: beta)
        case .hinge:  // max(0, 1 − x): Zhao et al.
            return x < 1 ? PairLoss(margin: 1 - x, -1, beta: beta) : PairLoss(margin: 0, 0)
        case .ipo:  // (s_w − s_l − 1/(2β))²: Azar et al. eq. 17
            let error = chosen - rejected - 1 / (2 * beta)
            return PairLoss(margin: error * error, 2 * error)
        case .exoPair:  // KL(q‖p), q = (σ(x), σ(−x)), p = (1 − ε, ε): Ji et al. eq. 16
            let q = sigmoid(x)
            let value = q * (logSigmoid(x) - log1p(-epsilon)) + sigmoid(-x) * (logSigmoid(-x) - log(epsilon))
            return PairLoss(margin: value, q * sigmoid(-x) * (x - log1p(-epsilon) + log(epsilon)), beta: beta)
        case .ncaPair:  // −log σ(x_w) − ½ log σ(−x_w) − ½ log σ(−x_l): Chen et al.
            let value = -logSigmoid(xw) - (logSigmoid(-xw) + logSigmoid(-xl)) / 2
            return PairLoss(value, sigmoid(xw) / 2 - sigmoid(-xw), sigmoid(xl) / 2, beta: beta)
        case .robust:  // [−(1 − ε) log σ(x) + ε log σ(−x)] / (1 − 2ε): Chowdhury et al.
            let value = epsilon * logSigmoid(-x) - (1 - epsilon) * logSigmoid(x)
            let slope = -epsilon * sigmoid(x) - (1 - epsilon) * sigmoid(-x)
            return PairLoss(margin: value / (1 - 2 * epsilon), slope / (1 - 2 * epsilon), beta: beta)
        case .bcoPair:  // −log σ(x_w) − log σ(−x_l): Jung et al., without their running mean δ
            return PairLoss(-logSigmoid(xw) - logSigmoid(-xl), -sigmoid(-xw), sigmoid(xl), beta: beta)
        case .sppoHard:  // (s_w − 1/(2β))² + (s_l + 1/(2β))²: Wu et al. eq. 4.7 with P = 1 and 0
            let (winner, loser) = (chosen - 1 / (2 * beta), rejected + 1 / (2 * beta))
            return PairLoss(winner * winner + loser * loser, 2 * winner, 2 * loser)
        case .apoZero:  // 1 − σ(x_w) + σ(x_l): D'Oosterlinck et al. eq. 7
            return PairLoss(sigmoid(-xw) + sigmoid(xl), -bell(xw), bell(xl), beta: beta)
        case .apoDown:  // σ(x_w) + 1 − σ(x): D'Oosterlinck et al. eq. 8
            return PairLoss(sigmoid(xw) + sigmoid(-x), bell(xw) - bell(x), bell(x), beta: beta)
        case .discopop:  // (1 − w)(−log σ(x)) + w e⁻ˣ, w = σ(x/τ): Lu et al. eq. 5
            let tau = parameters.discopopTau
            let w = sigmoid(x / tau)
            let part = exp(logSigmoid(x / tau) - x)  // w e⁻ˣ; for x → −∞ the factors alone are 0 and ∞
            let value = sigmoid(-x / tau) * -logSigmoid(x) + part
            let slope = sigmoid(-x / tau) * (w * logSigmoid(x) / tau - sigmoid(-x) + part / tau) - part
            return PairLoss(margin: value, slope, beta: beta)
        case .sft: return PairLoss(margin: 0, 0)
        }
    }

    /// σ′(x)
    private static func bell(_ x: Double) -> Double { sigmoid(x) * sigmoid(-x) }

    // MARK: - Over the whole batch

    /// `aot` (Melnyk et al. 2024): the margins of the policy and of the reference, each in order of size. The references change places
    /// with one another so that the k-th smallest margin of the policy stands beside the reference's k-th smallest.
    static func sortedReferences(_ references: [Double], scores: [Double], pairs: [Pair]) -> [Double] {
        func order(_ values: [Double]) -> [Int] {
            let margins = pairs.map { values[$0.chosen] - values[$0.rejected] }
            return margins.indices.sorted { (margins[$0], $0) < (margins[$1], $1) }
        }
        var sorted = references
        for (own, other) in zip(order(scores), order(references)) {
            sorted[pairs[own].chosen] = references[pairs[other].chosen]
            sorted[pairs[own].rejected] = references[pairs[other].rejected]
        }
        return sorted
    }

    /// `aot_unpaired`: the k-th smallest log-ratio of the chosen against the k-th smallest of the rejected.
    static func sortedPairs(_ pairs: [Pair], ratios: [Double]) -> [Pair] {
        func order(_ places: [Int]) -> [Int] { places.sorted { (ratios[$0], $0) < (ratios[$1], $1) } }
        return zip(order(pairs.map(\.chosen)), order(pairs.map(\.rejected))).map { Pair(chosen: $0, rejected: $1) }
    }
}
