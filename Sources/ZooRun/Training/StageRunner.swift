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

/// One run, in its worker process: from the spec in the run's folder to the trained model.
public struct StageRunner {
    private let folder: RunFolder
    private let stop: StopSignal
    private let sinks: [any MetricSink]
    private let spec: RunSpec
    /// The checkpoint that the run continues from; nil for a new run.
    private let start: Int?
    private let instances: Instances
    private let profile: Profile?
    /// nil: this process trains alone.
    private let launch: Launch?
    /// Whether this process writes the run's files; where several train it, rank 0 does.
    private var writes: Bool { launch.map { $0.rank == 0 } ?? true }

    /// - Parameters:
    ///   - instances: holds the algorithm until the run's end was reported.
    ///   - isProfiled: whether the run's folder gets a profile of this process.
    ///   - sinks: receive the metrics in addition to `metrics.jsonl`, after the given iteration.
    public init(
        _ folder: RunFolder, stop: StopSignal, instances: Instances = Instances(), isProfiled: Bool = false,
        sinks: (_ folder: RunFolder, _ after: Int) throws -> [any MetricSink]
    ) throws {
        self.folder = folder
        self.stop = stop
        self.instances = instances
        profile = isProfiled ? Profile() : nil
        launch = try Launch.ofWorker()
        spec = try folder.readSpec()
        start = try Checkpoint(folder: folder).newest()
        let writes = launch.map { $0.rank == 0 } ?? true
        self.sinks = try writes ? [JSONLinesSink(folder.metrics, after: start ?? 0)] + sinks(folder, start ?? 0) : []
    }

    /// Runs to the end of the budget, or to a stop with a checkpoint. Returns whether the run is finished.
    public func run() throws -> Bool {
        defer {
            do { try profile?.write(to: folder.profile) } catch {
                RunEvent.send(.message("warning: the profile cannot be written: \(error)"))
            }
        }
        RunEvent.send(.phase("loading"))
        Engine.configure(threads: spec.threads)
        let plugin = try Plugin(spec)
        let (stage, description) = try plugin.subject(of: spec)
        try check(plugin.description)
        // Without the code, more of which is paged in later.
        let programBytes = Engine.residentBytes - Engine.fileBackedBytes
        let programHeap = Engine.heapBytes
        let setup = try StageSetup(spec, needs: description.needs, device: launch?.device(spec.recipe.device))
        let services = try setup.services(folder: folder, stop: stop)
        defer { services.server?.end() }
        let ranks = try joined(services, stage)
        if writes { try noteEnvironment(plugin.description, ranks) }
        let table = HostTable(profile.map { ProfilingServices(services, $0) } ?? services)
        if let profile {
            services.model.observe = { profile.note($0, .passes, since: $1, to: $2, flops: $3, steps: $4) }
        }
        let parameters = try JSON.text(stage.parameters[stage.algorithm] ?? [:])
        let algorithm = instances.keep(try plugin.create(stage.algorithmID, host: table, parameters: parameters))
        let checkpoint = Checkpoint(folder: folder, settings: stage.checkpoints)
        if let step = start {
            try checkpoint.restore(step, into: services, algorithm: algorithm)
            RunEvent.send(.message("resuming after iteration \(step)"))
        }
        let evaluator =
            try spec.evaluates
            ? spec.recipe.evaluation.map { evaluation in
                try Measurement(evaluation, setup, services, algorithm, stop: stop) {
                    try plugin.create(stage.algorithmID, host: $0, parameters: parameters)
                }
            } : nil
        services.model.ledger.programBytes = programBytes
        services.rewards.noteWeights(&services.model.ledger)
        let clock = WallClock(services.model, profile)
        clock.end(.loading, since: processStart)
        guard try train(setup, services, algorithm, checkpoint, evaluator, clock) else { return false }
        try finish(setup, services, evaluator, clock, programHeap: programHeap)
        try services.model.ranks?.meet("the end of the run")
        return true
    }

