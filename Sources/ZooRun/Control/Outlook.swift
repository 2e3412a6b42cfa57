import Foundation
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// What of a recipe is cached, and what would be recomputed.
public struct Outlook: Sendable {
    public enum State: Sendable {
        case kept(KeptThing)
        /// Recomputed; the nearest cached artifact of its kind, and the differences.
        case new(nearest: KeptThing?, changes: [RecipeDifference])
        /// Not known before this stage is made.
        case after(stage: String)
    }

    /// `stage base`, `pairs of stage policy`, …
    public var title: String
    public var state: State
}

extension RunController {
    /// Each stage but the last, and what is made from samples of the last one's policy, in the order of making.
    public func outlook() throws -> [Outlook] {
        let all = try KeptThing.all()
        var models: [String: String] = [:]
        var result: [Outlook] = []
        for stage in recipe.stages.dropLast() {
            let title = "stage \(stage.name)"
            if let missing = dependencies(stage).first(where: { models[$0] == nil }) {
                result.append(Outlook(title: title, state: .after(stage: missing)))
                continue
            }
            let spec = try spec(stage, seed: recipe.seed, models: models, evaluates: false)
            let folder = try spec.keptFolder()
            if let found = all.first(where: { $0.name == folder.url.lastPathComponent && $0.isWhole }) {
                models[stage.name] = folder.model.path
                result.append(Outlook(title: title, state: .kept(found)))
            } else if let made = spec.madeFrom {
                result.append(Outlook(title: title, state: Self.new(made, kind: stage.algorithmID, among: all)))
            }
        }
        guard let last = recipe.stages.last else { return result }
        return try result + prepared(last, models, all)
    }

    /// What is made from samples of a stage's policy before it trains.
    private func prepared(_ stage: Stage, _ models: [String: String], _ all: [KeptThing]) throws -> [Outlook] {
        let needs = try plugins.offer(stage.algorithm).algorithm.needs
        let scaled = stage.rewards.filter(\.normalize) + (recipe.evaluation?.gold ?? []).filter(\.normalize)
        guard needs.builds(stage) || !scaled.isEmpty else { return [] }
        if let missing = dependencies(stage).first(where: { models[$0] == nil }) {
            return [Outlook(title: "pairs and normalisations of stage \(stage.name)", state: .after(stage: missing))]
        }
        let spec = try spec(stage, seed: recipe.seed, models: models, evaluates: false)
        func outlook(_ title: String, _ kind: String, _ made: MadeFrom) throws -> Outlook {
            let name = "\(kind)-\(try made.hash).json"
            let found = all.first { $0.name == name }
            return Outlook(title: title, state: found.map { .kept($0) } ?? Self.new(made, kind: kind, among: all))
        }
        var result = try scaled.map {
            try outlook("normalisation of reward \($0.name)", "normalization", MadeFrom(normalization: $0, of: stage, spec))
        }
        if needs.builds(stage), case .build(let building)? = stage.data.pairs {
            let made = try MadeFrom(pairs: building, PairPlan(building, stage), of: stage, spec)
            result.append(try outlook("pairs of stage \(stage.name)", "pairs", made))
        }
        return result
    }

    private static func new(_ made: MadeFrom, kind: String, among all: [KeptThing]) -> Outlook.State {
        let others = all.filter { $0.kind == kind }.compactMap { thing in
            thing.madeFrom.map { (thing: thing, changes: $0.changes(to: made)) }
        }
        let nearest = others.min { ($0.changes.count, $1.thing.made) < ($1.changes.count, $0.thing.made) }
        return .new(nearest: nearest?.thing, changes: nearest?.changes ?? [])
    }
}
