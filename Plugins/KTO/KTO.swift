// Kahneman-Tversky Optimization: each answer is wanted or not, by itself; no pair of answers to one prompt is needed.
//
// Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306 (eq. 7 and 8), as TRL and the authors' code write it:
//
//   r(x, y) = log π(y|x) − log π_ref(y|x),   z₀ = max(0, mean r(x_i, y_{i−1})), a constant
//   ℓ = λ_D (1 − σ(β (r − z₀))) of a wanted answer,   λ_U (1 − σ(β (z₀ − r))) of another;   L = (1/n) Σ ℓ
//
// `apo_zero_unpaired` is the same with z₀ = 0 (D'Oosterlinck et al. 2024, https://arxiv.org/abs/2408.06266, eq. 7, for answers alone).
//
// Departures:
// 1. The mismatched answers of z₀ are those of the whole update, each moved on by one prompt; TRL moves them within each device's
//    micro-batch, so that its numbers depend on how it accumulates.
// 2. Pairs give their wanted answers first and then the others, so that no answer meets its own prompt again in z₀.
import ZooKit

struct KTO: Algorithm {
    static let id = "kto"
    static let title = "Kahneman-Tversky Optimization"
    static let summary = "Raises wanted answers and lowers others against the reference; labels of single answers suffice."
    static let paper = "Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306"
    static let needs = Needs(data: .examples, .pairs, roles: [.policy, .reference], services: Needs.datasetServices)

    struct Parameters: ParameterSet {
        @Parameter("Where labels come from: preference pairs, taken apart, or examples with the column 'label'.")
        var data = Source.pairs
        @Parameter(
            "Labelled answers of an update; a pair is two of them.", in: 2...1_000_000, counts: .examples,
            formerly: ["batch_size"])
        var examples = 64
        @Parameter("The loss of an answer.") var lossType = LossType.kto
        @Parameter("Weight β of the KL to the reference, per nat.", in: 1e-6...1_000_000) var beta = 0.1
        @Parameter("Weight λ_D of wanted answers.", in: 0...1_000_000) var desirableWeight = 1.0
        @Parameter(
            "Weight λ_U of the others. The paper asks for λ_D·n_D / (λ_U·n_U) from 1 to 4/3, with n_D and n_U answers of each kind.",
            in: 0...1_000_000) var undesirableWeight = 1.0

        func validate() throws {
            guard data == .pairs, examples % 2 != 0 else { return }
            throw ZooError(.invalidArgument, "parameter 'examples' is \(examples); a pair is two answers: make it even")
        }
    }

    enum Source: String, CaseIterable, ParameterValue { case pairs, labels }
    enum LossType: String, CaseIterable, ParameterValue {
        case kto
        case apoZeroUnpaired = "apo_zero_unpaired"
    }

    static let presets = [
        Preset(
            "trl", source: "huggingface/trl@f2cd577 trl/trainer/kto_config.py", summary: "KTOConfig as it comes.",
            parameters: ["loss_type": "kto", "beta": 0.1, "desirable_weight": 1, "undesirable_weight": 1],
            notes: ["Learning rate 1e-6; z₀ is taken within each device's batch, which is the user's."]),
        Preset(
            "halos", source: "ContextualAI/HALOs@4831988 config/loss/kto.yaml", summary: "The authors' code as it comes.",
            parameters: ["loss_type": "kto", "beta": 0.1, "desirable_weight": 1, "undesirable_weight": 1],
            notes: [
                "AdamW with a learning rate of 5e-6 and 10% warm-up.",
                "Its z₀ leaves out sequences whose log-ratio is exactly 0, which here count.",
            ]),
    ]

    let parameters: Parameters
    let host: Host

    // MARK: - The objective

    /// The loss of a slice of `count` labelled answers, and its derivative by log π(y). All arrays are per sequence, [n].
    static func loss(
        scores: [Double], references: [Double], labels: [Int], z0: Double, count: Int, _ parameters: Parameters
    ) -> Loss {
        var loss = 0.0
        let gradient = scores.indices.map { i in
            let isWanted = labels[i] != 0
            let sign = isWanted ? 1.0 : -1
            let weight = (isWanted ? parameters.desirableWeight : parameters.undesirableWeight) / Double(count)
            let value = sigmoid(-sign * parameters.beta * (scores[i] - references[i] - z0))  // 1 − σ(±β(r − z₀))
            loss += weight * value
            return -sign * weight * parameters.beta * value * (1 - value)
        }
        return Loss(loss, [.score: gradient])
    }

