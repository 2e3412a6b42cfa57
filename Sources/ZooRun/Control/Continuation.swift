import Foundation
import ZooData
import ZooFiles
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// A run that is to go on as it was begun: with the same recipe, files, plugin and program.
struct Continuation {
    private let folder: RunFolder
    private let spec: RunSpec
    private let offer: Offer

    /// - Throws: by name where anything is another than it was when the run was begun.
    init(_ folder: RunFolder, _ spec: RunSpec, _ plugins: PluginCatalog) throws {
        self.folder = folder
        self.spec = spec
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }) else {
            throw ZooError(.dataLoss, "\(folder.spec.path) names stage '\(spec.stage)', which its recipe does not have")
        }
        guard let began = spec.madeFrom else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) was begun by an earlier version of zoo, which did not note what it was made from; \(Self.again(folder))"
            )
        }
        let now: MadeFrom
        do {
            offer = try plugins.offer(stage.algorithm)
            now = try MadeFrom(spec, offer)
        } catch {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) cannot go on: \(ZooError(plain: error)); restore it, or \(Self.again(folder))"
            )
        }
        guard began.key == now.key else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) cannot go on as it was begun: \(began.refusal(of: now)); restore that, or \(Self.again(folder))"
            )
        }
        guard try spec.isSealed else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.spec.path) was edited after the run was begun, and \(folder.url.path) cannot go on as it was begun: "
                    + "\(Self.differences(of: spec, to: folder) ?? "its own hash says so"); restore it, or \(Self.again(folder))")
        }
        try checkRecipe()
    }

    private static func again(_ folder: RunFolder) -> String { "begin a new run with: zoo train \(folder.recipe.path)" }

    /// `recipe.yaml` says what run.json says; an edit of it alone would be followed by nobody.
    private func checkRecipe() throws {
        let found = try FileHashes.hash(of: folder.recipe)
        guard found != spec.recipeSHA256 else { return }
        // Stopped between the two files of a larger budget.
        if spec.earlierBudgets?.last?.recipeSHA256 == found { return try folder.create(spec) }
        let named =
            Self.differences(of: spec, to: folder) ?? "sha256 expected \(spec.recipeSHA256 ?? "none"), found \(found)"
        throw ZooError(
            .failedPrecondition,
            "\(folder.recipe.path) was edited after the run was begun (\(named)), and a run goes on as it was begun: restore it, or "
                + "\(Self.again(folder))")
    }

    /// What `recipe.yaml` and the spec's recipe disagree on; nil where that is nothing that can be named.
    private static func differences(of spec: RunSpec, to folder: RunFolder) -> String? {
        guard let found = try? Recipe.load(folder.recipe) else { return nil }
        let changes = spec.recipe.differences(to: found)
        return changes.isEmpty
            ? nil
            : changes.map { "\($0.path) is \($0.before ?? "none") in run.json and \($0.after ?? "none") in recipe.yaml" }
                .joined(separator: "; ")
    }

    // MARK: - A larger budget

    /// Gives the run a larger budget, so that it goes on from where it ended.
    ///
    /// - Returns: what of the run will not be as if it had had that budget from the start, in sentences.
    func extend(by changes: [Override]) throws -> [String] {
        var root = spec.recipe.node
        for change in changes { root = try root.applying(change) }
        let recipe = try RecipeReader(file: spec.recipe.file, knownAlgorithms: nil).recipe(root)
        guard let index = recipe.stages.firstIndex(where: { $0.name == spec.stage }) else {
            throw ZooError(.internal, "stage '\(spec.stage)' is gone")
        }
        let (old, new) = (spec.budget, recipe.stages[index].budget)
        var other = recipe
        other.stages[index].budget = old
        guard other.node == spec.recipe.node else {
            throw ZooError(
                .invalidArgument, "\(folder.url.path): with --resume only the budget of stage '\(spec.stage)' can be set")
        }
        let stage = recipe.stages[index]
        guard new.axis == old.axis, new.amount > old.amount else {
            throw ZooError(
                .invalidArgument,
                "\(folder.url.path): budget.\(new.axis.rawValue) \(new.text) is no larger budget than the run's, "
                    + "\(old.axis.rawValue): \(old.text); expected more of the same")
        }
        guard stage.pairsPaid == nil || !offer.algorithm.needs.builds(stage) else {
            throw ZooError(
                .invalidArgument,
                "\(folder.url.path): its budget of \(old.axis.rawValue) went into the pairs that it learns from, and a larger one makes "
                    + "other pairs; \(Self.again(folder))")
        }
        guard try !folder.isDone || Checkpoint(folder: folder).newest() != nil else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) is whole and kept no checkpoint to go on from; \(Self.again(folder)) --set "
                    + "keep_checkpoint=true --set budget.\(new.axis.rawValue)=\(new.text)")
        }
        var larger = spec
        larger.recipe = recipe
        larger.earlierBudgets = (spec.earlierBudgets ?? []) + [.init(budget: old, recipeSHA256: spec.recipeSHA256)]
        larger.madeFrom = try MadeFrom(larger, offer)
        // The spec first: a run that is whole by another budget than its spec's would never go on.
        if folder.isDone { try FileManager.default.removeItem(at: folder.done) }
        try Files.write(JSON.encode(larger.sealed()), to: folder.spec)
        try folder.create(larger)
        return stage.scheduled.map { role in
            "the learning rate of \(role) follows a schedule over the whole budget: from here on it is that of \(new.axis.rawValue): "
                + "\(new.text), up to here it was that of \(old.text); a run with the larger budget from the start would differ"
        }
    }
}

extension RunSpec {
    /// Of the stage that runs.
    var budget: Budget { recipe.stages.first { $0.name == stage }?.budget ?? Budget(axis: .steps, amount: 0) }
}

extension Budget {
    /// The amount without a fraction where there is none.
    var text: String { JSONValue.number(amount).yaml }
}

extension Stage {
    /// The roles whose learning rate depends on how large the budget is.
    fileprivate var scheduled: [String] {
        optimizer.filter { $0.value.schedule != .constant || $0.value.warmup > 0 }.keys.sorted()
    }
}
