import Foundation
import Testing
import ZooBase
import ZooData

@Suite("countdown task")
struct CountdownTaskTests {
    private static let names = ["examples", "prompts-train", "prompts-eval"]

    private static func prepared(_ task: CountdownTask) throws -> [String: Dataset] {
        let folder = try temporaryFolder().appendingPathComponent("task")
        try task.prepare(into: folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == names.map { "\($0).jsonl" }.sorted())
        return try Dictionary(
            uniqueKeysWithValues: names.map { name in
                (
                    name,
                    try Dataset.load(
                        jsonl: folder.appendingPathComponent("\(name).jsonl"), expecting: [.promptCompletion, .prompt])
                )
            })
    }

    /// The task that the tests look at, made once.
    private static let task = Result { try prepared(CountdownTask()) }

    private struct Problem: Hashable {
        var numbers: [Int]
        var target: Int
    }

    private func problem(_ row: Row) throws -> Problem {
        guard case .array(let numbers)? = row.extras["numbers"] else { throw DataError("row", "has no numbers") }
        return Problem(
            numbers: try numbers.map { Int(try #require($0.number)) }, target: Int(try #require(row.extras["target"]?.number)))
    }

    private func rows(_ name: String) throws -> [Row] { try #require(try Self.task.get()[name]).rows }

    @Test("rows keep to the settings, and the prompt says what the columns say")
    func rows() throws {
        for name in Self.names {
            for row in try rows(name) {
                let problem = try problem(row)
                #expect(problem.numbers.count == 3 && problem.numbers.allSatisfy { 1...20 ~= $0 })
                #expect(problem.numbers == problem.numbers.sorted())
                #expect(1...50 ~= problem.target)
                let given = problem.numbers.map(String.init).joined(separator: " ")
                #expect(row.prompt == "make \(problem.target) from \(given):")
                #expect((row.completion != nil) == (name == "examples"))
            }
        }
    }

    @Test("no problem comes twice, in one file or in two")
    func disjoint() throws {
        var seen: Set<Problem> = []
        for name in Self.names {
            for row in try rows(name) { #expect(seen.insert(try problem(row)).inserted) }
        }
        #expect(try rows("prompts-eval").count == 1_000)
        #expect(try rows("prompts-train").count > 3_000)
        #expect(try rows("examples").count > 6_000)
    }

    @Test("every problem can be solved, by brute force")
    func solvable() throws {
        let sample = try Self.names.flatMap { try rows($0).prefix(40) }
        for row in sample {
            let problem = try problem(row)
            let values = Set(Tree.all(problem.numbers.map(Tree.leaf)).compactMap(\.value))
            #expect(values.contains(Ratio(problem.target)), "\(problem)")
        }
    }

    @Test("examples solve their problem, in every operation, with and without parentheses, and end where the expression ends")
    func examples() throws {
        let rows = try rows("examples")
        for row in rows {
            let (problem, completion) = (try problem(row), try #require(row.completion))
            #expect(
                GrammarOracle.verdict(completion, numbers: problem.numbers, target: problem.target) == .solved, "\(completion)")
            #expect(completion.hasPrefix(" ") && completion.last?.isWhitespace == false)
        }
        for mark in ["+", "-", "*", "/", "(", "- ("] {
            #expect(rows.contains { $0.completion?.contains(mark) ?? false }, "no example has \(mark)")
        }
        #expect(rows.contains { $0.completion?.contains("(") == false })
    }

    @Test("an example has no parentheses that it does not need")
    func parentheses() throws {
        for row in try rows("examples") {
            let (problem, completion) = (try problem(row), try #require(row.completion))
            // Times or divided by 1 it does not matter what comes first.
            guard completion.contains("("), !problem.numbers.contains(1) else { continue }
            // Of three numbers at most one pair is needed, and leaving it out changes the value.
            let bare = completion.filter { !"()".contains($0) }
            #expect(completion.count == bare.count + 2)
            #expect(GrammarOracle.verdict(bare, numbers: problem.numbers, target: problem.target) == .missed, "\(completion)")
        }
    }

    @Test("equal settings give equal files, other settings others under another name")
    func deterministic() throws {
        let again = try Self.prepared(CountdownTask(numbers: 3, maxNumber: 20, maxTarget: 50))
        for name in Self.names { #expect(try again[name]?.jsonl() == Self.task.get()[name]?.jsonl()) }
        let names = try [(3, 20, 50), (4, 20, 50), (3, 21, 50), (3, 20, 51)].map {
            try CountdownTask(numbers: $0, maxNumber: $1, maxTarget: $2).folderName
        }
        #expect(Set(names).count == 4)
    }

    @Test("a folder that is there already stays, and a place that cannot be written is named")
    func writing() throws {
        let task = try CountdownTask(numbers: 2, maxNumber: 10, maxTarget: 20)
        let folder = try temporaryFolder()
        try Data("{}".utf8).write(to: folder.appendingPathComponent("old.jsonl"))
        try task.prepare(into: folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["old.jsonl"])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.deletingLastPathComponent().path)
                .allSatisfy { !$0.contains(folder.lastPathComponent) || $0 == folder.lastPathComponent })
        let blocked = try file("a file where a folder should be", name: "blocked").appendingPathComponent("task")
        #expect(try failure { try task.prepare(into: blocked) }.hasPrefix("\(blocked.path): cannot be created"))
    }

    @Test("settings out of range, or that make too few problems, are refused")
    func badSettings() throws {
        #expect(
            try failure { try CountdownTask(numbers: 7) } == "task countdown: 'numbers' is 7; expected a whole number from 2 to 6"
        )
        #expect(try failure { try CountdownTask(maxNumber: 101) }.hasPrefix("task countdown: 'max_number' is 101"))
        #expect(try failure { try CountdownTask(maxTarget: 0) }.hasPrefix("task countdown: 'max_target' is 0"))
        let folder = try temporaryFolder().appendingPathComponent("task")
        // Of 1 and 1: 1 + 1, 1 × 1 and 1 ÷ 1.
        #expect(
            try failure { try CountdownTask(numbers: 2, maxNumber: 1, maxTarget: 5).prepare(into: folder) }
                == "task countdown: 2 numbers up to 1 with targets up to 5 make only 2 problems; expected at least 20: "
                + "raise 'max_number' or 'max_target'")
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    @Test("the largest settings fill every file")
    func largest() throws {
        let folder = try temporaryFolder().appendingPathComponent("task")
        try CountdownTask(numbers: 6, maxNumber: 100, maxTarget: 1_000).prepare(into: folder)
        let lines = try Self.names.map { name in
            try Data(contentsOf: folder.appendingPathComponent("\(name).jsonl")).count { $0 == UInt8(ascii: "\n") }
        }
        #expect(lines == [16_000, 8_000, 1_000])
    }
}

@Suite("the reward of the countdown task")
struct CountdownRewardTests {
    private func score(
        _ completion: String, of extras: [String: JSONValue] = ["numbers": .array([3, 7, 8]), "target": 29],
        formatReward: Double = 0, finished: Bool = true
    ) throws -> Double {
        try RewardKind.make("countdown", parameters: ["format_reward": .number(formatReward)]).score(
            RewardItem(prompt: "", completion: completion, extras: extras, finished: finished))
    }

    @Test("a solution is 1, anything else 0 or what a miss is worth")
    func scores() throws {
        for format in [0, 0.1] {
            #expect(try score(" 3 * 7 + 8", formatReward: format) == 1)
            #expect(try score(" 3 * 8 + 7", formatReward: format) == format)
            for other in [" 3 * 7", " 29", "", " 3 * 7 + 8 + 8", " 3 + 8 / (7 - 7)"] {
                #expect(try score(other, formatReward: format) == 0)
            }
        }
    }

    @Test("what was cut at the length limit is no answer")
    func cut() throws {
        #expect(try score(" 3 * 7 + 8", finished: false) == 0)
    }

    @Test(
        "a row without a problem is refused by column",
        arguments: [
            ([:], "needs the column 'target'; the prompt's row has no further columns"),
            (["target": 3], "needs the column 'numbers'; the prompt's row has the columns target"),
            (["target": "3", "numbers": .array([3])], "the column 'target' is a string; expected a whole number"),
            (["target": 2.5, "numbers": .array([3])], "the column 'target' is 2.5; expected a whole number"),
            (["target": 3, "numbers": "3 7"], "the column 'numbers' is a string; expected a list of whole numbers"),
            (["target": 3, "numbers": .array([3, "7"])], "the column 'numbers' holds a string; expected whole numbers"),
            (["target": 3, "numbers": .array([3, 0.5])], "the column 'numbers' holds 0.5; expected whole numbers"),
            (["target": 3, "numbers": .array([])], "has no numbers; expected at least one"),
            (["target": 3, "numbers": .array([3, -1])], "the number -1 is given; expected at least 1"),
        ] as [([String: JSONValue], String)])
    func badRow(extras: [String: JSONValue], sentence: String) throws {
        #expect(try failure { try score("3", of: extras) } == "reward countdown: \(sentence)")
    }

    @Test("a verifier is a reward whose 1 says that the answer is right")
    func verifiers() throws {
        let settings: [String: [String: JSONValue]] = [
            "regex": ["pattern": "x"], "length": ["target": 3],
            "lexicon": ["file": .string(try file("good\t1.9\n", name: "lexicon.tsv").path)],
        ]
        let verifiers = try RewardKind.all.filter { !$0.needsTask }.map(\.name).filter {
            try RewardKind.make($0, parameters: settings[$0] ?? [:]).isVerifier
        }
        #expect(verifiers.sorted() == ["countdown", "exact-match", "number-match"])
        #expect(try !RewardKind.make("countdown", parameters: ["format_reward": 1]).isVerifier)
        #expect(try RewardKind.make("countdown", parameters: ["format_reward": 0.1]).isVerifier)
    }
}
