import Foundation
import Testing
import ZooBase
import ZooRecipe
import ZooRun
import ZooServices

@Suite("a run that does not fit the memory", .serialized)
struct OutOfMemoryTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// Under a limit of 4 GiB of addresses, which the process is well within and a layer of the network is not.
    private func limited(_ changes: String...) async throws -> EndedProcess {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 6}\nrollout: {max_new_tokens: 4}")
        return try await RunningProcess(
            URL(fileURLWithPath: "/bin/sh"),
            [
                "-c", "ulimit -v 4194304; exec \"$@\"", "sh", ZooCommand.folder.appending(path: "zoo").path, "train",
                task.recipe.path, "--run-dir", "run", "--quiet",
            ] + changes.flatMap { ["--set", $0] }, zoo.environment, in: folder.url
        ).end()
    }

    @Test("ends with one sentence: which network, how much was asked for, what would need less")
    func network() async throws {
        let ended = try await limited(
            "policy.new.hidden_size=1024", "policy.new.head_dim=2", "policy.new.intermediate_size=1048576",
            "policy.new.num_hidden_layers=1")
        #expect(ended.status == 70)
        let complaint = try ended.complaint
        #expect(complaint.contains("stage 'only': not enough memory for the network of role 'policy': 4.0 GiB were asked for"))
        #expect(complaint.contains("of the machine's memory are available; train an adapter (policy.lora.r: 16)"))
        #expect(!ended.errors.contains("warning"), "\(ended.errors)")
    }

    @Test("the sentence names what was being done, what is free where, and the keys for that")
    func sentences() throws {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 6}\nmicrobatch_tokens: 512")
        let recipe = try Recipe.load(task.recipe)
        var stage = try #require(recipe.stages.first)
        func sentence(_ use: MemoryUse?, device: String = "cpu", free: Int? = 3 << 20) -> String {
            MemoryShortage("8.0 GiB were asked for", for: use, stage, device: device, free: free).sentence
        }
        let pass = sentence(.backward(role: "policy", steps: 812), device: "cuda:0")
        #expect(
            pass.hasPrefix("stage 'only': not enough memory for a backward pass of role 'policy' over 812 steps: 8.0 GiB were "))
        #expect(pass.contains("asked for, 3.0 MiB on cuda:0 are available; set memory.activations below its 1 GiB"))
        #expect(pass.contains("memory.recompute to true") && pass.contains("microbatch_tokens below 512"))
        stage.memory.recompute = true
        stage.memory.activations = 1 << 28
        let other = sentence(.forward(role: "critic", steps: 7), free: nil)
        #expect(other.contains("memory.activations below 256.0 MiB") && !other.contains("memory.recompute"))
        #expect(!other.contains("available"))
        #expect(!sentence(.forward(role: "reference", steps: 7)).contains("memory.activations"))
        let draw = sentence(.sampling(role: "policy", sequences: 64, tokens: 128))
        #expect(draw.contains("sampling 64 sequences of up to 128 new tokens of role 'policy'"))
        #expect(draw.contains("rollout.max_new_tokens below 128") && draw.contains("parameters.sft"))
        #expect(!sentence(.sampling(role: "policy", sequences: 64, tokens: 0)).contains("max_new_tokens"))
        #expect(sentence(.update(role: "policy")).contains("memory.frozen: bfloat16"))
        stage.memory.frozen = .bfloat16
        #expect(!sentence(nil).contains("memory.frozen") && sentence(nil).contains("choose a smaller model"))
    }

    @Test("what is being done is known inside of it, and what was being done after it")
    func use() throws {
        struct Failed: Error {}
        MemoryUse.noting(.update(role: "policy")) {
            #expect(throws: Failed.self) {
                try MemoryUse.noting(.reading("role 'critic'")) {
                    #expect(MemoryUse.now == .reading("role 'critic'"))
                    throw Failed()
                }
            }
            #expect(MemoryUse.now == .update(role: "policy"))
        }
    }
}