    /// Each prompt with the completion of the sequence before it, the first with that of the last. A completion begins at a sequence's
    /// first action.
    static func mismatched(_ batch: Batch) -> Batch {
        let starts = (0..<batch.sequenceCount).map { sequence in
            batch.steps(of: sequence).first { batch.mask[$0] } ?? batch.steps(of: sequence).upperBound
        }
        var result = Batch()
        for sequence in starts.indices {
            let other = (sequence + starts.count - 1) % starts.count
            for steps in [
                batch.steps(of: sequence).lowerBound..<starts[sequence], starts[other]..<batch.steps(of: other).upperBound,
            ] {
                result.tokens += batch.tokens[steps]
                result.mask += batch.mask[steps]
            }
            result.offsets.append(result.mask.count)
        }
        return result
    }

    // MARK: - One iteration

    func step() throws {
        var batch = try labelled()
        let labels = try batch.integers("label")
        batch.set("reference_score", perSequence: try host.model.forward(.reference, batch, [.score])[.score])
        let z0 = parameters.lossType == .kto ? max(0, try divergence(batch)) : 0
        let count = batch.sequenceCount
        let update = try host.model.update(.policy, batch, [.score], .separable) { slice, outputs in
            Self.loss(
                scores: try outputs[.score], references: try slice.sequences("reference_score"),
                labels: try slice.integers("label"), z0: z0, count: count, parameters)
        }
        if parameters.lossType == .kto { try host.log("kl", z0, over: count) }
        try logUpdate(batch, labels, update)
    }

    /// Sequences with the column `label`, those of pairs in the order of departure 2.
    private func labelled() throws -> Batch {
        switch parameters.data {
        case .labels:
            let batch = try reading("pairs") { try host.data.examples(parameters.examples) }
            guard batch.column("label") != nil else {
                throw ZooError(
                    .invalidArgument,
                    "the examples have no column 'label'; expected true or false in each row (or data: pairs, to take pairs apart)"
                )
            }
            return try checked(batch)
        case .pairs:
            let batch = try reading("labels") { try host.data.pairs(parameters.examples / 2) }
            let pairs = try Pair.all(in: batch)
            var sequences = batch.selecting(pairs.map(\.chosen) + pairs.map(\.rejected))
            sequences.set(Column("label", perStep: false, .u8(pairs.map { _ in 1 } + pairs.map { _ in 0 })))
            return try checked(sequences)
        }
    }

    /// Says what else `data` may be, where the recipe has nothing of this kind.
    private func reading(_ other: String, _ read: () throws -> Batch) throws -> Batch {
        do { return try read() } catch let error as ZooError where error.code == .unavailable {
            throw ZooError(
                .unavailable, "\(error.message); or set kto's data to '\(other)' (it is '\(parameters.data.rawValue)' now)")
        }
    }

    private func checked(_ batch: Batch) throws -> Batch {
        guard batch.sequenceCount > 0 else { throw ZooError(.invalidArgument, "the batch has no sequences") }
        return batch
    }

    /// mean r(x_i, y_{i−1}), in nats a sequence.
    private func divergence(_ batch: Batch) throws -> Double {
        guard batch.tokens.count == batch.stepCount, batch.stepCount > 0 else {
            throw ZooError(
                .failedPrecondition,
                "loss_type 'kto' pairs prompts with other prompts' completions, and the steps here are not tokens: "
                    + "set loss_type to apo_zero_unpaired, which needs no such pairs")
        }
        guard batch.sequenceCount > 1 else {
            throw ZooError(
                .invalidArgument, "loss_type 'kto' needs at least two sequences to pair one's prompt with the other's answer")
        }
        let others = Self.mismatched(batch)
        // Per token, for the host remembers the reference's scores of whole sequences, and these do not come again.
        let logp = try host.model.forward(.policy, others, [.logp])[.logp]
        let reference = try host.model.forward(.reference, others, [.logp])[.logp]
        return mean(others.sequenceSums(zip(logp, reference).map { $0 - $1 }))
    }
}

@c(zoo_plugin_entry_v1)
public func entry() -> UnsafePointer<zoo_plugin_v1> { pluginTable(KTO.self) }