    /// Joins the other ranks of a launch, after what each prepares for itself. nil: this process trains alone.
    ///
    /// - Returns: who they are.
    private func joined(_ services: RunServices, _ stage: Stage) throws -> RunEnvironment.RankNote? {
        let recipe = spec.recipe
        guard launch != nil || recipe.reproducible else { return nil }
        func refuse(_ reason: String) -> ZooError {
            let what = recipe.reproducible ? "reproducible: true" : "a run on several ranks"
            return ZooError(.invalidArgument, "\(recipe.file.path): \(what) needs \(reason)")
        }
        guard recipe.device == "cpu" || !recipe.reproducible else {
            throw refuse("device: cpu, and the recipe's is \(recipe.device)")
        }
        guard services.server == nil else {
            throw refuse("samples that each rank can draw again, and the stage has 'rollout.server'; remove one")
        }
        let ranks =
            try launch.map { try Ranks(joining: $0, reproducible: recipe.reproducible, timeout: recipe.rankTimeout) }
            ?? Ranks(reproducible: true)
        (services.model.ranks, services.rewards.ranks) = (ranks, ranks)
        ranks.notice = services.model.notice
        services.model.roles.share(over: ranks, above: stage.memory.shardOptimizer)
        try ranks.use(services.model.device)
        guard let launch else { return nil }
        var print = RankPrint()
        print.add("the checkpoint that it continues from", [start ?? 0])
        print.add("the recipe", Array(try JSON.text(recipe.json).utf8))
        try ranks.agree(print, "the start of the run")
        let hosts = try ranks.texts(ProcessInfo.processInfo.hostName, "the machines")
        return RunEnvironment.RankNote(launcher: launch.launcher, hosts: hosts)
    }

    // MARK: - Training

    private func train(
        _ setup: StageSetup, _ services: RunServices, _ algorithm: AlgorithmInstance, _ checkpoint: Checkpoint,
        _ evaluator: Measurement?, _ clock: WallClock
    ) throws -> Bool {
        let stage = setup.stage
        let model = services.model
        model.progress = { [unowned services] in services.spent(stage) }
        model.takeClock = { [unowned services] in try services.takeClock(stage) }
        let first = model.ledger.algorithmSteps
        var saved = first
        var watch = ProgressWatch(stage, services)
        var left = TimeLeft()
        let steps = StepWatch { [id = stage.algorithmID, path = folder.url.path] sentence in
            RunEvent.send(
                .message(
                    "warning: \(sentence): '\(id)' is slow or hangs. The run waits; Ctrl-C twice, or `kill -9 \(getpid())`, ends it, and "
                        + "`zoo train --resume \(path)` continues it from its newest checkpoint"))
        }
        let ranks = model.ranks
        var best = try stage.best.map { try BestKeeper($0, folder, writes: writes) }
        if best != nil, evaluator == nil {
            throw ZooError(.invalidArgument, "stage '\(stage.name)': 'best' needs an 'evaluation', by which a model is best")
        }
        if let evaluator, saved == 0, try evaluator.begin() { try record(setup, services, evaluator, &best, clock, left) }
        while true {
            try services.takeClock(stage)
            let fraction = services.spent(stage)
            if fraction >= 1 {
                if let best { RunEvent.send(.message(best.sentence)) }
                let isKept = try writes && stage.checkpoints.afterEnd && checkpoint.newest() == model.ledger.algorithmSteps
                if stage.checkpoints.afterEnd, try ranks?.any(isKept, "whether the end is kept") ?? isKept == false {
                    try save(checkpoint, services, algorithm, clock)
                }
                return true
            }
            // A signal reaches one rank before another: all end after the same iteration.
            if try ranks?.any(stop.isRaised, "whether to stop") ?? stop.isRaised {
                if saved < model.ledger.algorithmSteps {
                    try save(checkpoint, services, algorithm, clock)
                }
                return false
            }
            let start = secondsNow()
            try steps.during(iteration: model.ledger.algorithmSteps + 1) {
                try services.timingStep {
                    guard let profile else { return try algorithm.step() }
                    try profile.time("step", .plugin) { try algorithm.step() }
                }
            }
            HostChannel.endCopies()
            try services.takeClock(stage)
            model.ledger.algorithmSteps += 1
            left.note(seconds: secondsNow() - start, share: services.spent(stage) - fraction)
            try record(setup, services, evaluator, &best, clock, left)
            let step = model.ledger.algorithmSteps
            if step == first + 1, writes { checkpoint.announce(stage.checkpoints, of: services) }
            if stage.checkpoints.every > 0, step - saved >= stage.checkpoints.every {
                let start = secondsNow()
                try save(checkpoint, services, algorithm, clock)
                left.noteCheckpoint(seconds: secondsNow() - start)
                saved = step
            }
            do { if let note = try watch.note() { RunEvent.send(.message(note)) } } catch {
                if saved < step { try save(checkpoint, services, algorithm, clock) }
                throw error
            }
        }
    }

