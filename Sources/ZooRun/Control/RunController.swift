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
    let observer: any RunObserver
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
        if algorithm.needs.services.contains("zoo.reward/1"), stage.rewards.isEmpty, stage.environment == nil {
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
        for reward in rewards where reward.isFunction {
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
        for recipe in recipes ?? [recipe] { try checkMemory(recipe) }
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
        for recipe in recipes ?? [recipe] { try checkPrograms(recipe) }
    }

    /// Everything that a run would be refused for before anything is made: memory, every row of the data, the programs.
    public func checkEverything() throws { try checkData() }

    /// Starts every program that a recipe's rewards and environments name and hears that it speaks their protocol, and makes every
    /// reward of a library, in workers.
    private func checkPrograms(_ recipe: Recipe) throws {
        var seen: [ExternalProgram] = []
        func isNew(_ program: ExternalProgram) -> Bool {
            defer { seen.append(program) }
            return !seen.contains(program)
        }
        for spec in recipe.stages.flatMap(\.rewards) + (recipe.evaluation?.gold ?? []) {
            if let program = spec.program, isNew(program) { try RewardProgram(spec, program).start() }
            if let library = spec.library { try LibraryReward.check(spec, library) }
        }
        for environment in recipe.stages.compactMap(\.environment) where isNew(environment.program) {
            try EnvironmentProgram(environment).start()
        }
        for stage in recipe.stages {
            guard let server = stage.rollout.server else { continue }
            let isText = try recipe.images == nil && recipe.task?.makesImages != true && TabularTask(recipe) == nil
            guard isText else { throw StageSetup.notServed(stage, recipe) }
            guard isNew(server.program) else { continue }
            let nowhere = FileManager.default.temporaryDirectory.appending(path: "zoo-\(UUID().uuidString)")
            try RolloutServer(server, folder: nowhere).check(isAdapter: stage.lora != nil)
        }
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
        try PluginStore.keep(offer.plugin.path, sha256: offer.plugin.sha256)
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
    /// - Parameter isProfiled: whether the run's folder gets a profile, ``RunFolder/profile``.
    public func train(_ run: PlacedRun, isProfiled: Bool = false) async throws {
        try announce(run.stage, as: run.stage.name)
        let observer = observer
        _ = try await concurrently([run.folder], jobs: 1) {
            try Self.work($0, run.lock, name: run.stage.name, observer: observer, isProfiled: isProfiled)
        }
    }

    /// Continues a stopped run; with a larger budget also a finished one that kept its checkpoint.
    ///
    /// - Parameter changes: of the budget only.
    /// - Throws: if the run is finished, or with the name of whatever has changed since it was started.
    public static func resume(
        _ folder: RunFolder, changes: [Override] = [], isProfiled: Bool = false, observer: any RunObserver
    ) async throws {
        let (spec, lock) = try await prepare(folder, changes, observer)
        _ = try await concurrently([folder], jobs: 1) {
            try Self.work($0, lock, name: spec.stage, observer: observer, isProfiled: isProfiled)
        }
    }

    /// Locks a run that is to continue, and checks that it can.
    static func prepare(_ folder: RunFolder, _ changes: [Override], _ observer: any RunObserver) async throws -> (
        RunSpec, FolderLock
    ) {
        let spec = try folder.readSpec()
        let lock = try FolderLock(folder.url, "run", being: "trained")
        folder.sweep()
        guard !folder.isDone || !changes.isEmpty else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) is finished: there is nothing to resume; continue it with a larger budget, such as --set "
                    + "budget.\(spec.budget.axis.rawValue)=\(RecipeNode.number(2 * spec.budget.amount).found)")
        }
        let (catalog, note) = try await Continuation.plugins(folder, spec)
        let continuation = try Continuation(folder, spec, catalog)
        if let note { observer.observe(spec.stage, .message(note)) }
        if !changes.isEmpty {
            for line in try continuation.extend(by: changes) { observer.observe(spec.stage, .message(line)) }
        }
        for model in spec.models.values { try ArtifactStore.hold(URL(filePath: model).deletingLastPathComponent()) }
        return (spec, lock)
    }

    func work(_ folder: RunFolder, _ lock: FolderLock, name: String) throws {
        try Self.work(folder, lock, name: name, observer: observer)
    }

    /// Runs another kind of worker, with its log in `folder`.
    func work(_ arguments: [String], in folder: URL, _ lock: FolderLock, name: String) async throws {
        let work = RunWork(name: name, folder: folder, plugin: nil, observer: observer, again: "run the command again")
        _ = try await concurrently([arguments], jobs: 1) { try work.run($0, lock) }
    }

    /// Runs one folder's run in a worker process to its end.
    ///
    /// - Parameter launch: where it is rank 0 of several.
    static func work(
        _ folder: RunFolder, _ lock: FolderLock, name: String, observer: any RunObserver, isProfiled: Bool = false,
        as launch: Launch? = nil
    ) throws {
        folder.sweep()
        folder.note(nil)
        do { try finish(folder, lock, name: name, observer: observer, isProfiled: isProfiled, as: launch) } catch {
            folder.note(RunEnding(error))
            throw error
        }
    }

    /// A word about a program that a run logs to, for people and for the run's log.
    private static func warn(_ line: String, _ folder: RunFolder, _ name: String, _ observer: any RunObserver) {
        observer.observe(name, .message("warning: log_to: \(line)"))
        guard let log = try? RunLog(in: folder.url) else { return }
        log.note("[warning] log_to: \(line)")
        try? log.close()
    }

    private static func finish(
        _ folder: RunFolder, _ lock: FolderLock, name: String, observer: any RunObserver, isProfiled: Bool, as launch: Launch?
    ) throws {
        let spec = try folder.readSpec()
        // Earlier stages are made once for many runs.
        let isRun = spec.stage == spec.recipe.stages.last?.name && !spec.recipe.logTo.isEmpty
        let logging = isRun ? RunLogging(folder, spec) { warn($0, folder, name, observer) } : nil
        let work = RunWork(
            name: name, folder: folder.url, plugin: spec.plugin, observer: Told(observer, logging),
            again: "continue with: zoo train --resume \(folder.url.path)", launch: launch)
        do { try work.run(["run", folder.url.path] + (isProfiled ? ["--profile"] : []), lock) } catch {
            logging?.end(RunEnding(error))
            throw error
        }
        logging?.end(folder.isDone ? nil : RunEnding(ZooError(.aborted, "it ended early")))
        // Whatever its process said.
        guard folder.isDone else {
            throw ZooError(.aborted, "run '\(name)' ended early: \(folder.done.path) does not exist")
        }
    }
}

/// Passes what happens in a run on to the programs of its `log_to`.
private struct Told: RunObserver {
    let observer: any RunObserver
    private let logging: RunLogging?

    init(_ observer: any RunObserver, _ logging: RunLogging?) { (self.observer, self.logging) = (observer, logging) }

    func observe(_ run: String, _ event: RunEvent) {
        logging?.note(event)
        observer.observe(run, event)
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
