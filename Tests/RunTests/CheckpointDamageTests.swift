import Foundation
import Testing
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

/// What happened to a checkpoint after it was written.
private let damages: [(name: String, words: String)] = [
    ("flipped bit of the weights", "policy.safetensors was changed since it was written"),
    ("flipped bit of the optimizer", "policy.optimizer.safetensors was changed since it was written"),
    ("flipped bit of the state", "state.json was changed since it was written"),
    ("flipped bit of the manifest", "its manifest.json is missing or was changed"),
    ("space in the manifest", "its manifest.json is missing or was changed"),
    ("cut-off weights", "policy.safetensors has"),
    ("deleted weights", "policy.safetensors is missing"),
    ("deleted state", "state.json is missing"),
    ("deleted manifest", "its manifest.json is missing or was changed"),
    ("added file", "critic.safetensors does not belong to it"),
    ("copy of another step", "its manifest says step"),
]

@Suite("a checkpoint that is damaged", .serialized)
struct CheckpointDamageTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private var run: URL { folder.url.appending(path: "run") }

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    @Test("is named with what is the matter, and the run goes on from the one before it to the same end")
    func damaged() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 40}\ncheckpoints: {every: 4}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "whole"])
        let process = try zoo.start(["train", task.recipe.path, "--run-dir", "run"])
        let steps = steps
        try #require(await process.send(SIGKILL) { steps().count == 2 }, "the run ended before it was killed")
        _ = try await process.end()
        let path = run.path
        #expect(await eventually { Processes.mentioning(path).isEmpty })
        let kept = folder.url.appending(path: "kept")
        try FileManager.default.copyItem(at: run, to: kept)
        let (older, newer) = (try #require(steps().min()), try #require(steps().max()))
        for damage in damages {
            try FileManager.default.removeItem(at: run)
            try FileManager.default.copyItem(at: kept, to: run)
            let checkpoint = run.appending(path: "checkpoints/step-\(newer)")
            try Self.damage(checkpoint, damage.name, other: run.appending(path: "checkpoints/step-\(older)"))
            let before = try metrics()
            let refused = try await zoo.run("train", "--resume", "run")
            #expect(refused.status == 65, "\(damage.name): \(refused.errors)")
            let complaint = try refused.complaint
            #expect(
                complaint.contains("run/checkpoints/step-\(newer) is damaged: \(damage.words)"), "\(damage.name): \(complaint)")
            #expect(complaint.contains("continues from the previous checkpoint, step-\(older)"), "\(damage.name): \(complaint)")
            #expect(try metrics() == before, "a refused resume changes nothing")
        }
        // As the sentence says.
        try FileManager.default.removeItem(at: run.appending(path: "checkpoints/step-\(newer)"))
        try await zoo.succeed(["train", "--resume", "run"])
        try expectSameRuns(folder.url.appending(path: "whole"), run)
    }

    private func metrics() throws -> Data { try Data(contentsOf: run.appending(path: "metrics.jsonl")) }

    private var steps: @Sendable () -> [Int] {
        let checkpoints = run.appending(path: "checkpoints").path
        return {
            // No folder is no checkpoint.
            let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
            return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }
        }
    }

    private static func damage(_ checkpoint: URL, _ name: String, other: URL) throws {
        let files = FileManager.default
        func change(_ file: String, _ body: (inout Data) -> Void) throws {
            var data = try Data(contentsOf: checkpoint.appending(path: file))
            body(&data)
            try data.write(to: checkpoint.appending(path: file))
        }
        func flip(_ data: inout Data) { data[data.count * 3 / 4] ^= 4 }
        switch name {
        case "flipped bit of the weights": try change("policy.safetensors", flip)
        case "flipped bit of the optimizer": try change("policy.optimizer.safetensors", flip)
        case "flipped bit of the state": try change("state.json", flip)
        case "flipped bit of the manifest": try change("manifest.json", flip)
        case "space in the manifest": try change("manifest.json") { $0.append(UInt8(ascii: " ")) }
        case "cut-off weights": try change("policy.safetensors") { $0.removeLast(100) }
        case "deleted weights": try files.removeItem(at: checkpoint.appending(path: "policy.safetensors"))
        case "deleted state": try files.removeItem(at: checkpoint.appending(path: "state.json"))
        case "deleted manifest": try files.removeItem(at: checkpoint.appending(path: "manifest.json"))
        case "added file":
            try files.copyItem(
                at: checkpoint.appending(path: "policy.safetensors"), to: checkpoint.appending(path: "critic.safetensors"))
        default:
            try files.removeItem(at: checkpoint)
            try files.copyItem(at: other, to: checkpoint)
        }
    }
}