    /// A run resumes with the same plugin.
    private func check(_ plugin: PluginDescription) throws {
        if let expected = spec.pluginSHA256, expected != plugin.sha256 {
            throw ZooError(
                .failedPrecondition,
                "\(plugin.path) is not the build that the run was started with: expected sha256 \(expected), found \(plugin.sha256); restore "
                    + "it, or start a new run")
        }
    }

    /// The environment is recorded once.
    private func noteEnvironment(_ plugin: PluginDescription, _ ranks: RunEnvironment.RankNote?) throws {
        guard !FileManager.default.fileExists(atPath: folder.environment.path) else { return }
        let environment = RunEnvironment(spec, plugin, libtorch: Engine.version, ranks: ranks)
        try OutputFile.write(JSON.encode(environment), to: folder.environment)
    }

    private func save(
        _ checkpoint: Checkpoint, _ services: RunServices, _ algorithm: AlgorithmInstance, _ clock: WallClock
    ) throws {
        try clock.time(.checkpoints) {
            // A checkpoint implies the metrics before it: they must be on disk if it is.
            for sink in sinks { try sink.synchronize() }
            try checkpoint.save(step: services.model.ledger.algorithmSteps, services: services, algorithm: algorithm)
        }
    }

    /// The metrics of the last iteration, or of the initial policy; evaluations during training as `eval/…`.
    private func record(
        _ setup: StageSetup, _ services: RunServices, _ evaluator: Measurement?, _ best: inout BestKeeper?, _ clock: WallClock,
        _ left: TimeLeft
    ) throws {
        let stage = setup.stage
        let step = services.model.ledger.algorithmSteps
        var measured: [(name: String, value: Double)] = []
        if let result = try evaluator?.alongTheWay(fraction: services.spent(stage)) {
            measured = result.metrics.sorted { $0.key < $1.key }.map { ("eval/\($0.key)", $0.value) }
            try best?.note(result.metrics, iteration: step) { target in
                try clock.time(.saving) { try save(services.model.roles.role(services.keptPolicy), to: target, setup) }
            }
            if let png = try result.images?.png() { for sink in sinks { try sink.image(png, step: step) } }
        }
        try clock.time(.logging) {
            let ledger = services.model.ledger
            let cost = [
                ("budget/sampled_steps", Double(ledger.sampledSteps)), ("budget/reward_queries", Double(ledger.rewardQueries)),
                ("budget/updates", Double(ledger.updates)), ("budget/flops", ledger.totalFLOPs),
                ("budget/seconds", ledger.seconds),
            ]
            let values = services.common.values + services.metrics.take() + measured + cost.map { (name: $0.0, value: $0.1) }
            let record = MetricRecord(step: step, values: values)
            for sink in sinks { try sink.record(record) }
            let fraction = services.spent(stage)
            let training = left.seconds(after: fraction, checkpointEvery: stage.checkpoints.every)
            let evaluations = evaluator?.secondsLeft(iterations: Int(left.iterations(after: fraction) ?? 0)) ?? 0
            RunEvent.send(
                .step(
                    step, fraction: fraction,
                    metrics: Dictionary(values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
                    left: training.map { $0 + evaluations }))
        }
    }

    // MARK: - The end

    /// Writes the run's results, `done` last: if killed before that, the run continues from its checkpoint; after it, it is
    /// finished.
    private func finish(
        _ setup: StageSetup, _ services: RunServices, _ evaluator: Measurement?, _ clock: WallClock, programHeap: Int
    )
        throws
    {
        let roles = services.model.roles
        func isTrained(_ role: String) -> Bool { (roles.built[role]?.version ?? 0) > 0 }
        // A stage may train what it saves besides, a critic, and leave the policy as it is.
        let others = setup.stage.save.map(\.rawValue).filter(isTrained)
        guard let trained = ["policy", "reward"].first(where: isTrained) ?? (others.isEmpty ? nil : "policy") else {
            throw ZooError(.failedPrecondition, "algorithm '\(setup.stage.algorithm)' updated neither policy nor reward")
        }
        let kept = trained == "policy" ? services.keptPolicy : trained
        if writes {
            try clock.time(.saving) { try saveNetworks(setup, kept, roles) }
        }
        if let evaluator, trained == "policy" || evaluator.hasHeldOutRows {
            RunEvent.send(.phase("evaluating"))
            let result = try evaluator.run(samples: trained == "policy")
            if writes { try write(result, services) }
        }
        let ranks = try memoryOfRanks(services.model)
        guard writes else { return }
        try clock.time(.logging) { for sink in sinks { try sink.close() } }
        clock.stop()
        var ledger = services.model.ledgerWithBytes()
        try ledger.noteMemory(programHeap: programHeap, device: services.model.device)
        ledger.ranks = ranks
        try OutputFile.write(JSON.encode(ledger), to: folder.ledger)
        try folder.finish(networks: setup.stage.save.map(\.rawValue))
    }

    /// What every rank's process has taken; nil where there is one.
    private func memoryOfRanks(_ model: NetworkService) throws -> [Ledger.RankMemory]? {
        guard let ranks = model.ranks, ranks.areSeveral else { return nil }
        let optimizers = model.roles.built.values.reduce(0) { $0 + ($1.optimizer?.bytes ?? 0) }
        let own = [Double(Engine.peakBytes), Double(optimizers)]
        return try ranks.numbers(own, "the memory of the ranks").map {
            Ledger.RankMemory(peakBytes: Int($0[0]), optimizerBytes: Int($0[1]))
        }
    }

    /// The trained model, and what the stage saves besides.
    private func saveNetworks(_ setup: StageSetup, _ kept: String, _ roles: Roles) throws {
        try save(try roles.role(kept), to: folder.model, setup)
        for other in setup.stage.save {
            guard let role = roles.built[other.rawValue] else {
                let sentence = "no \(other.rawValue) is saved: algorithm '\(setup.stage.algorithm)' built none"
                RunEvent.send(.message(sentence))
                continue
            }
            try save(role, to: folder.url.appending(path: other.rawValue, directoryHint: .isDirectory), setup)
        }
    }

    private func write(_ result: EvaluationResult, _ services: RunServices) throws {
        try OutputFile.write(JSON.encode(result), to: folder.evaluation)
        let lines = try result.samples.map { try JSON.text($0) + "\n" }
        if let images = result.images {
            try OutputFile.write(images.png(), to: folder.images)
            if !images.latentNames.isEmpty { try images.writeLatents(to: folder.latents) }
        } else if !lines.isEmpty {
            try OutputFile.write(Data(lines.joined().utf8), to: folder.samples)
        }
        for sink in sinks { try sink.evaluation(result, step: services.model.ledger.algorithmSteps) }
    }

    /// Writes a network's folder in Hugging Face's layout, atomically.
    private func save(_ role: RoleNetwork, to target: URL, _ setup: StageSetup) throws {
        try OutputFolder.write(target, existing: .replace) { part in
            try role.network.save(to: part)
            try setup.reader.write(to: part)
        }
    }
}

extension Plugin {
    /// The plugin of a run: its copy, which no rebuild changes.
    convenience init(_ spec: RunSpec) throws {
        let copy = spec.pluginSHA256.flatMap { PluginStore.found($0, of: spec.plugin) }
        try self.init(path: copy?.path ?? spec.plugin, as: spec.plugin)
    }

