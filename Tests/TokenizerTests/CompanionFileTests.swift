import Foundation
import Testing
import ZooModels

/// What transformers makes of the files beside a tokenizer.json; `Fixtures/make_companions.py` wrote it.
private struct Companions: Decodable {
    struct Case: Decodable {
        var name: String
        var tokenizer: String
        var files: [String: String]
        var ids: [[Int32]]
        var decoded: [String]
        var marks: [String?]
        var count: Int
    }

    var texts: [String]
    var cases: [Case]

    static func load() throws -> Companions {
        try JSONDecoder().decode(Companions.self, from: Data(contentsOf: fixture("companions.json")))
    }
}

/// A tokenizer of the fixtures with files beside it.
private func folder(_ tokenizer: String, _ files: [String: String]) throws -> URL {
    let url = try file(holding: Data(contentsOf: fixture("\(tokenizer).tokenizer.json"))).deletingLastPathComponent()
    for (name, text) in files { try Data(text.utf8).write(to: url.appendingPathComponent(name)) }
    return url
}

@Suite("files beside a tokenizer")
struct CompanionFileTests {
    @Test("added tokens and marks are those of transformers")
    func parity() throws {
        let companions = try Companions.load()
        for own in companions.cases {
            let tokenizer = try Tokenizer(contentsOf: folder(own.tokenizer, own.files))
            for (text, ids) in zip(companions.texts, own.ids) {
                #expect(tokenizer.encode(text) == ids, "\(own.name): \(text.debugDescription)")
            }
            #expect(own.ids.map { tokenizer.decode($0) } == own.decoded, "\(own.name)")
            let marks = tokenizer.specialTokens
            #expect([marks.bos, marks.eos, marks.pad] == own.marks, "\(own.name)")
            #expect(tokenizer.vocabularySize == own.count, "\(own.name)")
        }
    }

    @Test("the files are written back as they were read, and read again alike")
    func written() throws {
        let added = #"{"<|tool|>": 600}"#
        let source = try folder("plain", ["tokenizer_config.json": #"{"eos_token": "<|end|>"}"#, "added_tokens.json": added])
        let copy = source.appendingPathComponent("copy")
        try Tokenizer(contentsOf: source).write(to: copy)
        #expect(try String(contentsOf: copy.appendingPathComponent("added_tokens.json"), encoding: .utf8) == added)
        #expect(try Tokenizer(contentsOf: copy).encode("<|tool|>") == [600])
    }

    @Test("without a tokenizer_config.json, config.json names the marks by their ids")
    func configIds() throws {
        let config = #"{"model_type": "llama", "bos_token_id": 1, "eos_token_id": [2, 0]}"#
        let tokenizer = try Tokenizer(contentsOf: folder("llama2", ["config.json": config]))
        #expect(tokenizer.specialTokens == .init(bos: "<s>", eos: "</s>"))
        #expect((tokenizer.bosToken, tokenizer.eosToken, tokenizer.prefixToken) == (1, 2, 1))
        func read(_ file: String) throws -> Tokenizer {
            try Tokenizer(contentsOf: folder("llama2", ["config.json": config, "tokenizer_config.json": file]))
        }
        let other = try read(#"{"eos_token": "</s>"}"#)
        #expect((other.bosToken, other.eosToken) == (nil, 2))
        // GPT-2's says nothing but the length.
        #expect(try read(#"{"model_max_length": 1024}"#).eosToken == 2)
        #expect(try read(#"{"tokenizer_class": "GPT2Tokenizer"}"#).eosToken == 2)
        #expect(try read(#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#).eosToken == nil)
        // Without the model, as beside an adapter, they stay.
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID().uuidString)")
        try tokenizer.write(to: copy)
        let again = try Tokenizer(contentsOf: copy)
        #expect((again.bosToken, again.eosToken, again.prefixToken) == (1, 2, 1))
        #expect(throws: TokenizerError.self) {
            try Tokenizer(contentsOf: folder("llama2", ["config.json": #"{"bos_token_id": 9000}"#]))
        }
        #expect(try Tokenizer(contentsOf: folder("llama2", ["config.json": #"{"pad_token_id": 9000}"#])).padToken == nil)
        let fault = #expect(throws: (any Error).self) {
            try Tokenizer(contentsOf: folder("llama2", ["config.json": #"{"eos_token_id": "</s>"}"#]))
        }
        #expect("\(try #require(fault))".contains("config.json: eos_token_id is </s>; expected a token id"))
    }

    @Test("a faulty entry is refused by file and key")
    func faults() throws {
        func sentence(_ name: String, _ text: String) throws -> String {
            let url = try folder("plain", [name: text])
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(contentsOf: url) }
            return "\(try #require(error))"
        }
        let decoder = try sentence("tokenizer_config.json", #"{"added_tokens_decoder": {"x": {"content": "a"}}}"#)
        #expect(decoder.contains("tokenizer_config.json: added_tokens_decoder.x: expected a token's id as the key"))
        #expect(
            try sentence("tokenizer_config.json", #"{"split_special_tokens": true}"#).contains("split_special_tokens is true"))
        #expect(try sentence("tokenizer_config.json", #"{"eos_token": 3}"#).contains("eos_token: expected a string"))
        #expect(try sentence("added_tokens.json", #"{"<|x|>": "600"}"#).contains("added_tokens.json: <|x|>: expected a number"))
        #expect(try sentence("special_tokens_map.json", #"{"additional_special_tokens": "a"}"#).contains("expected an array"))
    }
}
