import Foundation
import Testing
import ZooBase
import ZooData

@Suite("reward functions")
struct RewardTests {
    private func score(
        _ name: String, _ parameters: [String: JSONValue] = [:], _ completion: String, _ extras: [String: JSONValue] = [:],
        steps: Int = 0
    ) throws -> Double {
        let reward = try RewardKind.make(name, parameters: parameters)
        #expect(reward.name == name)
        return try reward.score(RewardItem(prompt: "", completion: completion, extras: extras, steps: steps))
    }

    @Test(
        "exact-match compares without the spaces around",
        arguments: [
            (" Paris\n", JSONValue.string("Paris"), 1.0), ("paris", "Paris", 0), ("Paris.", "Paris", 0), (" 42", 42, 1),
            ("2.5", 2.5, 1),
            ("", " ", 1),
        ])
    func exactMatch(completion: String, answer: JSONValue, expected: Double) throws {
        #expect(try score("exact-match", [:], completion, ["answer": answer]) == expected)
    }

    @Test("exact-match ignores case and takes another column when told to")
    func exactMatchSettings() throws {
        #expect(try score("exact-match", ["ignore_case": true, "column": "city"], "PARIS", ["city": "Paris"]) == 1)
    }

    @Test(
        "number-match compares the last numbers",
        arguments: [
            ("The answer is 42.", JSONValue.number(42), 1.0), ("42 or rather 43", 42, 0), ("#### 1,234.50", 1234.5, 1),
            ("so -7", -7, 1), ("3-7", 7, 1), ("x = -.5", -0.5, 1), ("1.5e3", 1500, 1), ("2e", 2, 1), ("none", 0, 0), ("", 0, 0),
            ("1, 2, 3", 3, 1), ("1,23", 23, 1), ("$1,000,000!", 1_000_000, 1), ("10%", 10, 1), ("1.2.3", 3, 1),
            ("72", "9 × 8 = #### 72", 1),
        ])
    func numberMatch(completion: String, answer: JSONValue, expected: Double) throws {
        #expect(try score("number-match", [:], completion, ["answer": answer]) == expected, "\(completion)")
    }

    @Test("number-match allows its tolerance and no more")
    func tolerance() throws {
        #expect(try score("number-match", ["tolerance": 0.5], "1.5", ["answer": 2]) == 1)
        #expect(try score("number-match", ["tolerance": 0.5], "1.49", ["answer": 2]) == 0)
    }

    @Test("regex is 1 where the pattern is found")
    func regex() throws {
        #expect(try score("regex", ["pattern": "<answer>\\d+</answer>$"], "so <answer>12</answer>") == 1)
        #expect(try score("regex", ["pattern": "^yes$"], "Yes") == 0)
        #expect(try score("regex", ["pattern": "^yes$", "ignore_case": true], "Yes") == 1)
        #expect(try score("regex", ["pattern": "é👍"], "x é👍") == 1)
    }

    @Test(
        "length is the distance from the target, as a share of it",
        arguments: [
            ("target", 20, 0.0), ("target", 10, -0.5), ("target", 25, -0.25), ("target", 0, -1), ("max", 10, 0),
            ("max", 30, -0.5),
        ])
    func length(mode: String, steps: Int, expected: Double) throws {
        #expect(try score("length", ["target": 20, "mode": .string(mode)], "", steps: steps) == expected)
    }

    @Test("lexicon is the mean valence of the rated words")
    func lexicon() throws {
        let url = try file("good\t1.9\t0.9\t[1, 2]\r\nawful\t-2.0\n:-)\t1.3\n", name: "lexicon.tsv")
        let settings: [String: JSONValue] = ["file": .string(url.path)]
        #expect(try score("lexicon", settings, "a film") == 0)
        #expect(try score("lexicon", settings, "Good, \"GOOD\" but awful!") == (1.9 + 1.9 - 2.0) / 3)
        #expect(try score("lexicon", settings, "fine :-)") == 1.3)
        #expect(try score("lexicon", settings, "goodness -- ...") == 0)
        let relative = try RewardKind.make(
            "lexicon", parameters: ["file": "lexicon.tsv", "include_prompt": true], folder: url.deletingLastPathComponent())
        #expect(try relative.score(RewardItem(prompt: "An awful", completion: " good film")) == (1.9 - 2.0) / 2)
    }

    @Test("a lexicon with a bad line names it", arguments: ["word", "word\tmuch", "word\t5", "\t1", "word\tnan"])
    func badLexicon(line: String) throws {
        let url = try file("good\t1.9\n\(line)\n", name: "lexicon.tsv")
        #expect(try failure { try Lexicon(contentsOf: url) }.hasPrefix("\(url.path):2: expected a word, a tab"))
    }

    @Test("a column that the row lacks is named with what it has")
    func missingColumn() throws {
        #expect(
            try failure { try score("exact-match", [:], "4", ["solution": "4", "a": 1]) }
                == "reward exact-match: needs the column 'answer'; the prompt's row has the columns a, solution")
        #expect(try failure { try score("number-match", [:], "4", ["answer": "four"]) }.contains("contains no number"))
    }

    @Test(
        "bad parameters are refused by name",
        arguments: [
            (
                "exact-mach", [:],
                "reward exact-mach: is unknown; built in are exact-match, number-match, regex, length, lexicon, prompt-shift, countdown, "
            ),
            (
                "exact-match", ["colum": "x"],
                "reward exact-match: has no parameter 'colum'; it has column, ignore_case; did you mean 'column'?"
            ),
            ("number-match", ["tolerance": -1], "reward number-match: 'tolerance' is -1; expected a number of at least 0.0"),
            ("number-match", ["tolerance": "x"], "reward number-match: 'tolerance' is 'x'; expected a number of at least 0.0"),
            ("regex", [:], "reward regex: needs 'pattern' (string)"),
            ("regex", ["pattern": "("], "reward regex: 'pattern' is not a regular expression: '('"),
            ("regex", ["pattern": ""], "reward regex: 'pattern' is empty"),
            ("length", ["target": 0], "reward length: 'target' is 0; expected a number from 1.0 to 1000000.0"),
            ("length", ["target": 5, "mode": "min"], "reward length: 'mode' is 'min'; expected target or max"),
            ("lexicon", ["file": "/nowhere"], "/nowhere: there is no such file"),
        ] as [(String, [String: JSONValue], String)])
    func badParameters(name: String, parameters: [String: JSONValue], sentence: String) throws {
        #expect(try failure { try RewardKind.make(name, parameters: parameters) }.hasPrefix(sentence))
    }

    @Test("every reward and parameter says what it is")
    func documented() {
        for kind in RewardKind.all {
            #expect(!kind.doc.isEmpty)
            #expect(kind.parameters.allSatisfy { !$0.doc.isEmpty && !$0.type.isEmpty })
        }
    }
}
