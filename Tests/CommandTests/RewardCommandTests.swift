import Foundation
import Testing

@Suite("zoo rewards")
struct RewardCommandTests {
    private static let countdown = Command.root.appending(path: "recipes/countdown.yaml").path

    @Test("list has every function with its task, and the ways to give one of one's own")
    func list() throws {
        try Command.inFolder { zoo in
            let result = try zoo("rewards", "list")
            let rows = result.output.split(separator: "\n").map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
            #expect(result.status == 0)
            #expect(
                Set(["regex any", "table tabular", "model any", "command any", "http any", "library any"]).isSubset(of: rows))
        }
    }

    @Test("show has a function's parameters; a misspelt one names the nearest")
    func show() throws {
        try Command.inFolder { zoo in
            let shown = try zoo("rewards", "show", "regex").output
            #expect(shown.hasPrefix("regex: 1 if the pattern is found") && shown.contains("ignore_case"))
            #expect(try zoo("rewards", "show", "command").output.contains("headers_file"))
            let slip = try zoo("rewards", "show", "regexp")
            #expect(slip.status == 64 && slip.errors.contains("there is no reward function 'regexp'; did you mean 'regex'?"))
        }
    }

    @Test("try scores given completions, or those that the model learnt from")
    func given() throws {
        try Command.inFolder { zoo in
            let own = try zoo("rewards", "try", Self.countdown, "-n", "3", "--json")
            let lines = own.output.split(separator: "\n")
            #expect(lines.count == 3 && lines.allSatisfy { $0.contains(#""reward":1"#) }, "\(own.errors)")
            let typed = try zoo("rewards", "try", Self.countdown, "--completion", " 1 + 1", "--completion", "no")
            #expect(typed.output.contains("stage solver, 2 completions: the given completions"))
            #expect(typed.output.contains("countdown"))
            try Data((#"{"prompt": "make 2 from 1 1:", "completion": "1+1", "numbers": [1, 1], "target": 2}"# + "\n").utf8)
                .write(to: zoo.path("own.jsonl"))
            #expect(try zoo("rewards", "try", Self.countdown, "--file", "own.jsonl", "--json").output.contains(#""reward":1"#))
        }
    }

    @Test("a library's rewards are listed, shown and tried, and a wrong one is refused before anything is trained")
    func library() throws {
        try Command.inFolder { zoo in
            let compiler = Process()
            compiler.executableURL = URL(filePath: "/usr/bin/env")
            compiler.arguments = [
                "cc", "-std=c99", "-D_DEFAULT_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-I",
                Command.root.appending(path: "Sources/CZoo/include").path,
                Command.root.appending(path: "Tests/ZooPluginsTests/Fixtures/rewards.c").path, "-o",
                zoo.path("librewards.so").path, "-lm",
            ]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)

            let listed = try zoo("rewards", "list", "--library", "librewards.so")
            #expect(listed.output.contains("letters") && listed.output.contains("A reward for each action."), "\(listed.errors)")
            let shown = try zoo("rewards", "show", "letters", "--library", "librewards.so").output
            #expect(
                shown.hasPrefix("letters: How often a letter occurs.\nrewards: [{function: library, library: librewards.so, "))
            #expect(shown.contains("number from 0"))
            let slip = try zoo("rewards", "show", "letter", "--library", "librewards.so")
            #expect(slip.errors.contains("librewards.so has no reward 'letter'; did you mean 'letters'?"))
            let none = try zoo(
                "rewards", "list", "--library", Command.executable.deletingLastPathComponent().path + "/libGRPO.so")
            #expect(none.status != 0 && none.errors.contains("offers no rewards"))

            try Data(
                """
                extends: \(Self.countdown)
                name: own
                set: {rewards: [{function: library, name: own, library: librewards.so, reward: letters, parameters: {letter: a}}]}
                """.utf8
            ).write(to: zoo.path("own.yaml"))
            let tried = try zoo("rewards", "try", "own.yaml", "--completion", "banana", "--json")
            #expect(tried.output.contains(#""reward":3"#), "\(tried.errors)")
            let wrong = try zoo("train", "own.yaml", "--set", "rewards.0.parameters.letter=ee")
            #expect(
                wrong.status == 65 && wrong.errors.contains("reward 'own': parameter 'letter' is not one letter"),
                "\(wrong.errors)")
            let unknown = try zoo("train", "own.yaml", "--set", "rewards.0.reward=leters")
            #expect(unknown.errors.contains("has no reward 'leters'; did you mean 'letters'?"))
            #expect(!FileManager.default.fileExists(atPath: zoo.path("cache/artifacts").path))
        }
    }

    @Test("try starts programs as a run does, and reports theirs by part")
    func program() throws {
        try Command.inFolder { zoo in
            try Data("def f(completions):\n    print('said')\n    return [len(c) for c in completions]\n".utf8)
                .write(to: zoo.path("own.py"))
            try Data(
                """
                extends: \(Self.countdown)
                name: own
                set: {rewards: [{function: command, name: own, command: [python3, -m, zoo_reward, "own:f", "own:f=2"]}]}
                """.utf8
            ).write(to: zoo.path("own.yaml"))
            let result = try zoo("rewards", "try", "own.yaml", "--completion", "four", "--json")
            #expect(result.output.contains(#""reward":12"#) && result.errors.contains("said"), "\(result.errors)")
            // Without a program to start, it is an error that names it.
            let none = try zoo("rewards", "try", "own.yaml", "--set", "rewards.0.command=[no-such-program]")
            #expect(none.status != 0 && none.errors.contains("there is no program 'no-such-program' in PATH"))
        }
    }
}
