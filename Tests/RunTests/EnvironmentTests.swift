import Foundation
import Testing
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooServices
import ZooTensor

@Suite("an environment")
struct EnvironmentTests {
    let folder: TemporaryFolder

    init() throws {
        StandardStream.prepare()
        folder = try TemporaryFolder()
    }

    /// A modality with an environment of Python: the body of a class `Game`.
    private func modality(_ methods: String, _ change: (inout EnvironmentSettings) -> Void = { _ in }) throws -> TextModality {
        let body = methods.split(separator: "\n").map { "    \($0)\n" }.joined()
        _ = try folder.write("class Game:\n\(body)", to: "game.py")
        var settings = EnvironmentSettings(
            ExternalProgram(command: ["python3", "-m", "zoo_reward", "--environment", "game:Game"], directory: folder.url))
        change(&settings)
        return TextModality(ByteCodec(), limits: DataSources(), environment: EnvironmentProgram(settings))
    }

    private let rows = [
        Row(id: 0, prompt: "a?", extras: ["answer": "yes"]), Row(id: 1, prompt: "b?", extras: ["answer": "no"]),
    ]

    private func draw(
        _ modality: TextModality, _ policy: ScriptedPolicy, samples: Int = 1, maxNewTokens: Int = 40
    ) throws -> Drawn {
        let request = SamplingRequest(
            prompts: try modality.prompts(rows), samples: samples, settings: RolloutSettings(maxNewTokens: maxNewTokens),
            row: { rows[$0] })
        let drawn = try modality.generate(
            request, with: policy, generator: Generator(seed: 0), iteration: 0, isCancelled: { false })
        return try #require(drawn)
    }

    /// A sequence with its actions in brackets.
    private func shown(_ batch: Batch, _ sequence: Int) -> String {
        var text = ""
        var wasAction = false
        for step in batch.steps(of: sequence) {
            if batch.mask[step] != wasAction { text += wasAction ? "]" : "[" }
            wasAction = batch.mask[step]
            text += String(decoding: [UInt8(batch.tokens[step])], as: UTF8.self)
        }
        return text + (wasAction ? "]" : "")
    }

    private let guessing = """
        def reset(self, prompt, answer):
            self.answer, self.tries = answer, 0
        def step(self, text):
            self.tries += 1
            right = text == self.answer
            return f"({self.tries})", 1.0 if right else -0.25, right
        """

    @Test("answers the policy's turns until it is done; only the policy's tokens are actions, as they were drawn")
    func turns() throws {
        let policy = ScriptedPolicy { $0.count > 4 ? "no$" : "yes$" }
        let drawn = try draw(modality(guessing), policy, samples: 2)
        #expect((0..<4).map { shown(drawn.batch, $0) } == ["a?[yes$]", "a?[yes$]", "b?[yes$](1)[no$]", "b?[yes$](1)[no$]"])
        #expect(drawn.finished == [true, true, true, true])
        // The second call continues only the episodes that are not over, from what they have come to.
        #expect(policy.calls.map(\.count) == [4, 2])
        #expect(policy.calls[1][0] == Array("b?yes$(1)".utf8.map(Int32.init)))
        // As the scripted policy numbers them: by what stands before.
        #expect(drawn.logp.suffix(7) == [-3, -4, -5, -6, -10, -11, -12])
        #expect(drawn.columns.first { $0.name == "turns" }?.integers == [1, 1, 2, 2])
    }

    @Test("gives its rewards at the last action of the turn that earned them")
    func rewards() throws {
        let policy = ScriptedPolicy { $0.count > 4 ? "no$" : "yes$" }
        let drawn = try draw(modality(guessing), policy)
        var batch = drawn.batch
        for column in drawn.columns { batch.set(column) }
        let own = try batch.steps("environment_reward")
        #expect(batch.steps(of: 1).filter { own[$0] != 0 }.map { ($0 - batch.offsets[1]) } == [5, 11])
        let scoring = ScoringService(
            [
                .init(name: "environment", weight: 2, scorer: .environment(isVerifier: false)),
                .init(name: "length", weight: 1, scorer: .function(try LengthReward(target: 7))),
            ], try modality(guessing), microbatchTokens: 1000)
        var ledger = Ledger()
        let columns = try scoring.score(batch, row: { rows[$0] }, ledger: &ledger)
        #expect(columns[0].doubles == [2 - 3.0 / 7, 1.5])
        let steps = try #require(columns.first { $0.name == "step_reward" })
        // Of what no component places nothing is said: it came at the end.
        #expect((0...1).map { batch.steps(of: $0).map { steps.doubles[$0] }.filter { $0 != 0 } } == [[2], [-0.5, 2]])
    }

