import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// A run's measurements of its model: samples for held-out prompts, and the algorithm's loss on held-out rows.
struct Measurement {
    private let evaluator: Evaluator?
    private let heldOut: HeldOut?
    private let algorithm: AlgorithmInstance

    /// - Parameter make: makes another instance of the algorithm.
    init(
        _ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices, _ algorithm: AlgorithmInstance, stop: StopSignal,
        make: @escaping (HostTable) throws -> AlgorithmInstance
    ) throws {
        self.algorithm = algorithm
        evaluator = try evaluation.prompts.map { _ in try Evaluator(evaluation, setup, services, stop: stop) }
        heldOut = try HeldOut(evaluation, setup, services, make: make)
    }

    var hasHeldOutRows: Bool { heldOut != nil }

    /// - Parameter samples: whether there is a policy to sample from.
    func run(samples: Bool = true) throws -> EvaluationResult {
        let sampled = try samples ? evaluator?.run() : nil
        var result = sampled ?? EvaluationResult(metrics: [:], reference: [:], samples: [])
        if let heldOut { result.metrics.merge(try heldOut.measure(algorithm)) { $1 } }
        return result
    }
}
