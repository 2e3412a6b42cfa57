import Foundation
import ZooKit

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
    private struct Kept: Codable { var model: String }

    /// Notes the content of a kept stage's model.
    func keep() throws { try Files.write(JSON.encode(Kept(model: ModelContent.hash(of: model))), to: kept) }

    /// Whether a kept stage is there as it was made. Where it is not any more, that is said.
    func isWhole() throws -> Bool {
        guard isDone else { return false }
        // Stopped after the stage was made and before that was noted.
        if !FileManager.default.fileExists(atPath: kept.path) { try keep() }
        do {
            let wanted = try JSON.decode(Kept.self, from: kept).model
            if try ModelContent.hash(of: model) == wanted { return true }
            ArtifactStore.say("\(model.path) is not as it was made; it is made anew")
        } catch let error as ZooError {
            ArtifactStore.say("\(error.message); \(url.lastPathComponent) is made anew")
        }
        return false
    }
}
