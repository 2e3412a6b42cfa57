import Foundation
import Synchronization
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// Follows the runs of a controller. Called from several threads.
public protocol RunObserver: Sendable {
    /// An event of the run of that name.
    func observe(_ run: String, _ event: RunEvent)
}

/// Runs recipes: first the earlier stages as cached artifacts, then training runs, each in a worker process.
public struct RunController: Sendable {
    public private(set) var recipe: Recipe
    public let plugins: PluginCatalog
    private let observer: any RunObserver
    private let command: [String]

    /// Checks the recipe against the plugins: every stage's algorithm exists and accepts its parameters.
    public init(_ recipe: Recipe, plugins: PluginCatalog, observer: any RunObserver, command: [String] = CommandLine.arguments)
        throws
    {
        self.recipe = recipe
        self.plugins = plugins
        self.observer = observer
        self.command = command
        for stage in recipe.stages { try check(stage) }
        _ = try recipe.makeTask()
    }

    /// The same with another seed of the recipe, which determines new weights, the stages' data order and what is built for them.
    func seeded(_ seed: UInt64) -> RunController {
        var other = self
        other.recipe.seed = seed
        return other
    }

    /// Refuses what the stage's plugin would refuse, and data that the algorithm needs and the stage does not name.
    func check(_ stage: Stage) throws {
        let file = recipe.file.path
        let algorithm = try plugins.offer(stage.algorithm).algorithm
        for (name, parameters) in stage.parameters.sorted(by: { $0.key < $1.key }) {
            try plugins.offer(name).algorithm.check(parameters, recipe: "\(file): stage '\(stage.name)'")
        }
        guard algorithm.needs.data.contains(where: stage.data.has) else {
            let wanted = algorithm.needs.data.map { "'data.\($0.rawValue)'" }.joined(separator: " or ")
            throw ZooError(.invalidArgument, "\(file): algorithm '\(stage.algorithm)' needs \(wanted) in stage '\(stage.name)'")
        }
        try algorithm.needs.checkBudget(of: stage, recipe: file)
        try check(stage.rewards, "stage '\(stage.name)'")
        try check(recipe.evaluation?.gold ?? [], "evaluation.gold")
        if algorithm.needs.services.contains("zoo.reward/1"), stage.rewards.isEmpty {
            throw ZooError(.invalidArgument, "\(file): algorithm '\(stage.algorithm)' needs 'rewards' in stage '\(stage.name)'")
        }
        if algorithm.needs.roles.contains("reward"), stage.reward == nil {
            throw ZooError(.invalidArgument, "\(file): algorithm '\(stage.algorithm)' needs 'reward' in stage '\(stage.name)'")
        }
        if algorithm.needs.roles.contains("teacher"), stage.teacher == nil {
            throw ZooError(.invalidArgument, "\(file): algorithm '\(stage.algorithm)' needs 'teacher' in stage '\(stage.name)'")
        }
    }

    private func check(_ rewards: [RewardSpec], _ place: String) throws {
        for reward in rewards where reward.function != RewardSpec.model {
            do { try RewardKind.check(reward.function, parameters: reward.parameters, task: recipe.task?.name) } catch {
                throw ZooError(.invalidArgument, "\(recipe.file.path): \(place): \(plainWords(error))")
            }
        }
    }

    /// The stage as it runs, and its preset; nil if it names none.
    func resolved(_ stage: Stage) throws -> (stage: Stage, preset: PresetUse?) {
        try stage.resolved(plugins.offer(stage.algorithm))
    }

    /// Reports which preset a run uses, and what of the recipe it overrides.
    func announce(_ stage: Stage, as name: String) throws {
        guard let preset = try resolved(stage).preset else { return }
        observer.observe(name, .message(preset.sentence))
    }

    /// Reads every row of the data of these recipes, which differ in the last stage and its evaluation, as their algorithms will:
    /// nothing is trained on data that would end a run later.
    ///
    /// - Parameter recipes: by default this controller's.
    func checkData(_ recipes: [Recipe]? = nil) throws {
        var check = DataCheck()
        for recipe in recipes ?? [recipe] {
            try check.read(recipe) { stage in
                let needs = try plugins.offer(stage.algorithm).algorithm.needs
                var kinds = Set(needs.data)
                if kinds.contains(.pairs), case .build? = stage.data.pairs { kinds.insert(.prompts) }
                return kinds
            }
        }
        try check.require()
    }

    // MARK: - Artifacts

