import Foundation
import Testing
import ZooBase
import ZooData
import ZooKit
import ZooRecipe
import ZooServices

@Suite("a reward that is a command")
struct RewardProgramTests {
    let folder: TemporaryFolder

    init() throws {
        StandardStream.prepare()
        folder = try TemporaryFolder()
    }

    private func reward(_ command: [String], timeout: Double = 60, retries: Int = 2) -> RewardProgram {
        var program = ExternalProgram(command: command, directory: folder.url)
        (program.timeout, program.retries) = (timeout, retries)
        return RewardProgram(RewardSpec(function: "command", name: "mine"), program)
    }

    /// Functions of Python in the recipe's folder.
    private func python(_ source: String, _ functions: String...) throws -> RewardProgram {
        _ = try folder.write(source, to: "my_rewards.py")
        return reward(["python3", "-m", "zoo_reward"] + functions.map { "my_rewards:\($0)" })
    }

    /// A program that answers the handshake and then does as the script says.
    private func shell(_ script: String, timeout: Double = 60, retries: Int = 2) throws -> RewardProgram {
        let hello = #"read hello; echo '{"protocol": "zoo-reward/1"}'; "#
        _ = try folder.write(hello + script, to: "reward.sh")
        return reward(["sh", "reward.sh"], timeout: timeout, retries: retries)
    }

    private func item(_ completion: String, _ extras: [String: JSONValue] = [:], tokens: [Int32] = []) -> RewardItem {
        var item = RewardItem(prompt: "p", completion: completion, extras: extras, steps: tokens.count)
        item.tokens = tokens
        return item
    }

    private func complaint(_ reward: RewardProgram, _ items: [RewardItem]) -> String {
        do {
            return "no error: \(try reward.scores(items, iteration: 0).totals)"
        } catch { return "\(error)" }
    }

    // MARK: - Functions of Python

    @Test("takes a function of TRL's signature as it is: columns by name, None where it cannot score")
    func signature() throws {
        let reward = try python(
            """
            def f(prompts, completions, answer, **columns):
                assert prompts == ["p", "p", "p"] and "completion_ids" in columns and columns["trainer_state"].global_step == 7
                return [None if a is None else float(c == a) for c, a in zip(completions, answer)]
            """, "f")
        let items = [item("a", ["answer": "a"], tokens: [5]), item("b", ["answer": "a"], tokens: [6]), item("c", tokens: [7])]
        let scores = try reward.scores(items, iteration: 7).totals
        #expect(scores[0] == 1 && scores[1] == 0 && scores[2].isNaN)
    }

    @Test("adds up several functions by weight, each a part of its own, and what they print is not an answer")
    func weights() throws {
        let reward = try python(
            """
            import os
            print("while it is loaded")
            async def f(completions):
                print('{"rewards": [9, 9]}')
                return [1.0, None]
            def g(completions):
                os.system("echo from a process of its own")
                return [len(c) for c in completions]
            """, "f", "g=0.5")
        let scores = try reward.scores([item("xx"), item("yyyy")], iteration: 0)
        #expect(scores.totals == [2, 2])
        #expect(scores.components.map(\.name) == ["f", "g"])
        #expect(scores.components[0].values[0] == 1 && scores.components[0].values[1].isNaN)
        #expect(scores.components[1].values == [2, 4])
    }

    @Test("gives a conversation as messages, prompt and completion")
    func conversation() throws {
        let reward = try python(
            """
            def f(prompts, completions):
                assert prompts[0] == [{"role": "user", "content": "hi"}], prompts
                assert prompts[1] == "p" and completions[1] == "text"
                return [len(completions[0][0]["content"]) if completions[0][0]["role"] == "assistant" else 0, 0]
            """, "f")
        var chat = item("hello")
        chat.messages = [ChatMessage(role: "user", content: "hi")]
        #expect(try reward.scores([chat, item("text")], iteration: 0).totals == [5, 0])
    }

    @Test("a list in place of a number is a reward for each token, and adds up to the whole")
    func steps() throws {
        let reward = try python(
            """
            def f(completion_ids, **columns):
                return [[0.5 * t for t in completion_ids[0]], 3.0]
            """, "f=2")
        let scores = try reward.scores([item("a", tokens: [1, 2, 0]), item("b", tokens: [4])], iteration: 0)
        #expect(scores.totals == [3, 6])
        #expect(scores.steps == [[1, 2, 0], nil])
    }

