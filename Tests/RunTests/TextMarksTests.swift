import Foundation
import Testing
import ZooData
import ZooModels
import ZooPlugins
import ZooRecipe
import ZooRecords
import ZooRun
import ZooServices

/// What stands before and after a text, by `transformers`: the begin token where its tokenizer puts one, the end token where TRL's
/// trainers put one, neither twice.
@Suite("begin and end tokens of texts")
struct TextMarksTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A tokenizer of bytes, its `tokenizer.json` and `tokenizer_config.json` changed.
    private func tokenizer(
        _ marks: Tokenizer.SpecialTokens = .standard, file: (old: String, new: String)? = nil, config: String? = nil
    ) throws -> URL {
        let place = folder.url.appending(path: "tokenizer-\(UUID().uuidString)", directoryHint: .isDirectory)
        try Tokenizer.train(on: ["a film is good"], vocabularySize: 272, specialTokens: marks).write(to: place)
        func change(_ name: String, _ old: String, _ new: String) throws {
            let url = place.appending(path: name)
            var text = try String(contentsOf: url, encoding: .utf8)
            text.replaceSubrange(try #require(text.range(of: old)), with: new)
            try Data(text.utf8).write(to: url)
        }
        if let file { try change("tokenizer.json", file.old, file.new) }
        if let config { try change("tokenizer_config.json", "{", "{\(config), ") }
        return place
    }

    /// Rows as texts with their actions in ⟦ ⟧.
    private func shown(_ kind: DataKind, _ rows: String, tokenizer: URL) throws -> [String] {
        let task = try TinyTask(in: folder.url, stage: "budget: {iterations: 1}")
        let text = try String(contentsOf: task.recipe, encoding: .utf8)
        try Data(text.replacing("vocabulary_size: 272", with: "tokenizer: \(tokenizer.path)").utf8).write(to: task.recipe)
        try Data(rows.utf8).write(to: folder.url.appending(path: "\(kind.rawValue).jsonl"))
        let found = try DataInspection(Recipe.load(task.recipe), stage: nil, kind: kind, count: 9).kinds
        return found.flatMap(\.rows).flatMap(\.sequences).map { sequence in
            sequence.pieces.map { $0.isAction ? "⟦\($0.text)⟧" : $0.text }.joined()
        }
    }

    @Test("text that is templated already gets no second begin and end token")
    func templated() throws {
        let own = try tokenizer()
        #expect(
            try shown(
                .pairs, #"{"prompt": "<bos>a film", "chosen": " is good<eos>", "rejected": " is bad"}"#, tokenizer: own)
                == ["<bos>a film⟦ is good<eos>⟧", "<bos>a film⟦ is bad<eos>⟧"])
        #expect(try shown(.prompts, #"{"prompt": "<bos>a film"}"#, tokenizer: own) == ["<bos>a film"])
        #expect(
            try shown(.examples, "{\"text\": \"<bos>a film<eos>\"}\n{\"text\": \"a film\"}", tokenizer: own)
                == ["<bos>⟦a film<eos>⟧", "<bos>⟦a film<eos>⟧"])
        #expect(
            try shown(.examples, #"{"prompt": "<bos>a film", "completion": " is<eos>"}"#, tokenizer: own)
                == ["<bos>a film⟦ is<eos>⟧"])
    }

    @Test("without a begin token nothing stands in front, and the first token of a text is not learnt")
    func noBegin() throws {
        let own = try tokenizer(.init(bos: nil, eos: "<eos>", pad: "<pad>"))
        #expect(try shown(.prompts, #"{"prompt": "a film"}"#, tokenizer: own) == ["a film"])
        #expect(
            try shown(.pairs, #"{"prompt": "a film", "chosen": " good", "rejected": " bad"}"#, tokenizer: own)
                == ["a film⟦ good<eos>⟧", "a film⟦ bad<eos>⟧"])
        #expect(try shown(.examples, #"{"text": "xyz"}"#, tokenizer: own) == ["x⟦yz<eos>⟧"])
        #expect(try shown(.examples, #"{"prompt": "", "completion": "xyz"}"#, tokenizer: own) == ["x⟦yz<eos>⟧"])
        let error = #expect(throws: (any Error).self) { try shown(.prompts, #"{"prompt": ""}"#, tokenizer: own) }
        #expect("\(try #require(error))".contains("the prompt is empty and the tokenizer has no begin token"))
    }

    /// The post-processor of GPT-2's file moves offsets and adds nothing; Llama 3's adds the begin token.
    private static let byteLevel = #""post_processor": {"type": "ByteLevel"}, "#
    private static let template = #"""
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, \#
        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<bos>": {"id": "<bos>", "ids": [0], "tokens": ["<bos>"]}}}, 
        """#

    @Test(
        "the begin token is put in front where transformers puts it",
        arguments: [
            (nil, nil, true), (byteLevel, nil, false), (template, nil, true), (nil, false, false), (byteLevel, true, true),
            (template, false, false),
        ] as [(String?, Bool?, Bool)])
    func prefix(postProcessor: String?, flag: Bool?, isPut: Bool) throws {
        let own = try tokenizer(
            file: postProcessor.map { ("{", "{" + $0) }, config: flag.map { "\"add_bos_token\": \($0)" })
        #expect(try shown(.prompts, #"{"prompt": "a film"}"#, tokenizer: own) == [isPut ? "<bos>a film" : "a film"])
        #expect(try shown(.examples, #"{"text": "xyz"}"#, tokenizer: own) == [isPut ? "<bos>⟦xyz<eos>⟧" : "x⟦yz<eos>⟧"])
        // What is made from nothing begins with it, as transformers' generate does.
        #expect(try shown(.prompts, #"{"prompt": ""}"#, tokenizer: own) == ["<bos>"])
    }

    @Test("a completion gets no space that it does not have from a tokenizer that begins texts with one")
    func continuation() throws {
        let own = folder.url.appending(path: "pieces")
        try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: ZooCommand.clone.appending(path: "Tests/TokenizerTests/Fixtures/llama2.tokenizer.json"),
            to: own.appending(path: "tokenizer.json"))
        try Data(#"{"bos_token": "<s>", "eos_token": "</s>"}"#.utf8).write(to: own.appending(path: "tokenizer_config.json"))
        for (prompt, completion) in [("The film is", " good"), ("The film is\n", "good"), ("The film is ", "good"), ("", "good")]
        {
            let rows = #"{"prompt": "\#(prompt.replacing("\n", with: "\\n"))", "completion": "\#(completion)"}"#
            #expect(
                try shown(.examples, rows, tokenizer: own) == [
                    prompt.isEmpty ? "<s>⟦ good</s>⟧" : "<s> \(prompt)⟦\(completion)</s>⟧"
                ], "\(prompt)")
        }
        let tokens = TokenizedRows(codec: try TokenizerCodec(contentsOf: own), maxPromptLength: 99, maxLength: 99)
        let whole = try tokens.example(Row(prompt: "The film is", completion: " good")).tokens
        #expect(whole == [1] + (try Tokenizer(contentsOf: own)).encode("The film is good") + [2])
    }

    @Test("a token that the model has no row for is refused before training, by its row")
    func tokensBeyondTheModel() async throws {
        let model = folder.url.appending(path: "small")
        let fixtures = ZooCommand.clone.appending(path: "Tests")
        try FileManager.default.copyItem(at: fixtures.appending(path: "ZooModelsTests/Fixtures/qwen2"), to: model)
        try FileManager.default.copyItem(
            at: fixtures.appending(path: "TokenizerTests/Fixtures/llama2.tokenizer.json"),
            to: model.appending(path: "tokenizer.json"))
        let rows = TokenizedRows(codec: try TokenizerCodec(ofModel: model), maxPromptLength: 99, maxLength: 99)
        let dataset = Dataset(name: "rows", shape: .promptCompletion, rows: [Row(prompt: "a", completion: " film")])
        for kind in [DataKind.examples, .prompts] {
            let counts = RowCheck(tokens: rows, kind: kind)(dataset)
            #expect(counts.faults.count == 1 && counts.faults[0].contains("the model's embedding has no row (vocab_size is 37)"))
        }
    }

    @Test("the models of the recipes read text as before: begin token, prompt, completion, end token")
    func recipes() throws {
        let recipe = try Recipe.load(ZooCommand.clone.appending(path: "recipes/countdown.yaml"))
        let stage = try #require(recipe.stages.first)
        let inspection = try DataInspection(recipe, stage: stage.name, kind: .examples, count: 200)
        let rows = try #require(inspection.kinds.first).rows
        #expect(rows.count == 200)
        for row in rows {
            let sequence = try #require(row.sequences.first)
            #expect(sequence.pieces.map(\.isAction) == [false, true])
            #expect(sequence.pieces[0].text.hasPrefix("<bos>") && sequence.pieces[1].text.hasSuffix("<eos>"))
            let text = sequence.pieces.map(\.text).joined()
            #expect(text.ranges(of: "<bos>").count == 1 && text.ranges(of: "<eos>").count == 1)
        }
    }
}
