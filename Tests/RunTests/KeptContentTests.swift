import Foundation
import Testing

/// A base model, preference pairs and a normalised reward, all from files of the recipe's folder.
private struct KeptTask {
    let folder: URL
    var recipe: URL { folder.appending(path: "kept.yaml") }

    init(in folder: URL) throws {
        self.folder = folder
        let words = ["good", "bad", "fine", "dull", "so very good", "no fun"]
        let subjects = ["a film", "the plot", "her role", "this end"]
        try write(
            subjects.flatMap { subject in words.map { #"{"prompt": "\#(subject)", "completion": " is \#($0)"}"# + "\n" } }
                .joined(),
            to: "examples.jsonl")
        try write(subjects.map { #"{"prompt": "\#($0)"}"# + "\n" }.joined(), to: "prompts.jsonl")
        // The tokens of an untrained model are single bytes, and so are these words.
        let valences = "abcdefghijklmnopqrstuvwxyz".enumerated().map { "\($1)\t\(Double($0 % 7) - 3)\n" }.joined()
        try write(valences, to: "lexicon.tsv")
        try write(
            """
            name: kept
            stages:
              - name: base
                algorithm: sft
                policy: {new: {family: llama, vocabulary_size: 272, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1,
                  num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}}
                data: {examples: examples.jsonl}
                budget: {iterations: 2}
              - name: policy
                algorithm: dpo
                policy: {from: base}
                rewards: [{function: length, normalize: true, parameters: {target: 3}}, {function: lexicon, parameters: {file: lexicon.tsv}}]
                data: {prompts: prompts.jsonl, pairs: {build: {prompts: 4, samples: 4}}}
                rollout: {max_new_tokens: 8}
                parameters: {dpo: {pairs: 4}}
                budget: {updates: 2}
            """, to: "kept.yaml")
    }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: folder.appending(path: name)) }

    /// Replaces text of a file, and requires that there is some.
    func edit(_ name: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        try #require(text.contains(old))
        try write(text.replacing(old, with: new), to: name)
    }
}

@Suite("what is made once and kept", .serialized)
struct KeptContentTests {
    let folder: TemporaryFolder
    let zoo: ZooCommand

    init() throws {
        folder = try TemporaryFolder()
        zoo = ZooCommand(in: folder.url)
    }

    private func task(_ name: String) throws -> KeptTask {
        let place = folder.url.appending(path: name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return try KeptTask(in: place)
    }

    private func kept() throws -> Set<String> {
        Set(
            try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: "cache/artifacts").path)
                .filter { !$0.hasPrefix(".") })
    }

    private func why(_ recipe: URL, _ options: [String] = []) async throws -> String {
        try await zoo.succeed(["cache", "why", recipe.path] + options).output
    }

    @Test("is found by content: not after a change of a file that went in, wherever it lies, and again when the change is undone")
    func content() async throws {
        let task = try task("here")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "first", "--quiet"])
        let names = try kept()
        #expect(Set(names.map { $0.split(separator: "-")[0] }) == ["sft", "pairs", "normalization"])
        let all = try await why(task.recipe)
        #expect(all.components(separatedBy: ": cached as ").count == 4, "\(all)")

        // The same content elsewhere, under other names, and what changes no result.
        let copy = try self.task("there")
        try copy.edit("kept.yaml", "name: base", "name: beginning")
        try copy.edit("kept.yaml", "{from: base}", "{from: beginning}")
        try copy.edit("kept.yaml", "name: kept", "# a comment\nname: other\nabout: words")
        try copy.edit("kept.yaml", "budget: {iterations: 2}", "budget: {iterations: 2}\n    checkpoints: {every: 7}")
        let moved = try await why(copy.recipe)
        #expect(moved.components(separatedBy: ": cached as ").count == 4, "\(moved)")
        try await zoo.succeed(["train", copy.recipe.path, "--run-dir", "second", "--quiet"])
        #expect(try kept() == names)

