import Foundation
import Testing
import ZooRecords

@Suite("a run with programs of the user's", .serialized)
struct ProgramRunTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func tiny(_ stage: String, _ more: String = "") throws {
        _ = try TinyTask(
            in: folder.url,
            stage: """
                parameters: {grpo: {prompts: 3, samples: 4}, ppo: {prompts: 6, epochs: 1}}
                optimizer: {learning_rate: 1e-2}
                rollout: {max_new_tokens: 8}
                \(stage)
                """, more: more)
    }

    private func metrics(_ run: String) throws -> [[String: Double]] {
        try String(contentsOf: folder.url.appending(path: "\(run)/metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
    }

    private func text(_ file: String) throws -> String {
        try String(contentsOf: folder.url.appending(path: file), encoding: .utf8)
    }

    private static let command = "[{function: command, name: own, command: [python3, -m, zoo_reward, 'rewards:f']}]"

    @Test("is trained by a function of Python, whose file's hash and output the run keeps")
    func reward() async throws {
        _ = try folder.write(
            "def f(completions, **columns):\n    print('hello')\n    return [c.count('a') for c in completions]", to: "rewards.py"
        )
        try tiny("budget: {iterations: 3}")
        let change = ["--set", "rewards=\(Self.command)"]
        try await zoo.succeed(["train", "tiny.yaml", "--algorithm", "grpo", "--run-dir", "run"] + change)
        let steps = try metrics("run")
        #expect(steps.count == 3 && steps.allSatisfy { $0["rewards/own/mean"] != nil })
        #expect(try text("run/log.txt").contains("hello"))
        #expect(try text("run/environment.json").contains("rewards.0.command[3]"))
        // A run goes on only with the same functions.
        _ = try folder.write("def f(completions):\n    return [0 for c in completions]", to: "rewards.py")
        let other = try await zoo.run("train", "--resume", "run", "--set", "budget.iterations=5")
        #expect(try other.complaint.contains("rewards.0.command.3"))
    }

    @Test("is refused before anything is trained where its program does not start")
    func refused() async throws {
        _ = try folder.write("import no_such_module", to: "rewards.py")
        try tiny("budget: {iterations: 3}")
        let ended = try await zoo.run(
            "train", "tiny.yaml", "--algorithm", "grpo", "--run-dir", "run", "--set", "rewards=\(Self.command)")
        #expect(
            try ended.complaint.contains(
                "reward 'own' (command python3 -m zoo_reward rewards:f): it could not start: ModuleNotFoundError"))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "run/run.json").path))
    }

    @Test("that is killed takes its program along, also one that hangs")
    func killed() async throws {
        _ = try folder.write(
            "import os, time\ndef f(completions):\n    open('number', 'w').write(str(os.getpid()))\n    time.sleep(600)",
            to: "rewards.py")
        try tiny("budget: {iterations: 3}")
        let run = try zoo.start([
            "train", "tiny.yaml", "--algorithm", "grpo", "--run-dir", "run", "--set", "rewards=\(Self.command)",
        ])
        let file = folder.url.appending(path: "number")
        #expect(await run.send(SIGKILL) { (try? Data(contentsOf: file))?.isEmpty == false })
        let number = try #require(pid_t(text("number")))
        #expect(await eventually { kill(number, 0) != 0 || Self.isZombie(number) })
        _ = try await run.end()
    }

    private static func isZombie(_ process: pid_t) -> Bool {
        (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.contains(") Z ") ?? false
    }

    @Test(
        "in turns with an environment is the same again, and its log-probabilities are those of what was drawn",
        arguments: ["grpo", "ppo"])
    func environment(algorithm: String) async throws {
        _ = try folder.write(
            """
            class Game:
                def reset(self, prompt, seed):
                    self.seed, self.turns = seed, 0
                def step(self, text):
                    self.turns += 1
                    return f" and {(self.seed + self.turns) % 7}, then", 0.1 * text.count("a"), self.turns == 2
            """, to: "game.py")
        try tiny(
            """
            environment: {command: [python3, -m, zoo_reward, --environment, "game:Game"], max_turns: 3, stop: ["?", " "]}
            budget: {iterations: 3}
            """, "evaluation: {prompts: prompts.jsonl, count: 3}")
        for run in ["one", "two"] {
            try await zoo.succeed(
                [
                    "train", "tiny.yaml", "--algorithm", algorithm, "--run-dir", run, "--set",
                    "rewards=[{function: length, weight: 0.1, parameters: {target: 6}}]",
                ])
        }
        try expectSameRuns(folder.url.appending(path: "one"), folder.url.appending(path: "two"))
        for step in try metrics("one") {
            if algorithm == "grpo" { #expect(try #require(step["sampling/sampling_logp_difference/max"]) < 1e-4) }
            #expect(step["rewards/environment/mean"] != nil && step["rewards/length/mean"] != nil)
        }
        let samples = try text("one/samples.jsonl")
        #expect(samples.contains(", then"), "\(samples.prefix(2000))")
        let sample = try await zoo.run("sample", "one")
        #expect(try sample.complaint.contains("was trained with an environment, which `zoo sample` does not ask"))
        #expect(try await zoo.run("sample", "one/model").status != 0)
        try await zoo.succeed(
            ["evaluate", "tiny.yaml", "one", "--algorithm", algorithm].filter { $0 != "--algorithm" && $0 != algorithm })
    }
}
