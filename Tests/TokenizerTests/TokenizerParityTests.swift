import Foundation
import Testing
import ZooModels

/// What Hugging Face `tokenizers` makes of the texts; `Fixtures/make_fixtures.py` wrote it.
struct Encodings: Decodable {
    var texts: [String]
    var ids: [String: [[Int32]]]
    var withSpecial: [String: [[Int32]]]
    var decoded: [String: [String]]
    /// [prompt, completion]; the ids that the completion adds to the prompt's, and their text there where it can be told.
    var continuations: [String: [Continuation]]

    struct Continuation: Decodable {
        var prompt: String
        var completion: String
        var ids: [Int32]
        var text: String?

        init(from decoder: any Decoder) throws {
            var parts = try decoder.unkeyedContainer()
            prompt = try parts.decode(String.self)
            completion = try parts.decode(String.self)
            ids = try parts.decode([Int32].self)
            text = try parts.decodeIfPresent(String.self)
        }
    }

    enum CodingKeys: String, CodingKey {
        case texts, ids, decoded, continuations
        case withSpecial = "with_special"
    }

    static func load() throws -> Encodings {
        try JSONDecoder().decode(Encodings.self, from: Data(contentsOf: fixture("encodings.json")))
    }
}

func fixture(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
}

/// A tokenizer's file changed by `change`, in a folder of its own.
func changed(_ name: String = "plain.tokenizer.json", _ change: (inout [String: Any]) throws -> Void) throws -> URL {
    let data = try Data(contentsOf: fixture(name))
    var contents = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    try change(&contents)
    return try file(holding: JSONSerialization.data(withJSONObject: contents))
}

func file(holding data: Data) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("tokenizer.json")
    try data.write(to: file)
    return file
}

@Suite("tokenizer against Hugging Face tokenizers")
struct TokenizerParityTests {
    static let kinds = [
        "plain", "prefix-space", "added", "nfc-template", "digits", "contiguous-digits-prefix", "llama3", "qwen2", "incomplete",
        "llama2", "mistral", "gemma", "words", "fused-unknown", "dropped", "tekken", "o200k", "deepseek-coder", "deepseek-v3",
        "bloom",
        "behaviors",
    ]

    @Test("every text gets the same ids", arguments: kinds)
    func ids(kind: String) throws {
        let encodings = try Encodings.load()
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        let expected = try #require(encodings.ids[kind])
        for (text, ids) in zip(encodings.texts, expected) {
            #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
            #expect(tokenizer.encode(text) == ids, "from the cache: \(text.debugDescription)")
        }
    }

    @Test(
        "a completion's tokens after its prompt are those of the whole text, and so is what they decode to there",
        arguments: [
            "plain", "prefix-space", "added", "digits", "llama2", "mistral", "gemma", "words", "fused-unknown", "dropped",
        ])
    func continuations(kind: String) throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        let cases = try #require(Encodings.load().continuations[kind])
        #expect(cases.count > 90)
        for own in cases {
            let prompt = tokenizer.encode(own.prompt)
            let name = "\(own.prompt.debugDescription) + \(own.completion.debugDescription)"
            #expect(tokenizer.encode(own.completion, after: prompt) == own.ids, "\(name)")
            guard let text = own.text else { continue }
            #expect(tokenizer.decode(own.ids, after: prompt, skipSpecialTokens: false) == text, "\(name)")
        }
    }

    @Test("the post-processor's marks are put around the text when asked for", arguments: ["nfc-template", "llama2"])
    func template(kind: String) throws {
        let encodings = try Encodings.load()
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        let expected = try #require(encodings.withSpecial[kind])
        for (text, ids) in zip(encodings.texts, expected) {
            #expect(tokenizer.encode(text, addSpecialTokens: true) == ids, "\(text.debugDescription)")
        }
    }

    @Test(
        "ids decode to the same text, special tokens left out",
        arguments: ["plain", "nfc-template", "incomplete", "llama2", "mistral", "gemma", "words", "fused-unknown", "dropped"])
    func decoding(kind: String) throws {
        let encodings = try Encodings.load()
        let tokenizer = try Tokenizer(contentsOf: fixture("\(kind).tokenizer.json"))
        let (ids, texts) = (try #require(encodings.ids[kind]), try #require(encodings.decoded[kind]))
        for (ids, text) in zip(ids, texts) {
            #expect(Array(tokenizer.decode(ids).unicodeScalars) == Array(text.unicodeScalars), "\(text.debugDescription)")
        }
    }

    @Test("merges written as one string load like merges written as pairs")
    func mergesAsStrings() throws {
        let url = try changed { contents in
            var model = try #require(contents["model"] as? [String: Any])
            let pairs = try #require(model["merges"] as? [[String]])
            model["merges"] = pairs.map { $0.joined(separator: " ") }
            contents["model"] = model
        }
        let tokenizer = try Tokenizer(contentsOf: url)
        let encodings = try Encodings.load()
        for (text, ids) in zip(encodings.texts, try #require(encodings.ids["plain"])) { #expect(tokenizer.encode(text) == ids) }
    }

    @Test("training learns the merges that BpeTrainer learns from the same texts")
    func training() throws {
        let corpus = try JSONDecoder().decode([String].self, from: Data(contentsOf: fixture("corpus.json")))
        let reference = try Tokenizer(contentsOf: fixture("plain.tokenizer.json"))
        let trained = try Tokenizer.train(on: corpus, vocabularySize: 600, specialTokens: .init(eos: "<|end|>"))
        #expect(trained.vocabularySize == reference.vocabularySize)
        let encodings = try Encodings.load()
        for (text, ids) in zip(encodings.texts, try #require(encodings.ids["plain"])) { #expect(trained.encode(text) == ids) }
        #expect(try merges(of: trained) == merges(of: reference))
    }

    private func merges(of tokenizer: Tokenizer) throws -> [[String]] {
        struct File: Decodable {
            struct Model: Decodable { var merges: [[String]] }
            var model: Model
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try tokenizer.write(to: folder)
        let data = try Data(contentsOf: folder.appendingPathComponent("tokenizer.json"))
        return try JSONDecoder().decode(File.self, from: data).model.merges
    }
}
