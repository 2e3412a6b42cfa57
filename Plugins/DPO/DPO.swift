// Direct Preference Optimization: a classification loss on preference pairs.
//
// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290 (eq. 7), and the losses that came after it; Losses.swift has a line for each,
// Divergences.swift the f-divergences that may stand in the reverse KL's place.
//
//   s(y) = f′(π(y)/π_ref(y)), log π(y) − log π_ref(y) for the reverse KL;   L = (1/P) Σ ℓ(s(y_w), s(y_l)) over P pairs
//
// Departures:
// 1. `ipo` divides the scores by the number of actions, as TRL and the authors of DPO do; `ipo_average` false takes the sums of the
//    paper (and OpenRLHF).
// 2. `label_smoothing` and `f_divergence_type` are refused for losses without them; TRL ignores them there without a word, for
//    `sigmoid` as well, which here has the label smoothing of Mitchell 2023, as in the authors' code, OpenRLHF and torchtune.
// 3. `aot` and `aot_unpaired` sort the whole update however the host cuts it; TRL sorts each micro-batch of an accumulation for itself.
// 4. No weighted sum of losses, WPO weighting, or LD-DPO's `ld_alpha`.
import ZooKit

struct DPO: Algorithm {
    static let id = "dpo"
    static let title = "Direct Preference Optimization"
    static let summary = "Raises the likelihood of chosen over rejected answers, relative to the reference; samples nothing."
    static let paper = "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290"
    static let needs = Needs(data: .pairs, roles: [.policy, .reference], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Preference pairs of an update.", in: 1...1_000_000, counts: .pairs) var pairs = 32
        @Parameter("The loss of a pair; the page of dpo has the formula of each.") var lossType = LossType.sigmoid
        @Parameter("Weight β of the KL to the reference, per nat; for ipo the τ of its paper.", in: 1e-6...1_000_000)
        var beta = 0.1
        @Parameter(
            "Probability ε that a label is the wrong way round; for sigmoid, robust (below 0.5), aot, aot_unpaired, and exo_pair, which "
                + "needs it above 0.",
            in: 0...0.5) var labelSmoothing = 0.0
        @Parameter("Divergence from the reference; for all losses but aot, aot_unpaired, apo_zero, apo_down and sft.")
        var fDivergenceType = Divergence.reverseKL
        @Parameter("α of alpha_divergence: 1 is the reverse KL, 0 the forward KL.", in: -10...10) var fAlphaDivergenceCoef = 0.5
        @Parameter("Temperature τ of discopop.", in: 1e-6...1000) var discopopTau = 0.05
        @Parameter("For ipo: divide each score by its sequence's number of actions.") var ipoAverage = true

        func validate() throws {
            func refuse(_ name: String, _ value: String, _ reason: String) throws {
                let loss = "loss_type '\(lossType.rawValue)'"
                throw ZooError(.invalidArgument, "parameter '\(name)' is \(value); \(loss) \(reason)")
            }
            if labelSmoothing > 0, !lossType.takesLabelSmoothing {
                try refuse("label_smoothing", "\(labelSmoothing)", "takes none: set it to 0")
            }
            if labelSmoothing == 0, lossType == .exoPair {
                try refuse("label_smoothing", "0", "takes its logarithm: set it above 0, such as 0.001")
            }
            if labelSmoothing == 0.5, lossType == .robust {
                try refuse("label_smoothing", "0.5", "divides by 1 − 2ε: set it below 0.5")
            }
            if fDivergenceType != .reverseKL, !lossType.takesDivergence {
                try refuse("f_divergence_type", fDivergenceType.rawValue, "is written in log-ratios: set it to reverse_kl")
            }
        }
    }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// What means are over in the whole update.
    struct Denominators {
        let pairs: Double
        /// Actions of all chosen sequences, at least 1.
        let chosenActions: Double

        init(_ batch: Batch, _ pairs: [Pair]) {
            let actions = batch.actionCounts
            self.pairs = Double(pairs.count)
            chosenActions = Double(max(pairs.reduce(0) { $0 + actions[$1.chosen] }, 1))
        }
    }

    /// The loss of a slice of whole pairs, and its derivative by log π(y). All arrays are per sequence, [n].
    static func loss(
        scores: [Double], references: [Double], actions: [Int], pairs: [Pair], over whole: Denominators, _ parameters: Parameters
    ) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: scores.count)
        if parameters.lossType == .sft {  // −log π(y_w) per action of all chosen answers
            for pair in pairs {
                loss -= scores[pair.chosen] / whole.chosenActions
                gradient[pair.chosen] -= 1 / whole.chosenActions
            }
            return Loss(loss, [.score: gradient])
        }
        let references =
            parameters.lossType == .aot ? sortedReferences(references, scores: scores, pairs: pairs) : references
        let ratios = zip(scores, references).map { $0 - $1 }  // log π(y)/π_ref(y)
        let isPerAction = parameters.lossType == .sigmoidNorm || parameters.lossType == .ipo && parameters.ipoAverage
        let terms = zip(ratios, actions).map { ratio, actions in
            let (value, slope) = parameters.fDivergenceType.score(ratio, alpha: parameters.fAlphaDivergenceCoef)
            let divisor = isPerAction ? Double(max(actions, 1)) : 1
            return (score: value / divisor, slope: slope / divisor)
        }
        for pair in parameters.lossType == .aotUnpaired ? sortedPairs(pairs, ratios: ratios) : pairs {
            let (chosen, rejected) = (terms[pair.chosen], terms[pair.rejected])
            let result = pairLoss(chosen: chosen.score, rejected: rejected.score, parameters)
            loss += result.value / whole.pairs
            gradient[pair.chosen] += result.byChosen * chosen.slope / whole.pairs
            gradient[pair.rejected] += result.byRejected * rejected.slope / whole.pairs
        }
        return Loss(loss, [.score: gradient])
    }

    // MARK: - One iteration

    func step() throws {
        var batch = try host.data.pairs(parameters.pairs)
        let pairs = try Pair.all(in: batch)
        batch.set("reference_score", perSequence: try host.model.forward(.reference, batch, [.score])[.score])
        let whole = Denominators(batch, pairs)
        let cut: Cut = parameters.lossType.couplesPairs ? .whole : .grouped
        let update = try host.model.update(.policy, batch, [.score], cut) { slice, outputs in
            Self.loss(
                scores: try outputs[.score], references: try slice.sequences("reference_score"), actions: slice.actionCounts,
                pairs: try Pair.all(in: slice), over: whole, parameters)
        }
        try logUpdate(batch, pairs, update)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(DPO.self) }
