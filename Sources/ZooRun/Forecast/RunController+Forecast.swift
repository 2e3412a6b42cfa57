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
        var models: [String: String] = [:]
        var result: [StageForecast] = []
        for stage in recipe.stages {
            if let missing = dependencies(stage).first(where: { models[$0] == nil }) {
                result.append(.after(stage: stage.name, other: missing))
                continue
            }
            let isLast = stage.name == recipe.stages.last?.name
            let spec = try spec(
                stage, seed: isLast ? seed : recipe.seed, models: models, evaluates: isLast && recipe.evaluation != nil)
            if !isLast, case let kept = try spec.keptFolder(), try kept.isWhole() {
                try ArtifactStore.hold(kept.url)
                models[stage.name] = kept.model.path
                result.append(.kept(stage: stage.name))
                continue
            }
            result.append(.known(try await rehearse(spec)))
        }
        return result
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
