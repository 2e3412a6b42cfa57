import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

/// One iteration of a run, in its worker process, that tells what the run would cost; see ``RehearsalServices``.
struct Rehearsal {
    let folder: RunFolder
    let stop: StopSignal
    let instances: Instances

    static func file(_ folder: RunFolder) -> URL { folder.url.appending(path: "forecast.json") }
    /// An iteration that took at most so many seconds is made twice: the second one is not slowed by what is new in the first.
    private static let short = 10.0

    func run() throws {
        RunEvent.send(.phase("loading"))
        let spec = try folder.readSpec()
        Engine.configure(threads: spec.threads)
        let plugin = try Plugin(spec)
        let (stage, description) = try plugin.subject(of: spec)
        let programBytes = Engine.residentBytes - Engine.fileBackedBytes
        let programHeap = Engine.heapBytes
        var setup = try StageSetup(spec, needs: description.needs)
        let prepared = RehearsedPreparation()
        setup.rehearsal = prepared
        setup.say = { _ in }
        let services = try setup.services(folder: folder, stop: stop)
        defer { services.server?.end() }
        let rehearsal = RehearsalServices(services, limit: stage.microbatchTokens)
        let parameters = try JSON.text(stage.parameters[stage.algorithm] ?? [:])
        let algorithm = instances.keep(
            try plugin.create(stage.algorithmID, host: HostTable(rehearsal), parameters: parameters))
        services.model.ledger.programBytes = programBytes
        services.rewards.noteWeights(&services.model.ledger)
        var loading = secondsNow() - processStart - prepared.spentSeconds

        RunEvent.send(.phase("measuring one iteration"))
        func iteration() throws -> Iteration {
            rehearsal.begin()
            let (ledger, spent, start) = (services.model.ledger, services.spent(stage), secondsNow())
            try services.timingStep { try algorithm.step() }
            let seconds = secondsNow() - start
            services.model.ledger.algorithmSteps += 1
            loading += rehearsal.loadingSeconds
            let charges = services.model.ledger.charges(since: ledger)
            let own = max(0, seconds - rehearsal.spentSeconds - rehearsal.loadingSeconds)
            return Iteration(
                charges: charges, seconds: own + charges.chargedSeconds, taken: seconds - rehearsal.loadingSeconds,
                share: services.spent(stage) - spent, left: 1 - spent)
        }
        let first = try iteration()
        var found = first
        if first.taken < Self.short { found = try iteration() }
        let share = stage.budget.axis == .seconds ? found.seconds / stage.budget.amount : found.share
        guard share > 0 else {
            throw ZooError(
                .failedPrecondition,
                "stage '\(stage.name)': an iteration of '\(stage.algorithm)' spends nothing of its budget, "
                    + "\(stage.budget.axis.rawValue): how many there will be cannot be told")
        }
        let iterations = max(1, Int((first.left / share - 1e-6).rounded(.up)))
        let spared = 1 - rehearsal.share(of: iterations)
        found.charges.add(charges: rehearsal.scores, times: -spared)
        found.seconds -= spared * rehearsal.scores.chargedSeconds
        let evaluation = try evaluation(setup, spec, services, algorithm, found.charges, iterations) {
            try plugin.create(stage.algorithmID, host: $0, parameters: parameters)
        }
        var held = services.model.ledgerWithBytes()
        try held.noteMemory(programHeap: programHeap, device: services.model.device)
        try OutputFile.write(
            JSON.encode(
                forecast(stage, services, held, found, iterations) {
                    $0.evaluationSeconds = evaluation
                    $0.preparedSeconds = prepared.seconds
                    $0.loadingSeconds = loading
                }), to: Self.file(folder))
    }

    private struct Iteration {
        var charges: Ledger
        /// Of a whole one, and of what was done of it here.
        var seconds: Double
        var taken: Double
        /// Of the budget, and what was left of that before it.
        var share: Double
        var left: Double
    }

    private func forecast(
        _ stage: Stage, _ services: RunServices, _ held: Ledger, _ found: Iteration, _ iterations: Int,
        _ complete: (inout Forecast) -> Void
    ) throws -> Forecast {
        var ledger = held
        for (name, account) in ledger.roles {
            let charged = found.charges.roles[name] ?? Ledger.Account()
            ledger.roles[name]?.seconds = charged.seconds
            ledger.roles[name]?.flops = charged.flops
            ledger.roles[name]?.steps = charged.steps
            if account.heldBytes == 0, charged.totalSeconds == 0 { ledger.roles[name] = nil }
        }
        (ledger.rewardSeconds, ledger.rewardQueries) = (found.charges.rewardSeconds, found.charges.rewardQueries)
        (ledger.environmentSeconds, ledger.dataSeconds) = (found.charges.environmentSeconds, found.charges.dataSeconds)
        (ledger.sampledSteps, ledger.updates) = (found.charges.sampledSteps, found.charges.updates)
        (ledger.algorithmSteps, ledger.seconds, ledger.preparedSeconds) = (1, found.seconds, 0)
        let roles = services.model.roles.built
        let kept = roles[services.keptPolicy] ?? roles["reward"]
        let saved = stage.save.compactMap { roles[$0.rawValue] }
        var forecast = Forecast(
            stage: stage.name, algorithm: stage.algorithm, ledger: ledger,
            trained: roles.filter { $0.value.optimizer != nil }.mapValues(\.numbers), iterations: iterations,
            seconds: found.seconds, modelBytes: ([kept].compactMap(\.self) + saved).reduce(0) { $0 + $1.numbers * 4 },
            checkpointBytes: Checkpoint.bytes(services, stage.checkpoints),
            checkpoints: Checkpoint.kept(stage.checkpoints, iterations))
        complete(&forecast)
        return forecast
    }

    /// Seconds of all evaluations of the run.
    private func evaluation(
        _ setup: StageSetup, _ spec: RunSpec, _ services: RunServices, _ algorithm: AlgorithmInstance, _ iteration: Ledger,
        _ iterations: Int, make: @escaping (HostTable) throws -> AlgorithmInstance
    ) throws -> Double {
        guard spec.evaluates, let evaluation = spec.recipe.evaluation else { return 0 }
        RunEvent.send(.phase("measuring the evaluation"))
        let measurement = try Measurement(evaluation, setup, services, algorithm, stop: stop, make: make)
        return try measurement.forecast(of: iteration, iterations: iterations)
    }
}
