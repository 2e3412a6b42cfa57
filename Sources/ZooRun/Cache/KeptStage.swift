import Foundation
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

extension RunSpec {
    /// Where a stage lies that other runs begin with: under the hash of what it is made from.
    func keptFolder() throws -> RunFolder {
        guard let stage = recipe.stages.first(where: { $0.name == stage }), let madeFrom else {
            throw ZooError(.internal, "stage '\(stage)' does not say what it is made from")
        }
        return RunFolder(
            CacheFolder.artifacts.appending(path: "\(stage.algorithmID)-\(try madeFrom.hash)", directoryHint: .isDirectory))
    }
}

extension RunFolder {
    /// Whether a kept stage is there as it was made. Where it is not any more, that is said.
    func isWhole() throws -> Bool {
        guard isDone else { return false }
        do {
            guard let fault = try Manifest(reading: done).fault(in: url) else { return true }
            ArtifactStore.say("\(url.path) is not as it was made (\(fault)); it is made anew")
        } catch let error as ZooError {
            ArtifactStore.say("\(error.message); \(url.lastPathComponent) is made anew")
        }
        return false
    }
}
