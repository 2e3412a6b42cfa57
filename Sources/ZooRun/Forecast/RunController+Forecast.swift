import Foundation
import ZooBase
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices

/// What a stage would cost.
public enum StageForecast: Sendable {
    /// Nothing: its model is in the cache.
    case kept(stage: String)
    /// Known when the other stage is trained.
    case after(stage: String, other: String)
    case known(Forecast)

    /// Where it is known.
    public var forecast: Forecast? {
        guard case .known(let forecast) = self else { return nil }
        return forecast
    }

    /// An object with the stage's name, and `kept`, `after`, or the members of a ``Forecast``.
    public var json: JSONValue {
        get throws {
            switch self {
            case .kept(let stage): return .object(["stage": .string(stage), "kept": .bool(true)])
            case .after(let stage, let other): return .object(["stage": .string(stage), "after": .string(other)])
            case .known(let forecast): return try JSONDecoder().decode(JSONValue.self, from: JSON.encode(forecast))
            }
        }
    }
}

extension RunController {
    /// What training would cost, by stage: each that can begin now is rehearsed in a process of its own. No run and no model is written.
    public func forecast(seed: UInt64) async throws -> [StageForecast] {
        try checkData()
        let (stages, models) = try await forecastOfEarlier()
        guard let last = recipe.stages.last else { return stages }
        return stages + [try await forecast(last, seed: seed, models: models, evaluation: recipe.evaluation)]
    }

    /// Of the stages before the last one, with the models of those that are in the cache.
    ///
    /// - Parameter known: forecasts by stage that hold here, too: they are not made again.
    func forecastOfEarlier(known: [String: Forecast] = [:]) async throws -> (stages: [StageForecast], models: [String: String]) {
        var models: [String: String] = [:]
        var stages: [StageForecast] = []
        for stage in recipe.stages.dropLast() where missing(stage, models) == nil {
            let spec = try spec(stage, seed: recipe.seed, models: models, evaluates: false)
            guard case let kept = try spec.keptFolder(), try kept.isWhole() else { continue }
            try ArtifactStore.hold(kept.url)
            models[stage.name] = kept.model.path
        }
        for stage in recipe.stages.dropLast() {
            guard models[stage.name] == nil else {
                stages.append(.kept(stage: stage.name))
                continue
            }
            if let found = known[stage.name] {
                stages.append(.known(found))
            } else {
                stages.append(try await forecast(stage, seed: recipe.seed, models: models, evaluation: nil))
            }
        }
        return (stages, models)
    }

    /// Of one stage, over models that are there.
    func forecast(_ stage: Stage, seed: UInt64, models: [String: String], evaluation: Evaluation?) async throws -> StageForecast {
        if let other = missing(stage, models) { return .after(stage: stage.name, other: other) }
        return .known(
            try await rehearse(
                spec(stage, seed: seed, models: models, evaluates: evaluation != nil, evaluation: evaluation)))
    }

    /// A stage that is to be trained before this one.
    private func missing(_ stage: Stage, _ models: [String: String]) -> String? {
        dependencies(stage).first { models[$0] == nil }
    }

    private func rehearse(_ spec: RunSpec) async throws -> Forecast {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-forecast-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = RunFolder(folder)
        let lock = try FolderLock(folder, "forecast", being: "made")
        try run.create(spec)
        try await work(["forecast", folder.path], in: folder, lock, name: spec.stage)
        return try JSON.decode(Forecast.self, from: Rehearsal.file(run))
    }
}