        // Each file, with another content of the same length.
        try task.edit("examples.jsonl", "bad", "sad")
        let examples = try await why(task.recipe)
        #expect(
            examples.contains("stage base: recomputed") && examples.contains("data.examples: \(task.folder.path)/examples.jsonl"))
        #expect(examples.contains("pairs and normalisations of stage policy: depends on stage base, which is not cached"))
        try task.edit("examples.jsonl", "sad", "bad")

        try task.edit("lexicon.tsv", "a\t-3.0", "a\t+3.0")
        let lexicon = try await why(task.recipe)
        #expect(lexicon.contains("stage base: cached as ") && lexicon.contains("normalisation of reward length: cached as "))
        #expect(lexicon.contains("pairs of stage policy: recomputed") && lexicon.contains("lexicon.tsv (sha256 "))
        try task.edit("lexicon.tsv", "a\t+3.0", "a\t-3.0")

        try task.edit("prompts.jsonl", "a film", "a song")
        let prompts = try await why(task.recipe)
        #expect(prompts.contains("stage base: cached as ") && prompts.contains("pairs of stage policy: recomputed"))
        #expect(prompts.contains("normalisation of reward length: recomputed") && prompts.contains("data.prompts: "))
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "third", "--quiet"])
        let more = try kept()
        #expect(more.count == 5 && more.isSuperset(of: names))
        try task.edit("prompts.jsonl", "a song", "a film")

        #expect(try await why(task.recipe) == all)
        let threads = try await why(task.recipe, ["--set", "threads=2"])
        #expect(threads.contains("stage base: recomputed") && threads.contains("threads: 1 → 2"), "\(threads)")
    }

    @Test("a model's folder counts by what is read from it, and so does the base of an adapter")
    func models() async throws {
        let task = try task("here")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "first", "--quiet"])
        let model = folder.url.appending(path: "first/model")
        let lora = "policy={folder: \(model.path), lora: {r: 2}}"
        try await zoo.succeed(
            [
                "train", task.recipe.path, "--algorithm", "sft", "--set", "data.examples=\(task.folder.path)/examples.jsonl",
                "--set", lora,
            ]
                + ["--run-dir", "adapter", "--quiet"])
        let adapter = ["--set", "policy={folder: \(folder.url.path)/adapter/model}"]
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "second", "--quiet"] + adapter)
        #expect(try await why(task.recipe, adapter).contains("pairs of stage policy: cached as "))

        // Nobody reads a README, and the base may lie elsewhere.
        try Data("words".utf8).write(to: folder.url.appending(path: "adapter/model/README.md"))
        let moved = folder.url.appending(path: "moved")
        try FileManager.default.moveItem(at: model, to: moved)
        let config = folder.url.appending(path: "adapter/model/adapter_config.json")
        let text = try String(contentsOf: config, encoding: .utf8)
        func written(_ url: URL) -> String { url.path.replacing("/", with: "\\/") }
        try #require(text.contains(written(model)))
        try Data(text.replacing(written(model), with: written(moved)).utf8).write(to: config)
        #expect(try await why(task.recipe, adapter).contains("pairs of stage policy: cached as "))

        // Files that decide which tokens there are, and how conversations become text.
        for name in ["added_tokens.json", "additional_chat_templates/tool_use.jinja"] {
            let file = moved.appending(path: name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: file)
            #expect(try await why(task.recipe, adapter).contains("pairs of stage policy: recomputed"), "\(name)")
            try FileManager.default.removeItem(at: file)
        }

        // One bit of the base's weights.
        let weights = moved.appending(path: "model.safetensors")
        var data = try Data(contentsOf: weights)
        data[data.count - 1] ^= 1
        try data.write(to: weights)
        let changed = try await why(task.recipe, adapter)
        #expect(changed.contains("pairs of stage policy: recomputed") && changed.contains("policy.folder: "), "\(changed)")
    }

    @Test("a kept thing that was damaged is recomputed, with a word, and is the same again")
    func damaged() async throws {
        let task = try task("here")
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "first", "--quiet"])
        let artifacts = folder.url.appending(path: "cache/artifacts")
        let base = try #require(try kept().first { $0.hasPrefix("sft-") })
        let weights = artifacts.appending(path: "\(base)/model/model.safetensors")
        let pairs = artifacts.appending(path: try #require(try kept().first { $0.hasPrefix("pairs-") }))
        let (model, rows) = (try Data(contentsOf: weights), try JSONRows(pairs))
        var data = model
        data[data.count - 1] ^= 1
        try data.write(to: weights)
        let text = try String(contentsOf: pairs, encoding: .utf8)
        let margin = try #require(text.firstMatch(of: /"margin" ?: ?\d/)).0
        try Data(text.replacing(margin, with: margin.dropLast() + "9", maxReplacements: 1).utf8).write(to: pairs)
        let again = try await zoo.succeed(["train", task.recipe.path, "--run-dir", "second"])
        let said =
            "has changed since it was made (model/model.safetensors was changed since it was written: its SHA-256 differs); "
        #expect(again.errors.ranges(of: said + "recomputing it").count == 1, "\(again.errors)")
        #expect(try Data(contentsOf: weights) == model)
        #expect(try JSONRows(pairs) == rows)
    }

    /// The rows of a file of pairs.
    private struct JSONRows: Equatable {
        let rows: NSArray

        init(_ file: URL) throws {
            let json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            rows = try #require((json["value"] as? [String: Any])?["rows"] as? NSArray)
            try #require(rows.count > 0)
        }
    }

    @Test("zoo cache lists, explains and removes what is kept, and leaves what a process uses")
    func cache() async throws {
        let task = try task("here")
        var zoo = zoo
        zoo.environment["COLUMNS"] = "1000"
        #expect(try await zoo.succeed(["cache", "list"]).output.contains("the cache is empty"))
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "first", "--quiet"])
        let names = try kept().sorted()
        let list = try await zoo.succeed(["cache", "list"]).output
        for name in names { #expect(list.contains(name)) }
        #expect(list.contains("stage base of here/kept.yaml") && list.contains("3 artifacts in "), "\(list)")

        let base = try #require(names.first { $0.hasPrefix("sft-") })
        let why = try await zoo.succeed(["cache", "why", base]).output
        #expect(why.contains("\(task.folder.path)/examples.jsonl") && why.contains("learning_rate: 1e-05"), "\(why)")

        let plan = try await zoo.succeed(["cache", "clean", "--all", "--dry-run"]).output
        #expect(plan.contains("3 of 3 would be removed"))
        #expect(try kept().sorted() == names)
        #expect(try await zoo.succeed(["cache", "clean", "--unused", "1"]).output.contains("0 of 3 removed"))
        let unknown = try await zoo.run("cache", "clean", String(base.dropLast()))
        #expect(unknown.status == 66)
        #expect(try unknown.complaint.contains("did you mean '\(base)'?"))
        #expect(try await zoo.run("cache", "clean").status == 64)

        // A process that uses the base model shares its lock.
        let lock = folder.url.appending(path: "cache/artifacts/.\(base).lock")
        let descriptor = open(lock.path, O_RDWR | O_CLOEXEC)  // processes of other tests must not inherit it
        try #require(descriptor >= 0 && flock(descriptor, LOCK_SH) == 0)
        let used = try await zoo.succeed(["cache", "clean", "--all"]).output
        #expect(used.contains("\(base) is kept: a process is using it") && used.contains("2 of 3 removed"))
        #expect(try kept() == [base])
        #expect(try await zoo.succeed(["cache", "list"]).output.contains(" now "))
        close(descriptor)
        #expect(try await zoo.succeed(["cache", "clean", base]).output.contains("1 of 1 removed"))
        #expect(try kept().isEmpty)
        // What was removed is made again.
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "again", "--quiet"])
        #expect(try kept().sorted() == names)
    }

    @Test("of several files the content of each counts")
    func severalFiles() async throws {
        let task = try KeptTask(in: folder.url)
        try task.write(#"{"prompt": "one joke", "completion": " is fine"}"#, to: "more-1.jsonl")
        try task.write(#"{"prompt": "that song", "completion": " is dull"}"#, to: "more-2.jsonl")
        try task.edit("kept.yaml", "data: {examples: examples.jsonl}", "data: {examples: [examples.jsonl, more-*.jsonl]}")
        func why() async throws -> String { try await zoo.succeed(["cache", "why", task.recipe.path]).output }
        try await zoo.succeed(["train", task.recipe.path, "--run-dir", "first"])
        let before = try await why()
        #expect(before.contains("base") && !before.contains("more-2.jsonl"), "\(before)")
        try task.edit("more-2.jsonl", "dull", "good")
        let after = try await why()
        #expect(after != before && after.contains("more-2.jsonl"), "\(after)")
        try task.edit("more-2.jsonl", "good", "dull")
        #expect(try await why() == before)
    }
}
