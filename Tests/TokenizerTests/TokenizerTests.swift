import Foundation
import Testing
import ZooModels

@Suite("tokenizer")
struct TokenizerTests {
    @Test(
        "text that is only in its own bytes comes back as it was", arguments: ["", "a b", "\r\n\t ", "naïve 👍🏽", "e\u{301}", "\0"])
    func roundTrip(text: String) throws {
        let tokenizer = try Tokenizer.train(on: ["a b naïve"], vocabularySize: 270)
        #expect(Array(tokenizer.decode(tokenizer.encode(text)).utf8) == Array(text.utf8))
    }

    @Test("merges are learned by count, ties going to the lower ids")
    func mergesByHand() throws {
        // "ab" stands three times, "bc" twice, "Ġab" twice. After ab: (ab, c) twice, (Ġ, ab) twice; ab has the higher id, and Ġ
        // comes after the letters in the alphabet.
        let tokenizer = try Tokenizer.train(on: ["abc ab abc"], vocabularySize: 259, specialTokens: .init())
        #expect(tokenizer.vocabularySize == 259)
        #expect(tokenizer.id(of: "ab") == 256)
        #expect(tokenizer.id(of: "Ġab") == 257)
        #expect(tokenizer.id(of: "abc") == 258)
        #expect(tokenizer.encode("abc abc") == [258, 257, try #require(tokenizer.id(of: "c"))])
    }

    @Test("the pair of the lowest rank is joined first, also where an earlier join broke up a better one")
    func rankOrder() throws {
        let tokens = ["a", "b", "c", "d", "ab", "bc", "bcd", "abc"]
        let contents: [String: Any] = [
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
            "model": [
                "vocab": Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) }),
                "merges": ["b c", "a b", "bc d", "a bc"],
            ],
        ]
        let tokenizer = try Tokenizer(contentsOf: file(holding: JSONSerialization.data(withJSONObject: contents)))
        #expect(tokenizer.encode("abcd") == [0, 6])
        #expect(tokenizer.encode("abc") == [7])
        #expect(tokenizer.encode("abab") == [4, 4])
        #expect(tokenizer.encode("abbcd") == [4, 6])
    }

    @Test("tokens that only Unicode takes for equal keep their own ids")
    func canonicallyEqual() throws {
        let url = try file(
            holding: Data(
                #"{"model":{"vocab":{"e":0,"\u0301":1,"\u00e9":2,"e\u0301":3},"merges":[["e","\u0301"]]}}"#.utf8))
        let tokenizer = try Tokenizer(contentsOf: url)
        #expect(tokenizer.encode("\u{E9}") == [2])
        #expect(tokenizer.encode("e\u{301}") == [3])
        #expect((tokenizer.id(of: "\u{E9}"), tokenizer.id(of: "e\u{301}")) == (2, 3))
    }

    @Test("training stops where no pair is left")
    func noPairLeft() throws {
        let tokenizer = try Tokenizer.train(on: ["ab"], vocabularySize: 1_000, specialTokens: .init())
        #expect(tokenizer.vocabularySize == 257)
    }

    @Test("a vocabulary too small for the bytes and the marks is refused")
    func tooSmall() {
        #expect(throws: TokenizerError.self) { try Tokenizer.train(on: ["a"], vocabularySize: 258) }
    }

    @Test("what is written loads again with the same ids and marks")
    func writing() throws {
        let tokenizer = try Tokenizer.train(on: ["the film, the actor, the end"], vocabularySize: 280)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("model-\(UUID().uuidString)")
        try tokenizer.write(to: folder)
        let read = try Tokenizer(contentsOf: folder)
        #expect(read.encode("the end of the film") == tokenizer.encode("the end of the film"))
        #expect(read.specialTokens == .standard)
        #expect((read.bosToken, read.eosToken, read.padToken) == (0, 1, 2))
        #expect(read.encode("the<eos>").last == 1)
        #expect(read.decode([0, 1]) == "")
        #expect(read.decode([0, 1], skipSpecialTokens: false) == "<bos><eos>")
    }

    @Test("transformers' tokenizer of a new one makes what a decoder's generate takes: no token_type_ids")
    func inputNames() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoo-tokenizer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try Tokenizer.train(on: ["a"], vocabularySize: 259).write(to: folder)
        let data = try Data(contentsOf: folder.appending(path: "tokenizer_config.json"))
        struct Config: Decodable { var modelInputNames: [String] }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        #expect(try decoder.decode(Config.self, from: data).modelInputNames == ["input_ids", "attention_mask"])
    }

    @Test("ids that no token has are left out of the text")
    func unknownIds() throws {
        let tokenizer = try Tokenizer.train(on: ["a"], vocabularySize: 259)
        let letter = try #require(tokenizer.id(of: "a"))
        #expect(tokenizer.decode([-1, letter, 100_000, .max]) == "a")
    }

    @Test("marks written as objects are read, and the map fills what the config leaves out")
    func marksAsObjects() throws {
        let file = try changed { _ in }
        let folder = file.deletingLastPathComponent()
        try Data(#"{"eos_token": {"content": "<|end|>", "lstrip": false}, "bos_token": null}"#.utf8)
            .write(to: folder.appendingPathComponent("tokenizer_config.json"))
        try Data(#"{"pad_token": "<|end|>"}"#.utf8).write(to: folder.appendingPathComponent("special_tokens_map.json"))
        let tokenizer = try Tokenizer(contentsOf: folder)
        #expect(tokenizer.specialTokens == .init(bos: nil, eos: "<|end|>", pad: "<|end|>"))
        #expect(tokenizer.eosToken == 0)
    }

    @Test("threads that share a tokenizer get the same ids")
    func threads() async throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("plain.tokenizer.json"))
        let encodings = try Encodings.load()
        let expected = try #require(encodings.ids["plain"])
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { encodings.texts.map { tokenizer.encode($0) } == expected } }
            for try await same in group { #expect(same) }
        }
    }

    // Joining pairs in quadratic time would take minutes.
    @Test("a word of a hundred thousand letters is encoded in a moment", .timeLimit(.minutes(1)))
    func longWord() throws {
        let tokenizer = try Tokenizer(contentsOf: fixture("plain.tokenizer.json"))
        let word = String(repeating: "ab", count: 50_000)
        #expect(tokenizer.decode(tokenizer.encode(word)) == word)
    }
}
