import Foundation
import Testing
import ZooData

/// The pairs that the host builds from the policy's samples are trained on as they were drawn.
@Suite("built pairs", .serialized)
struct BuiltPairsTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func train(_ stage: String, _ arguments: [String] = []) async throws -> URL {
        let task = try TinyTask(
            in: folder.url, stage: "rollout: {max_new_tokens: 3}\nparameters: {dpo: {pairs: 4}}\nbudget: {updates: 2}\n" + stage)
        let run = folder.url.appending(path: "run")
        try await zoo.succeed(
            [
                "train", task.recipe.path, "--algorithm", "dpo", "--run-dir", run.path, "--quiet", "--set",
                "data.pairs={build: {prompts: 48, samples: 6}}",
            ] + arguments)
        return run
    }

    private struct Built: Decodable {
        struct Pair: Decodable { var tokens: SampledPair }
        var rows: [Pair]
    }

    private func built() throws -> [SampledPair] {
        let artifacts = folder.url.appending(path: "cache/artifacts")
        let file = try #require(
            try FileManager.default.contentsOfDirectory(atPath: artifacts.path).first {
                $0.hasPrefix("pairs-") && $0.hasSuffix(".json")
            })
        let tree = try JSONSerialization.jsonObject(with: Data(contentsOf: artifacts.appending(path: file))) as? [String: Any]
        let value = tree?["value"] ?? tree ?? [:]
        return try JSONDecoder().decode(Built.self, from: JSONSerialization.data(withJSONObject: value)).rows.map(\.tokens)
    }

    /// Two updates of four pairs of samples that were cut at one token: two actions a pair, and no end token behind them.
    @Test("an answer that was cut at the length limit is trained on without an end that nobody sampled")
    func noEnd() async throws {
        let run = try await train("", ["--set", "rollout.max_new_tokens=1", "--set", "parameters.pairs=1"])
        let lines = try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n")
        let tokens = try lines.map { line in
            let record = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require(record["num_tokens"] as? Double)
        }
        #expect(tokens == [2, 2])
    }

    @Test("a sample ends with the end token where that was drawn, and is never longer than the sampler's limit")
    func asDrawn() async throws {
        _ = try await train("")
        let pairs = try built()
        let answers = pairs.flatMap { [$0.chosen, $0.rejected] }
        #expect(answers.allSatisfy { (1...3).contains($0.count) })
        // A fresh model draws a byte that is no whole character now and then: as text it would not come back.
        #expect(Set(answers).count > 8)
        #expect(pairs.allSatisfy { !$0.context.isEmpty && $0.chosen != $0.rejected })
    }

    @Test("pairs are built from conversations too")
    func conversations() async throws {
        let chat = (0..<12).map { #"{"prompt": [{"role": "user", "content": "say \#($0)"}]}"# + "\n" }.joined()
        _ = try folder.write(chat, to: "chats.jsonl")
        _ = try folder.write(
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
            to: "chat.jinja")
        let run = try await train(
            "",
            ["--set", "data.prompts=\(folder.url.path)/chats.jsonl", "--set", "data.chat_template=\(folder.url.path)/chat.jinja"])
        #expect(FileManager.default.fileExists(atPath: run.appending(path: "model/config.json").path))
        #expect(try built().allSatisfy { $0.context.count > 10 })
    }
}
