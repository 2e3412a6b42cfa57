import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// A run that must continue as it was started: with the same recipe, files, plugin and program.
struct Continuation {
    private let folder: RunFolder
    private let spec: RunSpec
    private let offer: Offer

    /// - Throws: with the name of whatever has changed since the run was started.
    init(_ folder: RunFolder, _ spec: RunSpec, _ plugins: PluginCatalog) throws {
        self.folder = folder
        self.spec = spec
        guard let stage = spec.recipe.stages.first(where: { $0.name == spec.stage }) else {
            throw ZooError(.dataLoss, "\(folder.spec.path) names stage '\(spec.stage)', which its recipe does not have")
        }
        guard let began = spec.madeFrom else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) was started by an earlier version of zoo, which did not record what it was made from; \(Self.again(folder))"
            )
        }
        let now: MadeFrom
        do {
            offer = try plugins.offer(stage.algorithm)
            now = try MadeFrom(spec, offer)
        } catch {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) cannot be resumed: \(ZooError(plain: error)); restore it, or \(Self.again(folder))"
            )
        }
        guard began.key == now.key else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) cannot continue as it was started: \(began.refusal(of: now)); restore that, or \(Self.again(folder))"
            )
        }
        guard try spec.isSealed else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.spec.path) was edited after the run was started, so \(folder.url.path) cannot continue as it was: "
                    + "\(Self.differences(of: spec, to: folder) ?? "its hash differs"); restore it, or \(Self.again(folder))")
        }
        try checkRecipe()
    }

    /// The plugin that the run was started with: the copy of it, whatever has become of its file.
    ///
    /// - Returns: also what to say if the file is another by now.
    static func plugins(_ folder: RunFolder, _ spec: RunSpec) async throws -> (PluginCatalog, String?) {
        guard let hash = spec.pluginSHA256 else { return (try await PluginCatalog.scan(file: spec.plugin), nil) }
        let (copy, now) = (folder.plugin(spec), PluginStore.hash(of: spec.plugin))
        let kept: URL
        if let found = PluginStore.found(hash, of: spec.plugin) {
            kept = found
        } else if now == hash {
            kept = try PluginStore.keep(spec.plugin, sha256: hash)
        } else if PluginStore.hash(of: copy.path) == hash {
            try PluginStore.requireTrust(in: copy.path)
            kept = try PluginStore.keep(spec.plugin, sha256: hash, from: copy)
        } else {
            return (try await PluginCatalog.scan(file: spec.plugin), nil)
        }
        let found = try await PluginCatalog.scan(file: kept.path)
        let plugins = found.plugins.map { plugin in
            var plugin = plugin
            plugin.path = spec.plugin
            return plugin
        }
        let state = now.map { "is another build by now (sha256 \($0.prefix(12))…)" } ?? "is no longer there"
        let note =
            "\(spec.plugin) \(state): continuing with the build that the run was started with (sha256 \(hash.prefix(12))…), its own "
            + "copy; for the other build, \(again(folder))"
        return (PluginCatalog(plugins: plugins, failures: found.failures), now == hash ? nil : note)
    }

    private static func again(_ folder: RunFolder) -> String { "start a new run with: zoo train \(folder.recipe.path)" }

    /// `recipe.yaml` repeats what run.json says; an edit of it would have no effect.
    private func checkRecipe() throws {
        let found = try FileHashes.hash(of: folder.recipe)
        guard found != spec.recipeSHA256 else { return }
        // Stopped while writing the two files of a larger budget.
        if spec.earlierBudgets?.last?.recipeSHA256 == found { return try folder.create(spec) }
        let named =
            Self.differences(of: spec, to: folder) ?? "sha256 expected \(spec.recipeSHA256 ?? "none"), found \(found)"
        throw ZooError(
            .failedPrecondition,
            "\(folder.recipe.path) was edited after the run was started (\(named)), but a run must continue as it was started: restore it, or "
                + "\(Self.again(folder))")
    }

    /// What `recipe.yaml` and the spec's recipe disagree on; nil if there is nothing to name.
    private static func differences(of spec: RunSpec, to folder: RunFolder) -> String? {
        guard let found = try? Recipe.load(folder.recipe) else { return nil }
        let changes = spec.recipe.differences(to: found)
        return changes.isEmpty
            ? nil
            : changes.map { "\($0.path) is \($0.before ?? "none") in run.json and \($0.after ?? "none") in recipe.yaml" }
                .joined(separator: "; ")
    }

    // MARK: - A larger budget

    /// Gives the run a larger budget, so that it continues from its end.
    ///
    /// - Returns: sentences on what will differ from a run with that budget from the start.
    func extend(by changes: [Override]) throws -> [String] {
        var root = spec.recipe.node
        for change in changes { root = try root.applying(change) }
        let recipe = try Recipe(root, Reading(file: spec.recipe.file))
        guard let index = recipe.stages.firstIndex(where: { $0.name == spec.stage }) else {
            throw ZooError(.internal, "stage '\(spec.stage)' no longer exists")
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
                "\(folder.url.path): budget.\(new.axis.rawValue) \(new.text) is not larger than the run's budget, "
                    + "\(old.axis.rawValue): \(old.text); expected more on the same axis")
        }
        guard stage.pairsPaid == nil || !offer.algorithm.needs.builds(stage) else {
            throw ZooError(
                .invalidArgument,
                "\(folder.url.path): its budget of \(old.axis.rawValue) was spent on the pairs that it learns from, and a larger one would make "
                    + "other pairs; \(Self.again(folder))")
        }
        guard try !folder.isDone || Checkpoint(folder: folder).newest() != nil else {
            throw ZooError(
                .failedPrecondition,
                "\(folder.url.path) is finished and kept no checkpoint to continue from; \(Self.again(folder)) --set "
                    + "checkpoints.after_end=true --set budget.\(new.axis.rawValue)=\(new.text)")
        }
        var larger = spec
        larger.recipe = recipe
        larger.earlierBudgets = (spec.earlierBudgets ?? []) + [.init(budget: old, recipeSHA256: spec.recipeSHA256)]
        larger.madeFrom = try MadeFrom(larger, offer)
        // The spec first: a run that is finished by another budget than its spec's would never continue.
        if folder.isDone { try FileManager.default.removeItem(at: folder.done) }
        try OutputFile.write(JSON.encode(larger.sealed()), to: folder.spec)
        try folder.create(larger)
        return stage.scheduled.map { role in
            "the learning rate of \(role) follows a schedule over the whole budget: from here on that of \(new.axis.rawValue): "
                + "\(new.text), so far that of \(old.text); a run with the larger budget from the start would differ"
        }
    }
}

extension RunSpec {
    /// Of the stage that runs.
    var budget: Budget { recipe.stages.first { $0.name == stage }?.budget ?? Budget(axis: .iterations, amount: 0) }
}

extension Budget {
    /// The amount; whole numbers without a fraction.
    var text: String { JSONValue.number(amount).yaml }
}

extension Stage {
    /// The roles whose learning rate depends on the size of the budget.
    fileprivate var scheduled: [String] {
        optimizer.filter { $0.value.schedule != .constant || $0.value.warmup > 0 }.keys.sorted()
    }
}
