// Direct Preference Optimization, the starting point of this plugin.
//
// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290 (eq. 7).
//
//   h = β [(log π(w) − log π_ref(w)) − (log π(l) − log π_ref(l))]        w, l: the chosen and the rejected of a pair
//   L = −(1/P) Σ log σ(h)                                                 P pairs of the batch
import ZooKit

struct Method: Algorithm {
    static let id = "my-plugin"
    static let title = "MyPlugin"
    static let summary = "Raises the likelihood of the chosen sequence of each pair against the rejected one."
    static let paper = "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290"
    static let needs = Needs(data: .pairs, roles: [.policy, .reference], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Preference pairs of an iteration.", in: 1...1_000_000, counts: .pairs) var pairs = 64
        @Parameter("How strongly the policy is held to the reference.", in: 0...1000) var beta = 0.1
    }

    let parameters: Parameters
    let host: Host

    /// The loss of a slice of whole pairs, and its derivative by each sequence's log-likelihood. A pure function.
    static func loss(scores: [Double], references: [Double], pairs: [Pair], count: Int, beta: Double) -> Loss {
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: scores.count)
        for pair in pairs {
            let (w, l) = (pair.chosen, pair.rejected)
            let h = beta * (scores[w] - references[w] - scores[l] + references[l])
            loss -= logSigmoid(h) / Double(count)
            gradient[w] = -beta * sigmoid(-h) / Double(count)
            gradient[l] = beta * sigmoid(-h) / Double(count)
        }
        return Loss(loss, [.score: gradient])
    }

    func step() throws {
        var batch = try host.data.pairs(parameters.pairs)
        let count = try Pair.all(in: batch).count
        batch.set("reference_score", perSequence: try host.model.forward(.reference, batch, [.score])[.score])
        let update = try host.model.update(.policy, batch, [.score], .grouped) { slice, outputs in
            Self.loss(
                scores: try outputs[.score], references: try slice.sequences("reference_score"), pairs: try Pair.all(in: slice),
                count: count, beta: parameters.beta)
        }
        try host.log("loss", update.loss, over: count)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(Method.self) }
