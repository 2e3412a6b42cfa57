import Foundation
import Synchronization
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// One run of a comparison and its result.
public struct ComparedRun: Sendable {
    /// As tables name it.
    public var variant: String
    /// The seed of the stages before.
    public var base: UInt64
    public var seed: UInt64
    public var folder: RunFolder
    public var result: Result<(evaluation: EvaluationResult?, ledger: Ledger), ZooError>
}

/// Named variants of a recipe's last stage over seeds: the same base, data, prompts and evaluation, one process per run; and all
/// of that again over other base models if the comparison has several.
///
/// A run that dies is reported and the others continue.
public struct CompareController: Sendable {
    let controller: RunController
    let comparison: Comparison
    /// The recipe with the seed of each base model.
    let bases: [RunController]
    /// Variants that do not apply to the recipe's task and were not requested by name.
    public let leftOut: [String]

    public init(_ controller: RunController, variants: [String] = [], seeds: [UInt64] = [], bases: Int? = nil, jobs: Int? = nil)
        throws
    {
        guard var comparison = controller.recipe.compare else {
            throw ZooError(.invalidArgument, "\(controller.recipe.file.path) has no 'compare': list its variants there")
        }
        func isMeant(_ variant: Variant, by name: String) -> Bool { variant.name == name || variant.series == name }
        for name in variants where !comparison.variants.contains(where: { isMeant($0, by: name) }) {
            let known = comparison.variants.map(\.name).joined(separator: ", ")
            throw ZooError(.invalidArgument, "\(controller.recipe.file.path) has no variant '\(name)'; it has: \(known)")
        }
        if !variants.isEmpty {
            comparison.variants.removeAll { variant in !variants.contains { isMeant(variant, by: $0) } }
        }
        let task = controller.recipe.task?.name ?? ""
        leftOut = comparison.variants.filter { $0.exceptTasks.contains(task) }.map(\.name)
        if let name = variants.first(where: leftOut.contains) {
            throw ZooError(
                .invalidArgument,
                "\(controller.recipe.file.path): variant '\(name)' is excluded from task '\(task)' by its 'except_tasks'")
        }
        comparison.variants.removeAll { $0.exceptTasks.contains(task) }
        guard !comparison.variants.isEmpty else {
            throw ZooError(.invalidArgument, "\(controller.recipe.file.path) has no variant for task '\(task)'")
        }
        if !seeds.isEmpty { comparison.seeds = seeds }
        if let seed = comparison.seeds.first(where: { seed in comparison.seeds.count { $0 == seed } > 1 }) {
            throw ZooError(
                .invalidArgument, "\(controller.recipe.file.path): seed \(seed) is listed twice; expected distinct seeds")
        }
        if let jobs { comparison.jobs = jobs }
        if let bases { comparison.bases = bases }
        guard comparison.bases == 1 || controller.recipe.makesBase else {
            throw ZooError(
                .invalidArgument,
                "\(controller.recipe.file.path): compare.bases is \(comparison.bases), but no stage before the last trains a model: "
                    + "there is only one base model; set it to 1")
        }
        self.controller = controller
        self.comparison = comparison
        self.bases = (0..<UInt64(comparison.bases)).map { controller.seeded(controller.recipe.seed &+ $0) }
        let used = try comparison.variants.map { try controller.resolved(Self.stage($0, controller.recipe)).preset }
        let titles = zip(comparison.variants, used).map { $1?.title(of: $0.name) ?? $0.name }
        self.variants = titles
        presets = zip(titles, used).compactMap { title, preset in preset.map { (title, $0) } }
        for variant in comparison.variants {
            try refuseOtherChanges(of: variant)
            try controller.check(Self.stage(variant, controller.recipe))
        }
    }

    /// The names of the runs, in order.
    public var runs: [String] {
        comparison.variants.flatMap { variant in
            bases.flatMap { base in comparison.seeds.map { name(variant, base.recipe.seed, $0) } }
        }
    }
    /// The variants as tables name them.
    public let variants: [String]
    /// The presets of the variants that have one, in order.
    public let presets: [(variant: String, preset: PresetUse)]

    private func name(_ variant: Variant, _ base: UInt64, _ seed: UInt64) -> String {
        bases.count > 1 ? "\(variant.name)-base\(base)-seed\(seed)" : "\(variant.name)-seed\(seed)"
    }

    /// A variant must not change what all runs share: it may change the last stage, and how that is
    /// evaluated.
    private func refuseOtherChanges(of variant: Variant) throws {
        let (base, own) = (controller.recipe, try controller.recipe.applying(variant))
        let isShared =
            base.stages.dropLast() == own.stages.dropLast() && base.task == own.task && base.seed == own.seed
            && base.device == own.device && base.deterministic == own.deterministic && base.threads == own.threads
            && base.reproducible == own.reproducible
            && base.name == own.name
        guard !isShared else { return }
        throw ZooError(
            .invalidArgument,
            "\(base.file.path): variant '\(variant.name)' sets \(variant.set.keys.sorted().joined(separator: ", ")); expected changes of "
                + "only the last stage or 'evaluation': what all runs share belongs in a separate recipe with 'extends' and 'set'"
        )
    }