    @Test("says what a function raised, and that its module or name is not there")
    func pythonErrors() throws {
        let raising = try python("def f(completions):\n    return [1 / 0]", "f")
        #expect(
            complaint(raising, [item("a")])
                == "reward 'mine' (command python3 -m zoo_reward my_rewards:f): request 1 (1 completions) failed: ZeroDivisionError: "
                + "division by zero; its own output is in the run's log")
        // An error is of its request alone.
        #expect(complaint(raising, [item("a")]).contains("request 2"))
        #expect(try complaint(python("", "f"), [item("a")]).contains("it could not start: AttributeError: 'my_rewards:f'"))
        #expect(complaint(reward(["python3", "-m", "zoo_reward", "none:f"]), [item("a")]).contains("ModuleNotFoundError"))
        #expect(
            try complaint(python("def f(completions):\n    return [1]", "f"), [item("a"), item("b")])
                .contains("my_rewards:f returned 1 rewards; expected 2"))
    }

    // MARK: - Any program

    @Test(
        "a wrong answer is one error that names command, request and what was found",
        arguments: [
            (#"{"rewards": [1, 2, 3]}"#, "'rewards' has 3 numbers; expected 2, one for each completion"),
            (#"{"rewards": [1, "good"]}"#, "'rewards[1]' is 'good'; expected a finite number, or null where there is no reward"),
            (#"{"rewards": 1}"#, "'rewards' is a number; expected a list of 2 numbers"),
            (#"{"scores": [1, 2]}"#, "the answer has the member 'scores'; expected rewards, components and step_rewards"),
            (#"{}"#, "the answer has no 'rewards', a list of 2 numbers; it has nothing"),
            (#"[1, 2]"#, "the answer is an array; expected an object, found [1,2]"),
            (#"loading…"#, "the answer is not valid JSON"),
            (#"{"id": 9, "rewards": [1, 2]}"#, "the answer has the id 9; expected 1"),
            (
                #"{"rewards": [1, 2], "step_rewards": [[1], [1]]}"#,
                "'step_rewards[1]' has 1 numbers; expected 2, one for each token"
            ),
            (#"{"rewards": [1, 2], "components": {"a": [1]}}"#, "'components.a' has 1 numbers; expected 2"),
        ])
    func wrongAnswers(answer: String, expected: String) throws {
        let reward = try shell("read request; echo '\(answer)'; read more")
        let found = complaint(reward, [item("a", tokens: [1]), item("b", tokens: [1, 2])])
        #expect(found.hasPrefix("reward 'mine' (command sh reward.sh): request 1"), "\(found)")
        #expect(found.contains(expected), "\(found)")
    }

    @Test("parts of a reward need no whole: steps add up to it")
    func stepsAlone() throws {
        let reward = try shell(#"read request; echo '{"id": 1, "step_rewards": [[1, null, 2], null]}'; read more"#)
        let scores = try reward.scores([item("a", tokens: [1, 2, 3]), item("b", tokens: [4])], iteration: 0)
        #expect(scores.totals[0] == 3 && scores.totals[1].isNaN && scores.steps == [[1, 0, 2], nil])
    }

    @Test("a program that says something else first is refused, and so is one that is not there")
    func handshake() throws {
        let other = reward(["sh", "-c", #"read hello; echo '{"protocol": "zoo-reward/2"}'; read more"#])
        #expect(complaint(other, [item("a")]).contains(#"has to be {"protocol": "zoo-reward/1"}; found "zoo-reward/2""#))
        #expect(complaint(reward(["cat"]), [item("a")]).contains("the answer has the member"))
        #expect(complaint(reward(["no-such-program"]), [item("a")]).contains("there is no program 'no-such-program' in PATH"))
        #expect(
            complaint(reward(["sh", "-c", "exit 3"]), [item("a")]).contains("its process ended with status 3 at its first line"))
    }

    @Test("a process that dies is started again and asked again; in the end the error says how it died")
    func restarts() throws {
        let once = try shell(
            "read request; if [ ! -e died ]; then touch died; kill -SEGV $$; fi; echo '{\"rewards\": [4]}'; read more")
        #expect(try once.scores([item("a")], iteration: 0).totals == [4])
        let always = try shell("read request; exit 7", retries: 2)
        #expect(
            complaint(always, [item("a")]).contains(
                "its process ended with status 7 at request 1 (1 completions), 3 times in a row"))
    }

    @Test("a late answer ends it by name")
    func deadline() throws {
        let late = try shell("read request; sleep 100", timeout: 0.3)
        #expect(
            complaint(late, [item("a")]).contains(
                "request 1 (1 completions) was not answered within 0.3 s and its process was killed"))
    }

    @Test("a large request and a large answer do not wait for each other")
    func large() throws {
        let reward = try python(
            """
            import sys
            def f(completions):
                sys.stderr.write("x" * 0)
                return [len(c) for c in completions]
            """, "f", "f=0")
        let items = (0..<300).map { item(String(repeating: "y", count: 5000 + $0)) }
        #expect(try reward.scores(items, iteration: 0).totals == (0..<300).map { Double(5000 + $0) })
    }

    @Test("the process works in the recipe's folder and ends with the run that started it")
    func ends() async throws {
        var reward: RewardProgram? = try shell("echo $$ > number; read request; echo '{\"rewards\": [1]}'; cat > /dev/null")
        #expect(try reward?.scores([item("a")], iteration: 0).totals == [1])
        let text = try String(contentsOf: folder.url.appending(path: "number"), encoding: .utf8)
        let number = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(number, 0) == 0)
        reward = nil
        #expect(await eventually { kill(number, 0) != 0 })
    }
}
