import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// One probe, in its worker process: trains the driver to each point, freezes it there, and compares gradients on its samples.
struct ProbeRunner {
    let folder: ProbeFolder
    let spec: ProbeSpec
    private let probe: Probe
    private let setup: StageSetup
    private let services: RunServices
    private let driver: AlgorithmInstance
    private let plugins: [Plugin]
    /// Draws the probe's samples; the driver's training does not notice them.
    private let generator: Generator
    private let data: RowService
    private let instances: Instances
    private static let referenceParts = 8

    init(_ folder: ProbeFolder, stop: StopSignal, instances: Instances) throws {
        self.folder = folder
        self.instances = instances
        let spec = try folder.readSpec()
        self.spec = spec
        probe = spec.probe
        Engine.configure(threads: probe.threads ?? spec.run.recipe.threads)
        let plugin = try Plugin(spec.run)
        let (stage, description) = try plugin.subject(of: spec.run)
        try OutputFile.write(
            JSON.encode(RunEnvironment(spec.run, plugin.description, libtorch: Engine.version)), to: folder.environment)
        var needs = description.needs
        needs.data.append(.prompts)
        let setup = try StageSetup(spec.run, needs: needs)
        self.setup = setup
        let services = try setup.services(folder: RunFolder(folder.url), stop: stop)
        let parameters = try JSON.text(stage.parameters[stage.algorithm] ?? [:])
        self.services = services
        driver = instances.keep(try plugin.create(stage.algorithmID, host: HostTable(services), parameters: parameters))
        plugins = try spec.algorithms.map { item in
            item.plugin == spec.run.plugin ? plugin : try Plugin(path: item.copy ?? item.plugin, as: item.plugin)
        }
        generator = Generator(seed: spec.run.seed &+ 0x9a0be)
        data = RowService(.init(prompts: try setup.prompts()), setup.modality, seed: spec.run.seed &+ 0x9a0be)
    }

    func run() throws {
        var result = ProbeResult(
            recipe: spec.run.recipe.name, driver: probe.driver, seed: spec.run.seed, batches: probe.batches,
            sequences: probe.prompts * probe.samples, samples: probe.samples, beta: probe.beta, points: [])
        services.model.progress = { [unowned services, stage = setup.stage] in services.spent(stage) }
        var step = 0
        let last = max(1, probe.at.last ?? 0)
        for (index, point) in probe.at.enumerated() {
            while step < point {
                try services.timingStep { try driver.step() }
                _ = services.metrics.take()
                services.model.ledger.algorithmSteps += 1
                step += 1
                report(index, "training \(probe.driver), step \(step)", Double(step) / Double(last) * 0.3)
            }
            let ledger = services.model.ledger
            result.points.append(try self.point(step, index))
            services.model.ledger = ledger
        }
        try OutputFile.write(JSON.encode(result), to: folder.result)
    }

    private func report(_ point: Int, _ phase: String, _ share: Double) {
        let points = Double(probe.at.count)
        RunEvent.send(.phase(phase))
        RunEvent.send(.step(point, fraction: min(0.999, (Double(point) + share) / points), metrics: [:], left: nil))
    }

    // MARK: - One point

    private func point(_ step: Int, _ index: Int) throws -> ProbeResult.Point {
        report(index, "sampling", 0.3)
        let batches = try (0..<probe.batches).map { _ in try draw(prompts: probe.prompts, samples: probe.samples) }
        let exact = try ExactTask(services, rollout: setup.stage.rollout, beta: probe.beta)
        let reference = try exact.map { [try $0.gradient(services)] } ?? self.reference()

        var gradients: [[Tensor]] = []
        var estimators: [(name: String, algorithm: String?, advantageVariance: Double?)] = []
        for (item, plugin) in zip(spec.algorithms, plugins) {
            report(index, item.name, 0.4 + 0.5 * Double(gradients.count) / Double(spec.algorithms.count + 3))
            let host = ProbeHost(services, algorithm: item.name, seed: spec.run.seed, batch: batches[0])
            let algorithm = instances.keep(
                try plugin.create(item.algorithm, host: HostTable(host), parameters: JSON.text(item.parameters)))
            gradients.append(
                try batches.map { batch in
                    host.batch = batch
                    try algorithm.step()
                    return try host.takeGradient()
                })
            let variances = host.advantageVariances
            estimators.append((item.name, item.algorithm, variances.mean))
        }
        if let exact {
            let known = try batches.map { try exact.baselines($0.rollout) }
            for (index, oracle) in known[0].enumerated() {
                var variances: [Double] = []
                gradients.append(
                    try zip(batches, known).map { batch, baselines in
                        let advantages = zip(batch.returns, baselines[index].values).map { $0 - $1 }
                        variances.append(maskedVariance(advantages, batch.rollout.mask))
                        return try PolicyGradient(services: services).estimate(batch.rollout, advantages: advantages)
                    })
                estimators.append(("oracle \(oracle.name)", nil, variances.mean ?? 0))
            }
        }
        let statistics = GradientStatistics(gradients: gradients, reference: reference)
        report(index, "values", 0.95)
        return ProbeResult.Point(
            step: step, kl: kl(batches), reward: batches.flatMap(\.total).mean ?? 0,
            referenceSequences: exact == nil ? Self.referenceParts * referencePrompts * referenceSamples : 0,
            estimators: estimators.enumerated().map { index, estimator in
                statistics.estimator(
                    index, name: estimator.name, algorithm: estimator.algorithm, advantageVariance: estimator.advantageVariance)
            },
            cosines: statistics.cosines(), baselines: try baselines(batches, exact))
    }

