import Foundation
import Testing
import ZooRecipe
import ZooRun

@Suite("datasets of several files, and mixtures", .serialized)
struct MixtureTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand
    let task: TinyTask

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        task = try TinyTask(
            in: folder.url,
            stage: """
                rollout: {max_new_tokens: 4}
                parameters: {grpo: {prompts: 8, samples: 2}, sft: {examples: 8}}
                budget: {iterations: 12}
                """)
        _ = try folder.write("{\"prompt\": \"a cat\"}\n{\"prompt\": \"a dog\"}\n", to: "more-animals.jsonl")
        _ = try folder.write("[{\"prompt\": \"a car\"}]", to: "more-cars.json")
    }

    private static let prompts = "data.prompts=[{file: prompts.jsonl, weight: 3}, {file: more-*, weight: 1, name: things}]"

    @Test("a run draws its prompts by weight, and logs rows, passes and reward of each source")
    func run() async throws {
        try await zoo.succeed(["train", task.recipe.path, "--algorithm", "grpo", "--set", Self.prompts, "--run-dir", "run"])
        let log = try records(folder.url.appending(path: "run/metrics.jsonl")).filter { $0["source/things/rows"] != nil }
        #expect(log.count == 12)
        func sum(_ name: String) -> Double { log.reduce(0) { $0 + ($1["source/\(name)/rows"] ?? 0) } }
        #expect(sum("prompts") + sum("things") == 96)
        // Binomial with 72 expected: the standard deviation is 4.2.
        #expect((55...89).contains(sum("prompts")))
        #expect(log.last?["source/things/epochs"] == sum("things") / 3)
        #expect(log.last?["source/prompts/epochs"] == sum("prompts") / 6)
        for record in log {
            // The mean over all is that of the sources' by their rows.
            let parts = ["prompts", "things"].map { name in
                (record["source/\(name)/rows"] ?? 0) * (record["source/\(name)/reward"] ?? 0) / 8
            }
            #expect(abs(parts[0] + parts[1] - (record["common/reward"] ?? .nan)) < 1e-9)
        }
    }

    @Test("files that are joined are one dataset: the same run as with one file of all their rows, and no metrics of sources")
    func joined() async throws {
        let all = try ["prompts.jsonl", "more-animals.jsonl"].map {
            try String(contentsOf: folder.url.appending(path: $0), encoding: .utf8)
        }
        _ = try folder.write(all.joined(), to: "all.jsonl")
        let command = ["train", task.recipe.path, "--algorithm", "grpo", "--set"]
        try await zoo.succeed(command + ["data.prompts=all.jsonl", "--run-dir", "one"])
        try await zoo.succeed(command + ["data.prompts=[prompts.jsonl, more-*.jsonl]", "--run-dir", "several"])
        func metrics(_ run: String) throws -> [[String: Double]] {
            try records(folder.url.appending(path: "\(run)/metrics.jsonl")).map { $0.filter { !$0.key.contains("seconds") } }
        }
        func model(_ run: String) throws -> Data {
            try Data(contentsOf: folder.url.appending(path: "\(run)/model/model.safetensors"))
        }
        #expect(try model("one") == model("several"))
        #expect(try metrics("several").allSatisfy { !$0.keys.contains { $0.hasPrefix("source/") } })
    }

    @Test("check and inspect show the sources, and name a faulty row by its own file and line")
    func shown() async throws {
        let set = ["--set", Self.prompts]
        let check = try await zoo.run("data", "check", task.recipe.path, set[0], set[1])
        #expect(check.status == 0)
        #expect(
            check.output.contains("only, data.prompts: drawn from prompts 75.0% (6 rows), things 25.0% (3 rows)"),
            "\(check.output)")
        let inspect = try await zoo.run("data", "inspect", task.recipe.path, "--kind", "prompts", "--count", "1", set[0], set[1])
        #expect(inspect.output.contains("drawn from prompts 75.0%"))
        #expect(inspect.output.contains("row 0: ") && inspect.output.contains("row 6: ") && !inspect.output.contains("row 1: "))
        _ = try folder.write("{\"prompt\": \"a\"}\n{\"prompt\": 3}\n", to: "more-animals.jsonl")
        let bad = try await zoo.run("data", "check", task.recipe.path, set[0], set[1])
        #expect(bad.status == 65 && bad.output.contains("more-animals.jsonl:2: 'prompt' is a number"), "\(bad.output)")
    }

    @Test("a source of which the limits leave nothing is refused by name")
    func nothingLeft() async throws {
        _ = try folder.write(
            "{\"prompt\": \"\(String(repeating: "long ", count: 40))\", \"completion\": \"x\"}\n", to: "long.jsonl")
        let refused = try await zoo.run(
            "train", task.recipe.path, "--run-dir", "run", "--set", "data.max_length=40", "--set",
            "data.examples=[{file: examples.jsonl, weight: 1}, {file: long.jsonl, weight: 1}]")
        #expect(refused.status == 65)
        #expect(try refused.complaint.contains("no row of the source 'long' is left to train on"), "\(refused.errors)")
    }
}
