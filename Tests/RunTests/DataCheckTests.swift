import Foundation
import Testing
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun

@Suite("data is read whole before anything is trained", .serialized)
struct DataCheckTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    /// A recipe of two stages; the files of `changed` take the place of the task's.
    private func recipe(_ changed: [String: String], stage: String = "", evaluation: String = "") throws -> URL {
        let task = try TinyTask(
            in: folder.url,
            stage: """
                parameters: {sft: {examples: 4}}
                budget: {iterations: 1}
                """,
            more: """
                  - name: last
                    algorithm: grpo
                    policy: {from: only}
                    rewards: [{function: number-match}]
                    data: {prompts: asked.jsonl, examples: last.jsonl, pairs: pairs.jsonl\(stage)}
                    parameters: {grpo: {prompts: 2, samples: 2}, kto: {data: labels, examples: 4}}
                    rollout: {max_new_tokens: 2}
                    budget: {updates: 1}
                \(evaluation)
                """)
        var files = [
            "asked.jsonl": (1...6).map { #"{"prompt": "add \#($0)", "answer": \#($0)}"# },
            "last.jsonl": (1...6).map { #"{"prompt": "add \#($0)", "completion": " \#($0)"}"# },
        ].mapValues { $0.joined(separator: "\n") }
        files.merge(changed) { $1 }
        for (name, text) in files { _ = try folder.write(text, to: name) }
        return task.recipe
    }

    /// Six good rows, the one on line 4 replaced.
    private static func rows(_ good: (Int) -> String, fourth: String) -> String {
        (1...6).map { $0 == 4 ? fourth : good($0) }.joined(separator: "\n")
    }

    private static func asked(_ n: Int) -> String { #"{"prompt": "add \#(n)", "answer": \#(n)}"# }
    private static func rated(_ n: Int) -> String { #"{"text": "add \#(n)", "rating": \#(n)}"# }
    private static func labelled(_ n: Int) -> String { #"{"prompt": "add \#(n)", "completion": " 1", "label": true}"# }
    private static func bare(_ n: Int) -> String { #"{"prompt": "add \#(n)", "completion": " 1"}"# }

    @Test(
        "a row that would end a run when its turn comes is a fault with file and line",
        arguments: [
            ("asked.jsonl", rows(asked, fourth: #"{"prompt": "add"}"#), "needs the column 'answer'"),
            ("asked.jsonl", rows(asked, fourth: #"{"prompt": "add", "answer": null}"#), "needs the column 'answer'"),
            ("asked.jsonl", rows(asked, fourth: #"{"prompt": null, "answer": 1}"#), "'prompt' is null"),
            ("asked.jsonl", rows(asked, fourth: "{\"prompt\": \"add\""), "JSON"),
            ("last.jsonl", rows(rated, fourth: #"{"text": "add"}"#), "'rating' is missing; expected a number"),
            ("last.jsonl", rows(rated, fourth: #"{"text": "add", "rating": "good"}"#), "'rating' is a string; expected a number"),
            ("last.jsonl", rows(labelled, fourth: bare(4)), "'label' is missing; expected true or false"),
            ("last.jsonl", rows(labelled, fourth: #"{"prompt": "a", "completion": "b", "label": "yes"}"#), "'label' is a string"),
            ("last.jsonl", rows(bare, fourth: #"{"prompt": "a", "completion": null}"#), "'completion' is null"),
            (
                "pairs.jsonl",
                rows(
                    { #"{"prompt": "a", "chosen": "b", "rejected": "c\#($0)"}"# },
                    fourth: #"{"prompt": "a", "chosen": "b", "rejected": "b<eos>"}"#),
                "'chosen' and 'rejected' are the same tokens"
            ),
        ])
    func faults(file: String, text: String, words: String) throws {
        let check = try DataCheck(Recipe.load(recipe([file: text])))
        let faulty = check.entries.filter { $0.counts.faultCount > 0 && $0.stage == "last" }
        let entry = try #require(faulty.first)
        #expect(faulty.count == 1 && entry.counts.faultCount == 1 && entry.stage == "last")
        let fault = try #require(entry.counts.faults.first)
        #expect(fault.contains("\(file):4: ") && fault.contains(words), "\(fault)")
        #expect(entry.refusal == fault)
    }

    @Test(
        "the first rows without a label are faults where later ones have one, and all faults are counted, of which twenty are named"
    )
    func many() throws {
        let text = (1...30).map(Self.bare).joined(separator: "\n") + "\n" + Self.labelled(31)
        let check = try DataCheck(Recipe.load(recipe(["last.jsonl": text])))
        let counts = try #require(check.entries.first { $0.stage == "last" && $0.key == "data.examples" }).counts
        #expect(counts.faultCount == 30 && counts.faults.count == 20 && counts.rows == 31)
        #expect(counts.faults.first?.contains("last.jsonl:1: 'label' is missing") == true)
        #expect(check.entries.first { $0.refusal != nil }?.refusal?.contains("29 more faults") == true)
    }

    @Test("rewards of the stage and of the evaluation are asked about the evaluation's prompts")
    func evaluation() throws {
        let evaluation = """
            evaluation: {prompts: held.jsonl, gold: [{function: exact-match, parameters: {column: truth}}]}
            """
        let held = Self.rows(
            { #"{"prompt": "add \#($0)", "answer": 1, "truth": "1"}"# }, fourth: #"{"prompt": "add", "answer": 1}"#)
        let check = try DataCheck(Recipe.load(recipe(["held.jsonl": held], evaluation: evaluation)))
        let entry = try #require(check.entries.first { $0.stage == "evaluation" })
        #expect(
            entry.counts.faults.count == 1
                && entry.counts.faults[0].contains("held.jsonl:4: reward exact-match: needs the column 'truth'"))
    }

    @Test("a run is refused before the stages before it are made")
    func beforeAnything() async throws {
        _ = try recipe(["asked.jsonl": Self.rows(Self.asked, fourth: #"{"prompt": "add"}"#)])
        let ended = try await zoo.run("train", "tiny.yaml", "--run-dir", "run", "--quiet")
        #expect(ended.status == 65)
        #expect(try ended.complaint.contains("asked.jsonl:4: reward number-match: needs the column 'answer'"))
        let files = FileManager.default
        #expect(!files.fileExists(atPath: folder.url.appending(path: "run").path))
        #expect(!files.fileExists(atPath: folder.url.appending(path: "cache/artifacts").path))
        // The same prompts do not matter to an algorithm that does not read them.
        try await zoo.succeed(["train", "tiny.yaml", "--algorithm", "dpo", "--run-dir", "dpo", "--quiet"])
    }

    @Test("zoo data check lists what is there and what is wrong, and says by its status whether a run would take it")
    func command() async throws {
        _ = try recipe([:])
        let good = try await zoo.run("data", "check", "tiny.yaml")
        #expect(good.status == 0 && good.errors.isEmpty)
        #expect(good.output.contains("data.pairs") && good.output.contains("only") && good.output.contains("faults"))
        _ = try recipe(["asked.jsonl": Self.rows(Self.asked, fourth: #"{"prompt": "add"}"#), "last.jsonl": "{}"])
        let bad = try await zoo.run("data", "check", "tiny.yaml")
        #expect(bad.status == 65)
        #expect(bad.output.contains("asked.jsonl:4: reward number-match: needs the column 'answer'"))
        #expect(bad.output.contains("last.jsonl:1: "))
        #expect(try bad.complaint.contains("2 datasets are refused"))
    }

    // MARK: - Limits

    /// Pairs that differ in their last word, after 40 bytes of prompt and 20 of answer.
    private static func longPairs(_ count: Int, of all: Int) -> String {
        (0..<all).map { n in
            let fill = n < count ? String(repeating: "z", count: 20) : ""
            return #"{"prompt": "\#(String(repeating: "y", count: 40))", "chosen": "\#(fill)good", "rejected": "\#(fill)bad"}"#
        }.joined(separator: "\n")
    }

    @Test("pairs that the limits make equal are left out and counted")
    func equalPairs() throws {
        let file = try recipe(["pairs.jsonl": Self.longPairs(2, of: 6)], stage: ", max_length: 50")
        let counts = try #require(
            DataCheck(Recipe.load(file)).entries.first { $0.stage == "last" && $0.key == "data.pairs" }
        ).counts
        #expect(counts.equalPairs == [0, 1] && counts.cutAtEnd == 2 && counts.longest == 50 && counts.faultCount == 0)
        let inspection = try DataInspection(Recipe.load(file), stage: "last", kind: .pairs, count: 6)
        #expect(inspection.kinds.flatMap(\.rows).flatMap(\.sequences).allSatisfy { $0.tokens <= 50 })
    }

    @Test("no row is longer than max_length, and where a prompt fills it the row is left out")
    func promptFills() throws {
        let file = try recipe(["pairs.jsonl": Self.longPairs(0, of: 3)], stage: ", max_length: 30, max_cut: 1")
        let entry = try #require(
            DataCheck(Recipe.load(file)).entries.first { $0.stage == "last" && $0.key == "data.pairs" })
        #expect(entry.counts.withoutActions == [0, 1, 2] && entry.counts.longest == 30)
        #expect(entry.refusal?.contains("no row is left to train on") == true)
    }

    @Test("a run whose data are mostly cut is refused by the limits' names, unless the recipe allows it")
    func mostlyCut() async throws {
        let changed = ["pairs.jsonl": Self.longPairs(4, of: 6)]
        _ = try recipe(changed, stage: ", max_length: 50")
        let refused = try await zoo.run("train", "tiny.yaml", "--algorithm", "dpo", "--run-dir", "run", "--quiet")
        #expect(refused.status == 65)
        let complaint = try refused.complaint
        for words in ["stage 'last': data.pairs", "cut 4 of 6 rows", "max_length: 50", "max_cut: 0.5", "data.max_cut: 1"] {
            #expect(complaint.contains(words), "\(complaint)")
        }
        let told = try await zoo.succeed([
            "train", "tiny.yaml", "--algorithm", "dpo", "--run-dir", "run", "--set", "data.max_cut=1", "--set",
            "parameters.dpo.pairs=32",
        ]).errors
        #expect(told.contains("data.pairs: 6 rows") && told.contains("4 rows cut at the end (max_length: 50)"), "\(told)")
        #expect(told.contains("4 rows left out, cut to the same tokens, such as ") && told.contains("pairs.jsonl:1"))
        #expect(told.ranges(of: "rows repeat within a batch").count == 1, "\(told)")
    }
}