    /// The last stage as a variant has it.
    static func stage(_ variant: Variant, _ recipe: Recipe) throws -> Stage {
        guard let stage = try recipe.applying(variant).stages.last else {
            throw ZooError(.invalidArgument, "\(recipe.file.path) has no stages")
        }
        return stage
    }

    func checkData() throws {
        try controller.checkData(comparison.variants.map { try controller.recipe.applying($0) })
    }

    // MARK: - Running

    /// One run of the comparison.
    private struct Item: Sendable {
        let controller: RunController
        let variant: Variant
        let title: String
        let seed: UInt64

        var base: UInt64 { controller.recipe.seed }
    }

    /// Ordered by seed, so that an early look compares like with like.
    private var plan: [Item] {
        bases.flatMap { base in
            comparison.seeds.flatMap { seed in
                zip(comparison.variants, variants).map { Item(controller: base, variant: $0, title: $1, seed: seed) }
            }
        }
    }

    private func name(_ item: Item) -> String { name(item.variant, item.base, item.seed) }

    /// Makes the stages before the last one, and a folder for the comparison.
    ///
    /// - Throws: `.alreadyExists` if the named folder contains other runs, before any of it is touched; `.failedPrecondition` if
    ///   another process has it.
    public func place(_ place: RunPlace) async throws -> PlacedComparison {
        try Launch.refuse(for: "zoo compare")
        try place.refuseTaken(except: ComparisonRuns.file)
        try checkData()
        var models: [UInt64: [String: String]] = [:]
        for base in bases { models[base.recipe.seed] = try await base.artifacts(jobs: comparison.jobs) }
        let specs = try plan.map { item in
            try item.controller.spec(
                Self.stage(item.variant, item.controller.recipe), seed: item.seed, models: models[item.base] ?? [:],
                evaluates: item.controller.recipe.evaluation != nil,
                evaluation: item.controller.recipe.applying(item.variant).evaluation)
        }
        let runs = ComparisonRuns(
            runs: try Dictionary(zip(plan, specs).map { (name($0), try $1.madeFrom?.hash ?? "") }, uniquingKeysWith: { $1 }))
        let left = try place.unfinished("comparison", being: "made") { folder in
            guard try ComparisonRuns.read(in: folder) == runs else { return nil }
            return runs.runs.keys.contains { !RunFolder(folder.appending(path: $0)).isDone }
        }
        let (folder, lock) = try left ?? place.take("comparison", being: "made")
        let folders = plan.map { RunFolder(folder.appending(path: name($0), directoryHint: .isDirectory)) }
        // All are checked before the first is made: runs of two recipes cannot be compared.
        for (run, spec) in zip(folders, specs) where run.isBegun { try run.adopt(spec) }
        try runs.write(in: folder)
        return PlacedComparison(folder: folder, goesOn: left != nil, lock: lock, specs: specs)
    }

    /// Runs everything into folders below the comparison's. Finished runs there are kept.
    public func run(_ placed: PlacedComparison) async throws -> [ComparedRun] {
        for variant in comparison.variants {
            try controller.announce(Self.stage(variant, controller.recipe), as: variant.name)
        }
        let stopped = Mutex(false)
        let plan = zip(plan, placed.specs).map { (item: $0, spec: $1) }
        defer { withExtendedLifetime(placed.lock) {} }
        return try await concurrently(plan, jobs: comparison.jobs) { item in
            let (item, spec) = item
            let runName = name(item)
            let run = RunFolder(placed.folder.appending(path: runName, directoryHint: .isDirectory))
            let result = Result { () throws(ZooError) -> (evaluation: EvaluationResult?, ledger: Ledger) in
                if stopped.withLock({ $0 }) { throw ZooError(.cancelled, "not started: the comparison was stopped") }
                do {
                    let lock = try FolderLock(run.url, "run", being: "trained")
                    run.sweep()
                    try run.adopt(spec)
                    if !run.isDone { try item.controller.work(run, lock, name: runName) }
                    try run.verify("run")
                    let evaluated = FileManager.default.fileExists(atPath: run.evaluation.path)
                    return (
                        evaluated ? try JSON.decode(EvaluationResult.self, from: run.evaluation) : nil,
                        try JSON.decode(Ledger.self, from: run.ledger)
                    )
                } catch let error as ZooError {
                    if error.code == .cancelled { stopped.withLock { $0 = true } }
                    throw error
                } catch {
                    throw ZooError(plain: error)
                }
            }
            return ComparedRun(variant: item.title, base: item.base, seed: item.seed, folder: run, result: result)
        }
    }
}

extension Recipe {
    /// Whether another seed of the recipe gives another initial model.
    public var makesBase: Bool {
        guard stages.count == 1, case .new? = stages.last?.policy else { return stages.count > 1 }
        return true
    }
}

/// A comparison with its folder, which it has locked.
public struct PlacedComparison: Sendable {
    public let folder: URL
    /// Whether an earlier command started it.
    public let goesOn: Bool
    let lock: FolderLock
    /// Of the runs, in the order of the plan.
    let specs: [RunSpec]
}
