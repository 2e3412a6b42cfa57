import Foundation
import Testing
import ZooData

@Suite("sentiment task")
struct SentimentTaskTests {
    /// 2,600 different made-up snippets with ratings from -3 to 3, and a lexicon.
    private func raw(_ extra: [String] = [], count: Int = 2_600) throws -> URL {
        let openings = ["This film is", "A quiet story of", "The actors are", "It's a"]
        let lines = (0..<count).map { number in
            let rating = Double(number % 61) / 10 - 3
            return "\(number)\t\(rating)\t\(openings[number % 4]) number \(number) in a long row of made up reviews"
        }
        let folder = try temporaryFolder()
        try Data((lines + extra).joined(separator: "\r\n").utf8).write(to: folder.appendingPathComponent("movie-reviews.tsv"))
        try Data("good\t1.9\n".utf8).write(to: folder.appendingPathComponent("lexicon.tsv"))
        return folder
    }

    private func prepared(_ raw: URL, seed: UInt64 = 1) throws -> [String: Dataset] {
        let folder = try temporaryFolder().appendingPathComponent("task")
        try SentimentTask.prepare(from: raw, into: folder, seed: seed)
        #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("lexicon.tsv").path))
        let names = [
            "base", "base-validation", "ratings-proxy", "ratings-gold", "ratings-held-out", "prompts-train", "prompts-eval",
            "preferences-human",
        ]
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Dataset.load(jsonl: folder.appendingPathComponent("\($0).jsonl"))) })
    }

    /// The task that the tests look at, made once.
    private static let task = Result { try SentimentTaskTests().prepared(SentimentTaskTests().raw()) }

    /// The first 4, 5 and 6 words of each text.
    private func beginnings(_ texts: Set<String>) -> Set<String> {
        Set(texts.flatMap { text in (4...6).map { text.split(separator: " ").prefix($0).joined(separator: " ") } })
    }

    private func texts(_ dataset: Dataset?) throws -> Set<String> { Set(try #require(dataset).rows.compactMap(\.text)) }

    @Test("no snippet is on both sides of a split")
    func disjoint() throws {
        let task = try Self.task.get()
        let (base, heldOut) = (try texts(task["base"]), try texts(task["base-validation"]))
        let (proxy, gold) = (try texts(task["ratings-proxy"]), try texts(task["ratings-gold"]))
        #expect((base.count, heldOut.count, proxy.count, gold.count) == (1_600, 1_000, 800, 800))
        #expect(base.isDisjoint(with: heldOut))
        #expect(proxy.isDisjoint(with: gold))
        #expect(proxy.union(gold) == base)
        #expect(try texts(task["ratings-held-out"]) == heldOut)
    }

    @Test("prompts are 4 to 6 first words; evaluation prompts begin held-out snippets only")
    func prompts() throws {
        let task = try Self.task.get()
        let train = try #require(task["prompts-train"]).rows.compactMap(\.prompt)
        let evaluation = try #require(task["prompts-eval"]).rows.compactMap(\.prompt)
        let (base, heldOut) = (try texts(task["base"]), try texts(task["base-validation"]))
        #expect(Set(train).isDisjoint(with: evaluation))
        #expect(Set((train + evaluation).map { $0.split(separator: " ").count }) == [4, 5, 6])
        #expect(evaluation.count > 200)
        #expect(beginnings(heldOut).isSuperset(of: evaluation))
        #expect(beginnings(base).isSuperset(of: train))
    }

    @Test("human pairs share their prompt, join to rated snippets, and differ by more than a point")
    func preferences() throws {
        let task = try Self.task.get()
        let proxy = try #require(task["ratings-proxy"])
        let ratings = Dictionary(uniqueKeysWithValues: proxy.rows.map { ($0.text ?? "", $0.extras["rating"]?.number ?? .nan) })
        let pairs = try #require(task["preferences-human"]).rows
        #expect(pairs.count > 200)
        var used: Set<String> = []
        for pair in pairs {
            let (prompt, chosen, rejected) = (pair.prompt ?? "", pair.chosen ?? "", pair.rejected ?? "")
            let (better, worse) = (try #require(ratings[prompt + chosen]), try #require(ratings[prompt + rejected]))
            #expect(better - worse > 1)
            #expect(!prompt.isEmpty && chosen.hasPrefix(" ") && rejected.hasPrefix(" "))
            #expect(used.insert(prompt + chosen).inserted && used.insert(prompt + rejected).inserted)
        }
    }

    @Test("two snippets rated within a point of each other make no pair")
    func smallGaps() throws {
        let alike = (0..<100).flatMap { number in
            ["1\t0.5\tZebra\(number) films are one thing", "2\t1.5\tZebra\(number) films are quite another"]
        }
        let pairs = try #require(try prepared(raw(alike))["preferences-human"]).rows
        #expect(pairs.allSatisfy { $0.prompt?.hasPrefix("Zebra") == false })
    }

    @Test("equal seeds give equal files, other seeds others, and a second run replaces the first")
    func seeds() throws {
        let source = try raw()
        let (first, second, other) = (try prepared(source), try prepared(source), try prepared(source, seed: 2))
        for (name, dataset) in first { #expect(try dataset.jsonl() == second[name]?.jsonl()) }
        #expect(first["prompts-eval"]?.rows != other["prompts-eval"]?.rows)
        let folder = try temporaryFolder()
        try Data("old".utf8).write(to: folder.appendingPathComponent("old.txt"))
        try SentimentTask.prepare(from: source, into: folder, seed: 1)
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("old.txt").path))
    }

    @Test("entities, quotes, lost dashes and spaces are mended, and repeated texts left out")
    func cleaning() throws {
        let cases = [
            ("Lilo &amp; Stitch is ''fun''", "Lilo & Stitch is \"fun\""), ("the movie    again", "the movie - again"),
            ("two  spaces ", "two spaces"), ("R&amp;B \u{2013} ok", "R&B - ok"), ("`em", "'em"), ("``so''", "\"so\""),
        ]
        let lines = cases.flatMap {
            ["1\t1.0\t\($0.0)", "2\t1.0\t\($0.0.uppercased().replacingOccurrences(of: "AMP", with: "amp"))"]
        }
        let task = try prepared(raw(lines))
        let all = try texts(task["base"]).union(try texts(task["base-validation"]))
        for (_, expected) in cases { #expect(all.contains(expected)) }
        #expect(all.count == 2_600 + cases.count)
    }

    @Test("a bad line is named, and nothing is left behind", arguments: ["1\t0.5", "1\tmuch\ttext", "1\t9\ttext", "1\t0\t  "])
    func badLine(line: String) throws {
        let source = try raw([line])
        let parent = try temporaryFolder()
        let sentence = try failure {
            try SentimentTask.prepare(from: source, into: parent.appendingPathComponent("task"), seed: 1)
        }
        #expect(sentence.hasPrefix(source.appendingPathComponent("movie-reviews.tsv").path + ":2601: "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path).isEmpty)
    }

    @Test("too few snippets and a missing lexicon are refused")
    func incomplete() throws {
        let folder = try temporaryFolder().appendingPathComponent("task")
        #expect(
            try failure { try SentimentTask.prepare(from: raw(count: 5), into: folder, seed: 1) }.contains(
                "has 5 different snippets"))
        let source = try raw()
        try FileManager.default.removeItem(at: source.appendingPathComponent("lexicon.tsv"))
        #expect(
            try failure { try SentimentTask.prepare(from: source, into: folder, seed: 1) }.hasSuffix(
                "lexicon.tsv: there is no such file"))
    }
    @Test("a place that cannot be written is named")
    func notWritable() throws {
        let blocked = try file("a file where a folder should be", name: "blocked")
        let folder = blocked.appendingPathComponent("task")
        #expect(
            try failure { try SentimentTask.prepare(from: raw(), into: folder, seed: 1) }
                .hasPrefix("\(folder.path): cannot be created"))
    }
}
