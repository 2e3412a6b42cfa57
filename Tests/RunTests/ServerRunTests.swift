import Foundation
import Testing
import ZooBase
import ZooRecords

@Suite("a run that is sampled by a server")
struct ServerRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private static let stage = """
        rollout: {max_new_tokens: 6, temperature: 0.8}
        parameters:
          grpo: {prompts: 3, samples: 4}
          ppo: {prompts: 6, epochs: 1, minibatches: 2}
        optimizer: {learning_rate: 3e-3}
        budget: {iterations: 6}
        checkpoints: {every: 1}
        """

    private func records(_ run: String) throws -> [[String: Double]] {
        let text = try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode([String: Double].self, from: Data($0.utf8)) }
    }

    /// A trained model that policy and server begin with.
    private func base(_ task: TinyTask) async throws -> URL {
        try await zoo.succeed(["train", task.recipe.path, "--set", "budget.iterations=8", "--run-dir", "base"])
        return folder.url.appending(path: "base/model")
    }

    @Test(
        "learns, says what it cost and how far the two are apart; what goes wrong ends it, and --resume goes on as if nothing was"
    )
    func run() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage, more: "evaluation: {prompts: prompts.jsonl, count: 2}")
        let base = try await base(task)
        let server = try await UnrulyServer(base, in: folder.url)
        defer { server.end() }
        let command = [
            "train", task.recipe.path, "--algorithm", "grpo", "--set", "policy={folder: \(base.path)}", "--set",
            "rollout.server={url: \"\(server.url.absoluteString)\", retries: 3}", "--run-dir",
        ]
        try await zoo.succeed(command + ["whole"])
        let rollouts = try records("whole").filter { $0["common/tokens"] != nil }
        #expect(rollouts.count == 6)
        for record in rollouts {
            let (mean, most) = (
                record["sampling/sampling_logp_difference/mean"] ?? 1, record["sampling/sampling_logp_difference/max"] ?? 1
            )
            #expect(mean >= 0 && mean < 1e-5 && most >= mean && most < 1e-4)
        }
        let ledger = try JSON.decode(Ledger.self, from: folder.url.appending(path: "whole/ledger.json"))
        let account = try #require(ledger.roles["server"])
        #expect(account.steps["generate", default: 0] > ledger.sampledSteps && account.flops["generate", default: 0] > 0)
        #expect(account.seconds["generate", default: 0] > 0 && account.seconds["handover", default: 0] > 0)
        let weights = try folder.url.appending(path: "base/model/model.safetensors").resourceValues(forKeys: [.fileSizeKey])
        #expect(account.handedBytes ?? 0 >= 6 * (weights.fileSize ?? 0))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "whole/rollout-server").path))
        #expect(try await server.requests()["/collective_rpc"] == 6)

        // A restart and failures are survived.
        try await server.misbehave(["/v1/completions": ["500", "ok", "half", "ok", "restart"]])
        try await zoo.succeed(command + ["survivor"])
        try expectSameRuns(folder.url.appending(path: "whole"), folder.url.appending(path: "survivor"))
        // Log-probabilities that are not the policy's end the third iteration.
        try await server.misbehave([
            "/v1/completions": Array(repeating: "ok", count: 6) + Array(repeating: "other-logp", count: 3)
        ])
        let broken = try await zoo.start(command + ["broken"]).end()
        #expect(broken.status != 0)
        #expect(
            try broken.complaint.contains(
                "rollout.server (vllm at \(server.url.absoluteString)): its log-probabilities differ from the trainer's by 1 nats in the mean"
            ))
        try await zoo.succeed(["train", "--resume", "broken"])
        try expectSameRuns(folder.url.appending(path: "whole"), folder.url.appending(path: "broken"))
    }

    @Test("trains an adapter, which travels alone")
    func adapter() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let base = try await base(task)
        let server = try await UnrulyServer(base, in: folder.url)
        defer { server.end() }
        try await zoo.succeed([
            "train", task.recipe.path, "--algorithm", "ppo", "--set", "policy={folder: \(base.path), lora: {r: 4}}", "--set",
            "rollout.server={url: \"\(server.url.absoluteString)\"}", "--run-dir", "run",
        ])
        let differences = try records("run").compactMap { $0["sampling/sampling_logp_difference/max"] }
        #expect(differences.count == 6 && differences.allSatisfy { $0 < 1e-4 })
        let requests = try await server.requests()
        #expect(requests["/v1/load_lora_adapter"] == 6 && requests["/v1/unload_lora_adapter"] == 5)
        #expect(requests["/collective_rpc"] == nil)
        let refused = try await zoo.start([
            "train", task.recipe.path, "--algorithm", "ppo", "--set", "policy={folder: \(base.path), lora: {r: 4}}", "--set",
            "rollout.server={url: \"\(server.url.absoluteString)\"}", "--set", "reproducible=true", "--run-dir", "other",
        ]).end()
        #expect(refused.status == 65)
        #expect(try refused.complaint.contains("reproducible: true needs samples that each rank can draw again"))
        // Over the whole weights of another run an adapter would be another policy.
        let sampled = ["--set", "rollout.server={url: \"\(server.url.absoluteString)\"}", "--set", "budget.iterations=1"]
        try await zoo.succeed(
            ["train", task.recipe.path, "--algorithm", "grpo", "--set", "policy={folder: \(base.path)}", "--run-dir", "whole"]
                + sampled)
        let over = try await zoo.start(
            ["train", task.recipe.path, "--algorithm", "ppo", "--set", "policy={folder: \(base.path), lora: {r: 4}}"] + sampled
        ).end()
        #expect(try over.complaint.contains("it holds whole weights that another run gave it ('policyzoo-"))
    }

    @Test("does not begin where the server is not one, or the stage cannot be sampled by it")
    func refusals() async throws {
        let task = try TinyTask(in: folder.url, stage: Self.stage)
        let gone = try await zoo.run(
            "train", task.recipe.path, "--algorithm", "grpo", "--set", "rollout.server={url: \"http://127.0.0.1:1\", retries: 0}")
        #expect(
            try gone.complaint.contains(
                "rollout.server (vllm at http://127.0.0.1:1): /server_info: the service cannot be reached (nothing listens there)"
            ))
        let tabular = ZooCommand.clone.appending(path: "recipes/tabular.yaml").path
        let table = try await zoo.run(
            "train", tabular, "--algorithm", "grpo", "--set", "rollout.server={url: \"http://127.0.0.1:1\"}")
        #expect(try table.complaint.contains("a server samples language models, and the policy is none; remove 'rollout.server'"))
        let environment = try await zoo.run(
            "train", task.recipe.path, "--set", "environment={command: [cat]}", "--set",
            "rollout.server={url: \"http://127.0.0.1:1\"}")
        #expect(try environment.complaint.contains("'environment' answers between turns; remove one of the two"))
    }
}