    private func draw(prompts: Int, samples: Int) throws -> FrozenBatch {
        let rollout = try services.generate(
            role: "policy", prompts: data.prompts(prompts), samples: samples, settings: setup.stage.rollout, generator: generator,
            row: data.promptRow)
        return try FrozenBatch(rollout, samples: samples, services, beta: probe.beta)
    }

    /// Nats a sequence to the reference, over all samples, without the rounding of single precision.
    private func kl(_ batches: [FrozenBatch]) -> Double {
        // A log-probability that is a mean over the numbers of an action, as an image's is, counts for all of them.
        let elements = Double(services.modality.info(.logp).dimensions)
        return ((batches.flatMap { $0.rollout.sequenceSums($0.logRatios) }.mean ?? 0) * elements * 1e5).rounded() / 1e5
    }

    // MARK: - The reference gradient

    private let referenceSamples = 16
    private var referencePrompts: Int { max(1, probe.reference / (Self.referenceParts * referenceSamples)) }

    /// Independent estimates from many samples, each against the mean of the others of its prompt.
    private func reference() throws -> [Tensor] {
        try (0..<Self.referenceParts).map { _ in
            let batch = try draw(prompts: referencePrompts, samples: referenceSamples)
            let baseline = leaveOneOutBaselines(batch.totals, groups: try batch.rollout.integers("group"))
            let advantages = zip(batch.returns, batch.rollout.perStep(baseline)).map { $0 - $1 }
            return try PolicyGradient(services: services).estimate(batch.rollout, advantages: advantages)
        }
    }

    // MARK: - Baselines

    private func baselines(_ batches: [FrozenBatch], _ exact: ExactTask?) throws -> [ProbeResult.Baseline] {
        let all = Batch.concatenated(batches.map(\.rollout))
        let returns = batches.flatMap(\.returns)
        let totals = batches.flatMap(\.totals)
        // Groups and batches keep their numbers apart.
        let groups = totals.indices.map { $0 / probe.samples }
        var found: [(name: String, values: [Double])] = []
        if services.model.roles.built["critic"] != nil {
            found.append(("critic", try batches.flatMap { try $0.forward("critic", ["value"], services)[0].doubles }))
        }
        func add(_ name: String, _ values: [Double]) {
            found.append((name, zip(all.perStep(values), all.mask).map { $1 ? $0 : 0 }))
        }
        add("group-mean", groupMeans(totals, groups: groups))
        add("leave-one-out", leaveOneOutBaselines(totals, groups: groups))
        let size = probe.prompts * probe.samples
        add("batch-mean", totals.indices.map { index in totals[index / size * size..<(index / size + 1) * size].mean ?? 0 })
        add("none", totals.map { _ in 0 })
        let oracles = try exact?.baselines(all) ?? []
        let truth =
            try oracles.first.map { MonteCarloValues(exact: $0.values, all) }
            ?? MonteCarloValues(
                services, all, rollout: setup.stage.rollout, count: probe.states, continuations: probe.continuations,
                beta: probe.beta, seed: spec.run.seed)
        return (found + oracles).map { baseline in
            ProbeResult.Baseline(
                name: baseline.name, values: baseline.values, returns: returns, mask: all.mask, truth: truth,
                continuations: exact == nil ? probe.continuations : 0)
        }
    }
}
