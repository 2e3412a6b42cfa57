import Foundation
import ZooBase
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension RunSpec {
    /// The folder of a cached stage: named by the hash of what it is made from.
    package func keptFolder() throws -> RunFolder {
        guard let stage = recipe.stages.first(where: { $0.name == stage }), let madeFrom else {
            throw ZooError(.internal, "stage '\(stage)' does not record what it was made from")
        }
        return RunFolder(
            CacheFolder.artifacts.appending(path: "\(stage.algorithmID)-\(try madeFrom.hash)", directoryHint: .isDirectory))
    }
}

extension RunFolder {
    /// Whether a cached stage is complete and unchanged; damage is reported.
    package func isWhole() throws -> Bool {
        guard isDone else { return false }
        do {
            guard let fault = try Manifest(reading: done).fault(in: url) else { return true }
            ArtifactStore.say("\(url.path) has changed since it was made (\(fault)); recomputing it")
        } catch let error as ZooError {
            ArtifactStore.say("\(error.message); \recomputing \(url.lastPathComponent)")
        }
        return false
    }
}
