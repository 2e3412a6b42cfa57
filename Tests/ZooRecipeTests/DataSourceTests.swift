import Foundation
import Testing
import ZooBase
import ZooRecipe

@Suite("sources of rows in a recipe")
struct DataSourceTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "zoo-sources-\(UUID().uuidString)")
        for name in ["b.jsonl", "a.jsonl", "data/part-2.parquet", "data/part-10.parquet", "data/.hidden.parquet", "data/notes/x"]
        {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: file)
        }
    }

    /// The source that `data.examples` is, read from a recipe in the folder.
    private func source(_ yaml: String, key: String = "data: {examples: SOURCE}", more: String = "") throws -> DataSource? {
        defer { try? FileManager.default.removeItem(at: folder) }
        return try stage(yaml, key: key, more: more).data.examples
    }

    private func stage(_ yaml: String, key: String, more: String) throws -> Stage {
        let text = """
            name: small
            stages:
              - name: only
                algorithm: sft
                policy: {new: {family: llama}}
                \(key.replacing("SOURCE", with: yaml))
                budget: {iterations: 1}
            \(more)
            """
        let file = folder.appending(path: "small.yaml")
        try Data(text.utf8).write(to: file)
        let recipe = try Recipe.load(file)
        // What a run writes is read as the same.
        let again = folder.appending(path: "again.yaml")
        try Data(recipe.resolvedYAML().utf8).write(to: again)
        #expect(try Recipe.load(again).stages == recipe.stages)
        return recipe.stages[0]
    }

    private func file(_ name: String) -> DataSource { .file(folder.appending(path: name)) }

    @Test("a pattern names its files in the order of their paths, without hidden ones and folders")
    func pattern() throws {
        #expect(try source("data/*.parquet") == .joined([file("data/part-10.parquet"), file("data/part-2.parquet")]))
    }

    @Test("a pattern that matches one file is that file, and a file of such a name comes first")
    func single() throws {
        try Data("{}".utf8).write(to: folder.appending(path: "a[1].jsonl"))
        try Data("{}".utf8).write(to: folder.appending(path: "a1.jsonl"))
        #expect(
            try stage("[\"a?1].jsonl\", \"a[1].jsonl\"]", key: "data: {examples: SOURCE}", more: "").data.examples
                == .joined([file("a[1].jsonl"), file("a[1].jsonl")]))
        #expect(try source("\"[b].jsonl\"") == file("b.jsonl"))
    }

    @Test("a list is its files and patterns in its order")
    func list() throws {
        #expect(
            try source("[b.jsonl, \"[ab].jsonl\", data/part-2.parquet]")
                == .joined([file("b.jsonl"), file("a.jsonl"), file("b.jsonl"), file("data/part-2.parquet")]))
    }

    @Test("a mixture has weights, and by default the names of its files or folders")
    func mixture() throws {
        let yaml = "[{file: a.jsonl, weight: 3}, {file: data/*.parquet, weight: 0.5}, {file: [b.jsonl], weight: 1, name: code}]"
        func path(_ name: String) -> JSONValue { .string(folder.appending(path: name).path) }
        #expect(
            try source(yaml)?.node.json == [
                ["name": "a", "file": path("a.jsonl"), "weight": 3],
                ["name": "data", "file": [path("data/part-10.parquet"), path("data/part-2.parquet")], "weight": 0.5],
                ["name": "code", "file": path("b.jsonl"), "weight": 1],
            ])
    }

    @Test("prompts and pairs take the same")
    func kinds() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let stage = try stage(
            "[{file: a.jsonl, weight: 1}]", key: "data: {examples: a.jsonl, prompts: [a.jsonl, b.jsonl], pairs: SOURCE}",
            more: "evaluation: {pairs: \"*.jsonl\"}")
        #expect(stage.data.prompts == .joined([file("a.jsonl"), file("b.jsonl")]))
        guard case .mixture(let sources)? = stage.data.pairs else {
            Issue.record("the pairs are no mixture")
            return
        }
        #expect(sources.map(\.name) == ["a"] && sources.map(\.weight) == [1] && sources.map(\.rows) == [file("a.jsonl")])
    }

    @Test(
        "what is none is refused with key and fix",
        arguments: [
            ("none/*.jsonl", "data.examples: expected files, found none that match "),
            ("data/note*", "expected files, found only folders that match "),
            ("\"**/a.jsonl\"", "'**' is not a pattern here"),
            ("data", "found a folder at "),
            ("[]", "expected at least one file, found an empty list"),
            ("[3]", "data.examples[0]: expected a file of rows"),
            ("[c.jsonl]", "data.examples[0]: expected a file of rows, found nothing at "),
            ("[a.jsonl, {file: b.jsonl, weight: 1}]", "found both"),
            ("[{file: a.jsonl}]", "expected the key 'weight'"),
            ("[{file: a.jsonl, weight: 0}]", "data.examples[0].weight: expected a number > 0, found 0"),
            ("[{file: a.jsonl, weight: -1}]", "expected a number > 0, found -1"),
            ("[{file: a.jsonl, weight: 1e-9}]", "expected a number from 1e-06 to 1000000"),
            ("[{file: a.jsonl, weigth: 1}]", "weigth"),
            ("[{file: a.jsonl, weight: 1, nam: x}]", "data.examples[0].nam: is not a key here; did you mean 'name'?"),
            ("[{file: a.jsonl, weight: 1}, {file: ./a.jsonl, weight: 2}]", "two sources are called 'a'"),
            ("[{file: \"[ab].jsonl\", weight: 1}]", "cannot stand in logs; give the source a 'name'"),
        ])
    func refused(yaml: String, reason: String) throws {
        let error = #expect(throws: RecipeError.self) { _ = try source(yaml) }
        let sentence = "\(try #require(error))"
        #expect(sentence.contains(reason) && sentence.contains("small.yaml:6"), "\(sentence)")
    }

    @Test("what is measured on has no weights")
    func evaluation() throws {
        let error = #expect(throws: RecipeError.self) {
            _ = try source("a.jsonl", more: "evaluation: {prompts: [{file: a.jsonl, weight: 1}]}")
        }
        #expect("\(try #require(error))".contains("weights are for what is trained on"))
    }
}