    /// The model folders of all stages but the last; missing ones are made, at most `jobs` at a time.
    public func artifacts(jobs: Int = 2) async throws -> [String: String] {
        var models: [String: String] = [:]
        var waiting = Array(recipe.stages.dropLast())
        while !waiting.isEmpty {
            // Stages are in order: those that depend on nothing unfinished can run now.
            let ready = waiting.filter { stage in dependencies(stage).allSatisfy { models[$0] != nil } }
            guard !ready.isEmpty else {
                throw ZooError(.invalidArgument, "\(recipe.file.path): the stages depend on one another circularly")
            }
            let known = models
            let made = try await concurrently(ready, jobs: jobs) { stage in try artifact(stage, known) }
            for (stage, folder) in zip(ready, made) { models[stage.name] = folder }
            waiting.removeAll { stage in ready.contains { $0.name == stage.name } }
        }
        return models
    }

    func dependencies(_ stage: Stage) -> [String] {
        let sources =
            [stage.policy, stage.reference, stage.teacher, stage.reward, stage.critic?.source] + stage.rewards.map(\.source)
        return sources.compactMap { source in
            guard case .stage(let name)? = source else { return nil }
            return name.split(separator: "/").first.map(String.init)
        }
    }

    private func artifact(_ stage: Stage, _ models: [String: String]) throws -> String {
        let spec = try spec(stage, seed: recipe.seed, models: models, evaluates: false)
        let folder = try spec.keptFolder()
        _ = try ArtifactStore.use(folder.url) {
            try folder.isWhole()
        } make: {
            // A damaged artifact is removed completely. A stopped run continues: the folder's name is the hash of what goes into
            // it.
            if folder.isDone { OutputFolder.discard(folder.url) }
            let lock = try FolderLock(folder.url, "artifact", being: "made")
            folder.sweep()
            try folder.create(spec)
            try announce(stage, as: stage.name)
            try work(folder, lock, name: stage.name)
        }
        return folder.model.path
    }

    // MARK: - Runs

    /// - Parameter evaluation: replaces the recipe's if a variant has another.
    func spec(
        _ stage: Stage, seed: UInt64, models: [String: String], evaluates: Bool, evaluation: Evaluation? = nil
    ) throws -> RunSpec {
        var own = recipe
        own.evaluation = evaluation ?? own.evaluation
        own.probe = nil  // it says nothing of a run
        let (resolved, preset) = try resolved(stage)
        if let index = own.stages.firstIndex(where: { $0.name == stage.name }) { own.stages[index] = resolved }
        let offer = try plugins.offer(stage.algorithm)
        var spec = RunSpec(
            recipe: own, stage: stage.name, seed: seed, plugin: offer.plugin.path, preset: preset, models: models,
            evaluates: evaluates, command: command)
        spec.madeFrom = try MadeFrom(spec, offer)
        return spec
    }

    /// Makes the stages before the last one, and a folder for a run of the last one.
    ///
    /// - Throws: `.alreadyExists` if the named folder is not empty, `.failedPrecondition` if another process has it.
    public func place(_ place: RunPlace, seed: UInt64) async throws -> PlacedRun {
        try place.refuseTaken()
        try checkData()
        let models = try await artifacts()
        guard let stage = recipe.stages.last else { throw ZooError(.invalidArgument, "\(recipe.file.path) has no stages") }
        let spec = try spec(stage, seed: seed, models: models, evaluates: recipe.evaluation != nil)
        let left = try place.unfinished("run", being: "trained") { folder in
            let run = RunFolder(folder)
            guard run.isBegun, (try? run.holds(spec)) == true else { return nil }
            return !run.isDone
        }
        if let left { return PlacedRun(folder: RunFolder(left.folder), goesOn: true, lock: left.lock, stage: stage) }
        let (folder, lock) = try place.take("run", being: "trained")
        try place.refuseTaken()
        try RunFolder(folder).create(spec)
        return PlacedRun(folder: RunFolder(folder), goesOn: false, lock: lock, stage: stage)
    }

    /// Trains the last stage in its folder and evaluates it.
    public func train(_ run: PlacedRun) async throws {
        try announce(run.stage, as: run.stage.name)
        _ = try await concurrently([run.folder], jobs: 1) { try work($0, run.lock, name: run.stage.name) }
    }

