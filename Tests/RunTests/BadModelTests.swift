import Foundation
import Testing
import ZooTensor

@Suite("a model folder that is not whole", .serialized)
struct BadModelTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    private let model: URL

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        model = folder.url.appending(path: "sound/model", directoryHint: .isDirectory)
    }

    private var weights: URL { model.appending(path: "model.safetensors") }

    private func remove(_ name: String) throws { try FileManager.default.removeItem(at: model.appending(path: name)) }

    private func changeWeights(_ change: (inout [String: Tensor]) -> Void) throws {
        var tensors = try Safetensors.read(weights)
        change(&tensors)
        try Safetensors.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, to: weights)
    }

    @Test("is refused by file and tensor, and no run is left that looks whole")
    func refused() async throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "sound"])
        let sound = folder.url.appending(path: "kept")
        try FileManager.default.copyItem(at: model, to: sound)

        try await expectRefusal("sound/model", "config.json", status: 66) { try remove("config.json") }
        try await expectRefusal("sound/model", "model.safetensors", status: 66) { try remove("model.safetensors") }
        try await expectRefusal("sound/model", "tokenizer.json", status: 66) { try remove("tokenizer.json") }
        try await expectRefusal("model.safetensors", "model.layers.1.mlp.up_proj.weight", "missing") {
            try changeWeights { $0["model.layers.1.mlp.up_proj.weight"] = nil }
        }
        try await expectRefusal("model.safetensors", "model.norm.weight", "[32]", "[16, 2]") {
            try changeWeights { $0["model.norm.weight"] = Tensor(Array(repeating: 1.0, count: 32), shape: [16, 2]) }
        }
        try await expectRefusal("model.safetensors: tensor model.norm.weight has 32 of 32 numbers that are NaN or infinite") {
            try changeWeights { $0["model.norm.weight"] = .full(.nan, [32]) }
            let sampled = try await zoo.run("sample", model.path, "--prompt", "a film")
            #expect(try sampled.status == 65 && sampled.output.isEmpty && sampled.complaint.contains("NaN or infinite"))
        }
        for name in ["model.safetensors", "tokenizer.json", "config.json"] {
            try await expectRefusal("sound/model/\(name): is a Git LFS pointer", "git lfs pull") {
                try Data("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n".utf8)
                    .write(to: model.appending(path: name))
            }
        }
        try await expectRefusal("model.safetensors", "the header claims 1099511627776 bytes") {
            var bytes = try Data(contentsOf: weights)
            bytes.replaceSubrange(0..<8, with: [0, 0, 0, 0, 0, 1, 0, 0])
            try bytes.write(to: weights)
        }
        try await expectRefusal("model.safetensors", "claims bytes") {
            try Data(contentsOf: weights).dropLast(100).write(to: weights)
        }

        /// Damages the sound folder, and asks for a run from it.
        func expectRefusal(_ words: String..., status: Int32 = 65, damage: () async throws -> Void) async throws {
            try FileManager.default.removeItem(at: model)
            try FileManager.default.copyItem(at: sound, to: model)
            try await damage()
            let changes = ["--set", "policy={folder: \(model.path)}"]
            let ended = try await zoo.start(["train", task.recipe.path, "--run-dir", "run"] + changes).end()
            #expect(ended.status == status)
            let complaint = try ended.complaint
            for part in words { #expect(complaint.contains(part), "\(complaint)") }
            let run = folder.url.appending(path: "run")
            if FileManager.default.fileExists(atPath: run.path) {
                let left = try FileManager.default.contentsOfDirectory(atPath: run.path)
                #expect(!left.contains("model") && !left.contains("done"))
                try FileManager.default.removeItem(at: run)
            }
        }
    }
}
