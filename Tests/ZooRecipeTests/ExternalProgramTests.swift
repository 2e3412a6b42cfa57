import Foundation
import Testing
import ZooPlugins
import ZooRecipe

@Suite("programs in recipes")
struct ExternalProgramTests {
    private func recipe(_ stage: String) throws -> Recipe {
        try Recipe.parse(
            """
            name: own
            stages:
              - name: only
                algorithm: grpo
                policy: {new: {family: llama}}
                budget: {iterations: 1}
                \(stage)
            """, file: URL(fileURLWithPath: "/tmp/own.yaml"))
    }

    private func sentence(_ stage: String) -> String {
        do {
            _ = try recipe(stage)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("a command works in the recipe's folder, and is the same when the resolved recipe is read again")
    func command() throws {
        let read = try recipe("rewards: [{function: command, command: [python3, -m, zoo_reward, \"my:f\", 3], timeout: 5}]")
        let program = try #require(read.stages[0].rewards[0].program)
        #expect(program.command == ["python3", "-m", "zoo_reward", "my:f", "3"] && program.timeout == 5 && program.retries == 2)
        #expect(program.directory?.path == "/tmp" && read.stages[0].rewards[0].name == "command")
        let again = try Recipe.parse(read.resolvedYAML(), file: URL(fileURLWithPath: "/elsewhere/recipe.yaml"))
        #expect(again.stages[0] == read.stages[0])
    }

    @Test("an environment has its own keys, and one stop text may stand alone")
    func environment() throws {
        let read = try recipe("environment: {url: \"http://127.0.0.1:8000/\", max_turns: 3, stop: </tool>, weight: 0.5}")
        let environment = try #require(read.stages[0].environment)
        #expect(environment.stop == ["</tool>"] && environment.maxTurns == 3 && environment.weight == 0.5)
        let again = try Recipe.parse(read.resolvedYAML(), file: URL(fileURLWithPath: "/elsewhere/recipe.yaml"))
        #expect(again.stages[0] == read.stages[0])
    }

    @Test("a server that samples has its own keys; one elsewhere and one with an environment are refused")
    func server() throws {
        let read = try recipe("rollout: {server: {url: \"http://127.0.0.1:8000\", engine: sglang, logp_bound: 0.5}}")
        let server = try #require(read.stages[0].rollout.server)
        #expect(server.engine == .sglang && server.logpBound == 0.5 && server.timeout == 600 && server.retries == 5)
        let again = try Recipe.parse(read.resolvedYAML(), file: URL(fileURLWithPath: "/elsewhere/recipe.yaml"))
        #expect(again.stages[0] == read.stages[0])
        #expect(sentence("rollout: {server: {engine: vllm}}").contains("expected the key 'url'"))
        let late = "rollout: {lag: 2, server: {url: \"http://127.0.0.1:8000\"}}"
        #expect(sentence(late).contains("rollout: lag: found 2; expected 0 with a server"))
        let elsewhere = "rollout: {server: {url: \"http://gpu.example:8000\"}}"
        #expect(sentence(elsewhere).contains("is on another machine"))
        let environment = "environment: {url: \"http://127.0.0.1:8000/\"}"
        #expect(
            sentence("\(environment)\n    rollout: {server: {url: \"http://127.0.0.1:8000\"}}").contains(
                "a server samples whole completions, and 'environment' answers between turns"))
    }

    @Test("files that a command names are found: paths, and Python's modules")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "zoo-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder.appending(path: "package/inner"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["my.py", "score.sh", "package/module.py", "package/inner/__init__.py"] {
            try Data().write(to: folder.appending(path: name))
        }
        let program = ExternalProgram(
            command: [
                "python3", "-m", "my", "my:f=0.5", "package.module:f", "package.inner:f", "./score.sh", "package", "none:f",
            ],
            directory: folder)
        #expect(program.files.map(\.word) == [2, 3, 4, 5, 6])
        #expect(program.files.map(\.part) == ["my", "my", "package.module", "package.inner", "./score.sh"])
    }

    @Test(
        "what does not go together is refused by key",
        arguments: [
            ("rewards: [{function: command}]", "stages[0].rewards[0]: expected the key 'command', a list of words"),
            (
                "rewards: [{function: command, command: python3 my.py}]",
                "stages[0].rewards[0].command: expected the words of a command, such as [python3, -m, zoo_reward, \"my_rewards:f\"], found 'python3 my.py'"
            ),
            ("rewards: [{function: http}]", "expected the key 'url', such as http://127.0.0.1:8000/score"),
            (
                "rewards: [{function: http, url: \"http://example.com/\"}]",
                "is on another machine, where prompts and completions would be sent"
            ),
            ("rewards: [{function: http, url: \"http://127.0.0.1.example.com/\"}]", "is on another machine"),
            (
                "rewards: [{function: http, url: \"ftp://127.0.0.1/\"}]",
                "url: expected a URL, such as http://127.0.0.1:8000/score, found"
            ),
            ("rewards: [{function: regex, command: [a]}]", "stages[0].rewards[0].command: is not a key here"),
            ("environment: {max_turns: 3}", "stages[0].environment: expected one of command, url, found neither"),
            (
                "environment: {command: [a], url: \"http://127.0.0.1/\"}",
                "stages[0].environment: expected one of command, url, found both"
            ),
            (
                "environment: {command: [a]}\n    data: {pairs: {build: {prompts: 2}}}",
                "stages[0].data.pairs.build: pairs cannot be built with an environment"
            ),
            (
                "environment: {command: [a]}\n    rewards: [{function: regex, name: environment, parameters: {pattern: a}}]",
                "a reward is called 'environment', as the environment's own is"
            ),
        ])
    func refused(stage: String, expected: String) {
        #expect(sentence(stage).contains(expected), "\(sentence(stage))")
    }

    @Test("a service on another machine is allowed where the recipe says so")
    func remote() throws {
        let read = try recipe("rewards: [{function: http, url: \"https://example.com/score\", remote: true, verifier: true}]")
        #expect(read.stages[0].rewards[0].program?.isRemote == true && read.stages[0].rewards[0].isVerifier)
    }
}