    /// Continues a stopped run; with a larger budget also a finished one that kept its checkpoint.
    ///
    /// - Parameter changes: of the budget only.
    /// - Throws: if the run is finished, or with the name of whatever has changed since it was started.
    public static func resume(_ folder: RunFolder, changes: [Override] = [], observer: any RunObserver) async throws {
        let spec = try folder.readSpec()
        let lock = try FolderLock(folder.url, "run", being: "trained")
        folder.sweep()
        guard !folder.isDone || !changes.isEmpty else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) is finished: there is nothing to resume; continue it with a larger budget, such as --set "
                    + "budget.\(spec.budget.axis.rawValue)=\(RecipeNode.number(2 * spec.budget.amount).found)")
        }
        let catalog = try await PluginCatalog.scan(file: spec.plugin)
        let continuation = try Continuation(folder, spec, catalog)
        if !changes.isEmpty {
            for line in try continuation.extend(by: changes) { observer.observe(spec.stage, .message(line)) }
        }
        for model in spec.models.values { try ArtifactStore.hold(URL(filePath: model).deletingLastPathComponent()) }
        _ = try await concurrently([folder], jobs: 1) { try Self.work($0, lock, name: spec.stage, observer: observer) }
    }

    func work(_ folder: RunFolder, _ lock: FolderLock, name: String) throws {
        try Self.work(folder, lock, name: name, observer: observer)
    }

    /// Runs another kind of worker, with its log in `folder`.
    func work(_ arguments: [String], in folder: URL, _ lock: FolderLock, name: String) async throws {
        let observer = observer
        _ = try await concurrently([arguments], jobs: 1) {
            try Self.work($0, in: folder, lock, name: name, observer: observer, again: "run the command again")
        }
    }

    /// Runs one folder's run in a worker process to its end.
    private static func work(_ folder: RunFolder, _ lock: FolderLock, name: String, observer: any RunObserver) throws {
        folder.sweep()
        try work(
            ["run", folder.url.path], in: folder.url, lock, name: name, observer: observer,
            again: "continue with: zoo train --resume \(folder.url.path)")
        // Whatever its process said.
        guard folder.isDone else {
            throw ZooError(.aborted, "run '\(name)' ended early: \(folder.done.path) does not exist")
        }
    }

    /// Runs a worker to its end. Throws the worker's own error, or how it ended.
    ///
    /// - Parameter lock: of the folder, which the worker holds too.
    private static func work(
        _ arguments: [String], in folder: URL, _ lock: FolderLock, name: String, observer: any RunObserver, again: String
    ) throws {
        let failure = Mutex<ZooError?>(nil)
        let isDone = Atomic(false)
        let isStopped = Atomic(false)
        let log = folder.appending(path: "log.txt")
        if !FileManager.default.fileExists(atPath: log.path) { try OutputFile.write(Data(), to: log) }
        let logFile = try FileHandle(forWritingTo: log)
        try logFile.seekToEnd()
        let lastLine = Mutex("")
        var worker = Worker(
            ["worker"] + arguments,
            output: .lines { line in
                guard let event = RunEvent.parse(line) else { return observer.observe(name, .message(line)) }
                if case .failure(let code, let message) = event {
                    failure.withLock { $0 = ZooError(.init(rawValue: code) ?? .unknown, message) }
                }
                if case .done = event { isDone.store(true, ordering: .relaxed) }
                if case .stopped = event { isStopped.store(true, ordering: .relaxed) }
                observer.observe(name, event)
            },
            errors: .lines { line in
                lastLine.withLock { $0 = line }
                // A log that cannot be written does not end the run; the line is the run's last output and is shown on failure.
                try? logFile.write(contentsOf: Data((line + "\n").utf8))
            })
        worker.lock = lock
        let exit = try worker.runAndWait()
        try logFile.close()
        if let error = failure.withLock({ $0 }) { throw error }
        switch exit {
        case .ok where isDone.load(ordering: .relaxed): return
        case .ok:
            throw ZooError(
                .aborted,
                "run '\(name)' ended early: its process called exit(0), which only the algorithm's plugin can have done; see \(log.path)"
            )
        case .interrupted: throw ZooError(.cancelled, "stopped; \(again)")
        case .failed where isStopped.load(ordering: .relaxed):
            throw ZooError(.aborted, "run '\(name)' was stopped by a signal sent only to its process; \(again)")
        default:
            let last = lastLine.withLock { $0 }
            let detail = last.isEmpty ? "" : "; its last output: \(last)"
            throw ZooError(.aborted, "\(exit.sentence(about: "run '\(name)'"))\(detail); see \(log.path)")
        }
    }
}

/// Runs `body` for each element on separate threads, at most `jobs` at a time; the results are in order. Throws the first error,
/// after those in progress have ended.
func concurrently<T: Sendable, R: Sendable>(_ elements: [T], jobs: Int, _ body: @escaping @Sendable (T) throws -> R) async throws
    -> [R]
{
    try await withThrowingTaskGroup(of: (Int, R).self) { group in
        var next = 0
        var results: [Int: R] = [:]
        func start() {
            guard next < elements.count else { return }
            let (index, element) = (next, elements[next])
            next += 1
            group.addTask { (index, try await onThread { try body(element) }) }
        }
        for _ in 0..<max(1, jobs) { start() }
        while let (index, result) = try await group.next() {
            results[index] = result
            start()
        }
        return elements.indices.compactMap { results[$0] }
    }
}

/// Runs blocking work on a separate thread.
private func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}
