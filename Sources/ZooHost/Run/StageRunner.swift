import Foundation
import Logging
import ZooData
import ZooKit
import ZooModels
import ZooTensor

/// One run, in its worker process: from the spec in the run's folder to the trained model beside it.
public struct StageRunner {
    private let folder: RunFolder
    private let stop: StopSignal
    private let sinks: [any MetricSink]
    private let spec: RunSpec

    /// - Parameter sinks: take the metrics besides `metrics.jsonl`; made for the steps after the given one.
    public init(_ folder: RunFolder, stop: StopSignal, sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink])
        throws
    {
        self.folder = folder
        self.stop = stop
        spec = try folder.readSpec()
        let step = try Checkpoint(folder: folder).newest() ?? 0
        self.sinks = try [JSONLinesSink(folder.metrics, after: step)] + sinks(folder, step)
    }

    /// Runs to the end of the budget, or to a stop with a checkpoint. Returns whether the run is whole.
    public func run() throws -> Bool {
        RunEvent.send(.phase("loading"))
        Engine.configure(threads: spec.threads)
        let plugin = try Plugin(path: spec.plugin)
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }),
            let description = plugin.description.algorithm(stage.algorithm)
        else {
            throw ZooError(.notFound, "\(spec.plugin) offers no algorithm for stage '\(spec.stage)'")
        }
        try Files.write(JSON.encode(RunEnvironment(spec, plugin.description)), to: folder.environment)
        let setup = try StageSetup(spec, needs: description.needs)
        let services = try setup.services(folder: folder, stop: stop, logger: Logger(label: stage.algorithm))
        let table = HostTable(services)
        let parameters = String(decoding: try JSON.encode(stage.parameters[stage.algorithm] ?? [:], pretty: false), as: UTF8.self)
        let algorithm = try plugin.create(stage.algorithm, host: table, parameters: parameters)
        let checkpoint = Checkpoint(folder: folder)
        if let step = try checkpoint.newest() {
            try checkpoint.restore(step, into: services, algorithm: algorithm)
            RunEvent.send(.message("going on from step \(step)"))
        }
        guard try train(stage, services, algorithm, checkpoint) else { return false }
        try finish(setup, services)
        return true
    }

    // MARK: - Training

    private func train(_ stage: Stage, _ services: RunServices, _ algorithm: AlgorithmInstance, _ checkpoint: Checkpoint) throws
        -> Bool
    {
        let model = services.model
        var saved = model.ledger.algorithmSteps
        while true {
            let fraction = services.spent(stage)
            if fraction >= 1 { return true }
            if stop.isRaised {
                if saved < model.ledger.algorithmSteps {
                    try checkpoint.save(step: model.ledger.algorithmSteps, services: services, algorithm: algorithm)
                }
                return false
            }
            model.progress = fraction
            let start = secondsNow()
            try algorithm.step()
            model.ledger.seconds += secondsNow() - start
            model.ledger.algorithmSteps += 1
            try record(stage, services)
            let step = model.ledger.algorithmSteps
            if stage.checkpointEvery > 0, step - saved >= stage.checkpointEvery {
                try checkpoint.save(step: step, services: services, algorithm: algorithm)
                saved = step
            }
        }
    }

    private func record(_ stage: Stage, _ services: RunServices) throws {
        let ledger = services.model.ledger
        let cost = [
            ("budget/sampled_steps", Double(ledger.sampledSteps)), ("budget/reward_queries", Double(ledger.rewardQueries)),
            ("budget/updates", Double(ledger.updates)),
            ("budget/flops", ledger.totalFLOPs), ("budget/seconds", ledger.seconds),
        ]
        let values = services.metrics.take()
        let record = MetricRecord(step: ledger.algorithmSteps, values: values + cost.map { (name: $0.0, value: $0.1) })
        for sink in sinks { try sink.record(record) }
        RunEvent.send(
            .step(
                record.step, fraction: services.spent(stage),
                metrics: Dictionary(values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })))
    }

    // MARK: - The end

    private func finish(_ setup: StageSetup, _ services: RunServices) throws {
        for sink in sinks { try sink.close() }
        let roles = services.model.roles
        let trained = ["policy", "reward"].first { (roles.built[$0]?.version ?? 0) > 0 }
        guard let trained else {
            throw ZooError(.failedPrecondition, "algorithm '\(setup.stage.algorithm)' updated neither policy nor reward")
        }
        try saveModel(try roles.role(trained), setup)
        var ledger = services.model.ledgerWithBytes()
        ledger.processPeakBytes = Engine.peakBytes
        try Files.write(JSON.encode(ledger), to: folder.ledger)
        if spec.evaluates, trained == "policy", let evaluation = spec.recipe.evaluation {
            RunEvent.send(.phase("evaluating"))
            let result = try Self.evaluate(evaluation, setup, services, stop: stop)
            try Files.write(JSON.encode(result), to: folder.evaluation)
            let lines = try result.samples.map { try String(decoding: JSON.encode($0, pretty: false), as: UTF8.self) + "\n" }
            try Files.write(Data(lines.joined().utf8), to: folder.samples)
        }
        // The checkpoint has served: the model beside it says the same.
        if FileManager.default.fileExists(atPath: folder.checkpoints.path) {
            try FileManager.default.removeItem(at: folder.checkpoints)
        }
        try Files.write(Data(), to: folder.done)
        RunEvent.send(.done)
    }

    static func evaluate(_ evaluation: Evaluation, _ setup: StageSetup, _ services: RunServices, stop: StopSignal) throws
        -> EvaluationResult
    {
        try Evaluator(
            services: services, gold: setup.rewards(evaluation.gold, stop: stop),
            prompts: setup.files.dataset(evaluation.prompts, expecting: [.prompt, .promptCompletion]), evaluation: evaluation,
            setup: setup
        ).run()
    }

    /// The model's folder in Hugging Face's layout, whole or not at all.
    private func saveModel(_ role: Role, _ setup: StageSetup) throws {
        let part = folder.url.appending(path: ".model.tmp", directoryHint: .isDirectory)
        let files = FileManager.default
        if files.fileExists(atPath: part.path) { try files.removeItem(at: part) }
        try files.createDirectory(at: part, withIntermediateDirectories: true)
        try role.network.save(to: part)
        try setup.codec.write(to: part)
        if files.fileExists(atPath: folder.model.path) { try files.removeItem(at: folder.model) }
        try files.moveItem(at: part, to: folder.model)
        Files.synchronize(folder: folder.url)
    }
}