    /// The stage of a run, and what this plugin says of its algorithm.
    func subject(of spec: RunSpec) throws -> (stage: Stage, description: AlgorithmDescription) {
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }),
            let description = description.algorithm(stage.algorithmID)
        else {
            throw ZooError(.notFound, "\(spec.plugin) offers no algorithm for stage '\(spec.stage)'")
        }
        return (stage, description)
    }
}

/// Records the process's time outside iterations in the ledger.
private final class WallClock {
    private let model: NetworkService
    private let profile: Profile?
    /// Time of earlier processes of the run.
    private let earlier: Double

    init(_ model: NetworkService, _ profile: Profile?) {
        (self.model, self.profile) = (model, profile)
        earlier = model.ledger.wallSeconds
    }

    func time<Result>(_ phase: Ledger.Phase, _ body: () throws -> Result) rethrows -> Result {
        let start = secondsNow()
        stop()  // a checkpoint holds the time up to itself
        defer { end(phase, since: start) }
        return try body()
    }

    func end(_ phase: Ledger.Phase, since start: Double) {
        model.ledger.note(phase, seconds: secondsNow() - start)
        profile?.note(phase.rawValue, .run, since: start)
    }

    /// Records the process's time so far.
    func stop() { model.ledger.wallSeconds = earlier + secondsNow() - processStart }
}
