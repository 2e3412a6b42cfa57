// Supervised fine-tuning: cross entropy on the actions of examples.
//
// L = −(1/N) Σ_s Σ_t log π(y_t | x, y_<t), over the N actions of the update: a mean over actions, so a long example weighs more than
// a short one (TRL's default, and that of most trainers).
//
// Where the examples have no actions of their own, as where the policy gives no more than a bound of their likelihood, it is
// L = −(1/n) Σ_s score_s over the n examples.
//
// Departures: none.
import ZooKit

struct SFT: Algorithm {
    static let id = "sft"
    static let title = "Supervised fine-tuning"
    static let summary = "Maximum likelihood of the completions of a dataset."
    static let paper = "Ouyang et al. 2022, https://arxiv.org/abs/2203.02155 (step 1)"
    static let needs = Needs(data: .examples, roles: [.policy], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Examples of an update.", in: 1...1_000_000, counts: .examples) var examples = 32
    }

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// −(1/N) Σ log π over `actions` = N actions, and its derivative, the constant −1/N. All arrays are per step.
    static func loss(logp: [Double], mask: [Bool], actions: Int) -> Loss {
        let share = 1 / Double(actions)
        let loss = masked(logp, mask).reduce(0) { $0 - $1 * share }
        return Loss(loss, [.logp: mask.map { $0 ? -share : 0 }])
    }

    /// −(1/n) Σ score over `examples` = n sequences, and its derivative, the constant −1/n. Arrays are per sequence.
    static func loss(scores: [Double], examples: Int) -> Loss {
        let share = 1 / Double(examples)
        return Loss(scores.reduce(0) { $0 - $1 * share }, [.score: scores.map { _ in -share }])
    }

    // MARK: - One iteration

    func step() throws {
        let batch = try host.data.examples(parameters.examples)
        if batch.stepCount == 0, batch.sequenceCount > 0 { return try stepOnScores(batch) }
        let actions = batch.actionCount
        guard actions > 0 else {
            throw ZooError(
                .invalidArgument, "the \(batch.sequenceCount) examples have no completion; expected at least one action")
        }
        let update = try host.model.update(.policy, batch, [.logp, .entropy], .separable) { slice, outputs in
            Self.loss(logp: try outputs[.logp], mask: slice.mask, actions: actions)
        }
        try host.log("loss", update.loss, over: actions)
        try host.log("entropy", maskedMean(try update.outputs[.entropy], batch.mask), over: actions)
        try host.log("num_tokens", Double(actions), .sum)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }

    private func stepOnScores(_ batch: Batch) throws {
        let examples = batch.sequenceCount
        let update = try host.model.update(.policy, batch, [.score], .separable) { _, outputs in
            Self.loss(scores: try outputs[.score], examples: examples)
        }
        try host.log("loss", update.loss, over: examples)
        try host.log("grad_norm", update.gradientNorm)
        try host.log("lr", update.learningRate, .last)
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(SFT.self) }
