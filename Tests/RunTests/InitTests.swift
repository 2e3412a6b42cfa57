import Foundation
import Testing
import ZooPlugins
import ZooRecipe

@Suite("zoo init", .serialized)
struct InitTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    /// A small model in the folder `model`, and files of rows of every kind.
    init() async throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
        _ = try TinyTask(in: folder.url, stage: "parameters: {sft: {examples: 4}}\nbudget: {iterations: 1}")
        try await zoo.succeed(["train", "tiny.yaml", "--run-dir", "base", "--quiet"])
        try FileManager.default.moveItem(at: folder.url.appending(path: "base/model"), to: folder.url.appending(path: "model"))
        func rows(_ name: String, _ line: (Int) -> String) throws {
            _ = try folder.write((0..<12).map { line($0) + "\n" }.joined(), to: name)
        }
        try rows("sums-train.jsonl") { #"{"prompt": "1 + \#($0) =", "answer": "\#($0 + 1)"}"# }
        try rows("sums-eval.jsonl") { #"{"prompt": "2 + \#($0) =", "answer": "\#($0 + 2)"}"# }
        try rows("words.jsonl") { #"{"prompt": "a film \#($0)", "answer": "good"}"# }
        try rows("plain.jsonl") { #"{"prompt": "a film \#($0)"}"# }
    }

    private func made(_ name: String = "own.yaml") throws -> String {
        try String(contentsOf: folder.url.appending(path: name), encoding: .utf8)
    }

    @Test("writes a recipe that trains, with a comment for each line, and says what it costs and what is next")
    func writes() async throws {
        let said = try await zoo.succeed(["init", "--model", "model", "--data", "sums-train.jsonl", "--budget", "2"]).output
        for words in ["own.yaml is written", "stage tuned: grpo", "2 iterations", "largest pass", "next: zoo train own.yaml"] {
            #expect(said.contains(words), "\(words) in \(said)")
        }
        let text = try made()
        for words in [
            "folder: model ", "{function: number-match}", "prompts: sums-train.jsonl", "prompts: sums-eval.jsonl",
            "budget: {updates: 2}",
        ] {
            #expect(text.contains(words), "\(words) in \(text)")
        }
        let bare = text.split(separator: "\n").filter { !$0.contains("#") && !$0.hasSuffix(":") }
        #expect(bare.isEmpty, "\(bare)")
        try await zoo.succeed(["train", "own.yaml", "--quiet", "--set", "rollout.max_new_tokens=4"])
        let again = try await zoo.run("init", "--model", "model", "--data", "sums-train.jsonl")
        #expect(again.status == 73)
        #expect(try again.complaint.contains("own.yaml exists; remove it, or name another file with --out"))
        #expect(try made() == text)
    }

    @Test(
        "the data's columns decide the algorithm and the reward",
        arguments: [
            ("sums-train.jsonl", "grpo", "function: number-match"), ("words.jsonl", "grpo", "function: exact-match"),
            ("pairs.jsonl", "dpo", "pairs: pairs.jsonl"), ("examples.jsonl", "sft", "examples: examples.jsonl"),
        ])
    func columns(data: String, algorithm: String, line: String) async throws {
        try await zoo.succeed(["init", "--model", "model", "--data", data, "--no-dry-run"])
        #expect(try made().contains("algorithm: \(algorithm) ") && made().contains(line))
    }

    @Test("a Python function is a reward by its file's name")
    func python() async throws {
        _ = try folder.write("def f(completions, **columns):\n    return [float(len(c)) for c in completions]\n", to: "mine.py")
        try await zoo.succeed([
            "init", "--model", "model", "--data", "plain.jsonl", "--reward", "mine.py:f", "--algorithm", "ppo", "--budget",
            "2 epochs",
            "--no-dry-run", "--out", "p.yaml",
        ])
        let text = try made("p.yaml")
        #expect(text.contains(#"command: [python3, -m, zoo_reward, "mine:f"]"#) && text.contains("budget: {epochs: 2}"))
        #expect(text.contains("THESE ARE TRAINED ON"))
        let broken = try await zoo.run(
            "init", "--model", "model", "--data", "plain.jsonl", "--reward", "mine.py:g", "--out", "q.yaml")
        #expect(broken.status != 0 && !FileManager.default.fileExists(atPath: folder.url.appending(path: "q.yaml").path))
        #expect(try broken.complaint.contains("has no 'g'"), "\(broken.errors)")
    }

    @Test("without a terminal it is one error that names what is missing, or what does not fit")
    func flags() async throws {
        let none = try await zoo.run("init")
        #expect(none.status == 64)
        #expect(try none.complaint.contains("not a terminal, so nothing can be asked: expected --model and --data"))
        let given: [([String], String)] = [
            (["--data", "plain.jsonl"], "no column that suggests a reward; expected --reward number-match"),
            (
                ["--data", "pairs.jsonl", "--algorithm", "grpo"],
                "'grpo' does not fit 36 rows of prompt+chosen+rejected; expected one of dpo"
            ),
            (
                ["--data", "plain.jsonl", "--reward", "number-match"],
                "compares with the column 'answer', which plain.jsonl does not have"
            ),
            (["--data", "plain.jsonl", "--reward", "number-mach"], "did you mean 'number-match'?"),
            (
                ["--data", "pairs.jsonl", "--budget", "soon"],
                "expected a number of updates (100), passes (2 epochs), or a time (30m, 2h)"
            ),
            (["--data", "nothing.jsonl"], "nothing.jsonl"),
        ]
        for (words, sentence) in given {
            let found = try await zoo.start(["init", "--model", "model", "--no-dry-run"] + words).end()
            #expect(found.status != 0)
            #expect(try found.complaint.contains(sentence), "\(words): \(found.errors)")
        }
        #expect(try await zoo.run("init", "--model", "cache", "--data", "plain.jsonl").status != 0)
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "own.yaml").path))
    }

    @Test("on a terminal it asks, takes what is suggested, and asks again where an answer is wrong")
    func terminal() async throws {
        let answers = ["nowhere", "model", "sums-train.jsonl", "dpo", "", "", "later", "2h"]
        let script = """
            import os, pty, sys
            answers = \(answers)
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(sys.argv[1], [sys.argv[1], "init", "--no-dry-run"])
            seen = ""
            for answer in answers:
                while not seen.endswith(": "):
                    seen += os.read(fd, 1 << 16).decode()
                seen += "\\n"
                os.write(fd, (answer + "\\n").encode())
            try:
                while True:
                    more = os.read(fd, 1 << 16)
                    if not more: break
                    seen += more.decode()
            except OSError:
                pass
            print(seen)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """
        let file = try folder.write(script, to: "talk.py")
        let executable = ZooCommand.folder.appending(path: "zoo").path
        let process = try RunningProcess(
            URL(fileURLWithPath: "/usr/bin/env"), ["python3", file.path, executable], zoo.environment, in: folder.url)
        let ended = try await process.end()
        #expect(ended.status == 0, "\(ended.output) \(ended.errors)")
        for words in [
            "Model folder: ", "12 rows of prompt, with the column answer", "'dpo' does not fit", "[grpo]: ", "[number-match]: ",
            "expected a number of updates", "own.yaml is written",
        ] {
            #expect(ended.output.contains(words), "\(words) in \(ended.output)")
        }
        #expect(try made().contains("budget: {seconds: 7200}"))
    }
}