    @Test("a stop text ends a turn within a token's text, and what was drawn with it is kept")
    func stops() throws {
        let game = """
            def step(self, text):
                return ("4>", None, False) if text.endswith("<") else (None, len(text), True)
            def reset(self): return "go:"
            """
        let policy = ScriptedPolicy { $0.contains(Int32(UInt8(ascii: ">"))) ? "four$" : "2+2=<and more" }
        let drawn = try draw(modality(game) { $0.stop = ["never", "=<"] }, policy)
        #expect(shown(drawn.batch, 0) == "a?go:[2+2=<]4>[four$]")
        #expect(drawn.finished == [true, true])
    }

    @Test("ends at max_turns, at the tokens a completion may have, and at an observation's limit")
    func limits() throws {
        let stubborn = "def reset(self, prompt): pass\ndef step(self, text): return 'again', 0, False"
        let policy = ScriptedPolicy { _ in "abc$" }
        let turns = try draw(modality(stubborn) { ($0.maxTurns, $0.maxObservationTokens) = (2, 3) }, policy)
        #expect(shown(turns.batch, 0) == "a?[abc$]aga[abc$]" && turns.finished == [false, false])
        let tokens = try draw(modality(stubborn), policy, maxNewTokens: 6)
        #expect(shown(tokens.batch, 0) == "a?[abc$]again[ab]" && tokens.finished == [false, false])
        #expect(tokens.logp.count == 12)
    }

    @Test("a turn that was cut is reported as that, and nothing follows it")
    func cut() throws {
        let game = "def reset(self): pass\ndef step(self, text, finished): return 'x', 1.0 if finished else 0.5, True"
        let drawn = try draw(modality(game), ScriptedPolicy { _ in "abcdef$" }, maxNewTokens: 3)
        #expect(shown(drawn.batch, 0) == "a?[abc]" && drawn.finished == [false, false])
        #expect(drawn.columns.first { $0.name == "environment_reward" }?.doubles == [0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5])
    }

    @Test("rewards of the recipe see the whole transcript")
    func transcript() throws {
        let policy = ScriptedPolicy { $0.count > 4 ? "no$" : "yes$" }
        let modality = try modality(guessing)
        let items = try modality.items(draw(modality, policy).batch) { rows[$0] }
        #expect(items.map(\.prompt) == ["a?", "b?"] && items.map(\.completion) == ["yes", "yes(1)no"])
        #expect(items.map(\.steps) == [4, 7] && items[1].tokens == Array("yes$no$".utf8.map(Int32.init)))
    }

    @Test(
        "a wrong answer is an error that names it",
        arguments: [
            (
                "def reset(self): pass\ndef step(self, text): return 1",
                "TypeError: step returned 1; expected (observation, reward, done)"
            ),
            ("def reset(self): return 1\ndef step(self, text): pass", "reset gave the observation 1; expected a text or None"),
            ("def reset(self): pass\ndef step(self, text): return '', 'good', True", "the reward of step is 'good'"),
            (
                "def reset(self): pass\ndef step(self, text):\n    import os; os._exit(4)",
                "its process ended with status 4 at request 2"
            ),
        ])
    func wrong(methods: String, expected: String) throws {
        do {
            _ = try draw(modality(methods), ScriptedPolicy { _ in "a$" })
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix("the environment (command python3 -m zoo_reward --environment game:Game): "))
            #expect("\(error)".contains(expected), "\(error)")
        }
    }
}
