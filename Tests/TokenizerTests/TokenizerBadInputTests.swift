import Foundation
import Testing
import ZooBase
import ZooModels

@Suite("tokenizer files that are wrong")
struct TokenizerBadInputTests {
    /// The sentence with which loading fails; it must begin with the file.
    private func failure(_ url: URL) throws -> String {
        let error = #expect(throws: TokenizerError.self) { try Tokenizer(contentsOf: url) }
        let sentence = try #require(error).description
        #expect(sentence.hasPrefix(url.path))
        return sentence
    }

    private func failure(
        in name: String = "plain.tokenizer.json", changing change: (inout [String: Any]) throws -> Void
    ) throws -> String {
        try failure(changed(name, change))
    }

    private func failureOfModel(_ change: (inout [String: Any]) throws -> Void) throws -> String {
        try failure(changing: { contents in
            var model = try #require(contents["model"] as? [String: Any])
            try change(&model)
            contents["model"] = model
        })
    }

    private func failureOfVocabulary(_ change: (inout [String: Any]) -> Void) throws -> String {
        try failureOfModel({ model in
            var vocabulary = try #require(model["vocab"] as? [String: Any])
            change(&vocabulary)
            model["vocab"] = vocabulary
        })
    }

    @Test("a missing file is named")
    func missing() {
        let error = #expect(throws: FileError.self) {
            try Tokenizer(contentsOf: URL(fileURLWithPath: "/nowhere/tokenizer.json"))
        }
        #expect(error?.description.hasPrefix("/nowhere/tokenizer.json: no such file") == true)
    }

    @Test("a truncated file is refused", arguments: [0, 1, 100, 5_000])
    func truncated(length: Int) throws {
        let data = try Data(contentsOf: fixture("plain.tokenizer.json")).prefix(length)
        #expect(try failure(file(holding: data)).contains("the file: not valid JSON: "))
    }

    @Test("JSON nested thousands deep is refused, not followed")
    func deep() throws {
        let nested = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        _ = try failure(file(holding: Data(#"{"model": \#(nested)}"#.utf8)))
        let normalizers = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 20_000)
        _ = try failure(file(holding: Data(#"{"normalizer": \#(normalizers)"#.utf8)))
    }

    @Test("a file that is no tokenizer is refused by its missing key")
    func otherJSON() throws {
        #expect(try failure(file(holding: Data("{}".utf8))).hasSuffix("model is missing"))
        #expect(try failure(file(holding: Data("[]".utf8))).contains("expected"))
        #expect(try failure(file(holding: Data([0xFF, 0xFE, 0x00]))).contains("the file: "))
    }

    @Test("a merge of a token that is not there is named by its place")
    func mergeOfMissingToken() throws {
        let sentence = try failureOfModel({ $0["merges"] = [["t", "h"], ["t", "nothing"]] })
        #expect(sentence.contains("model.merges[1] needs the token 'nothing', which model.vocab lacks"))
        #expect(try failureOfModel({ $0["merges"] = [["q", "z"]] }).contains("needs the token 'qz'"))
    }

    @Test("a merge that is no pair is named by its place", arguments: ["ab", "a b c"])
    func mergeOfThree(merge: String) throws {
        #expect(try failureOfModel({ $0["merges"] = ["t h", merge] }).contains("model.merges[1]: expected two tokens"))
    }

    @Test("an id that two tokens have is refused with both")
    func duplicateId() throws {
        let sentence = try failureOfVocabulary({ $0["ab"] = $0["a"] })
        #expect(sentence.contains("belongs to both"))
        #expect(sentence.contains("'ab'") && sentence.contains("'a'"))
    }

    @Test("an id out of range is refused with its token", arguments: [-1, 1 << 24, Int(Int32.max) + 1])
    func idOutOfRange(id: Int) throws {
        #expect(
            try failureOfVocabulary({ $0["zz"] = id }).contains(
                "model.vocab: the id of 'zz' is \(id); expected a whole number from 0 to 65535"))
    }

    @Test("an id that is no whole number is refused with its token")
    func fractionalId() throws {
        #expect(try failureOfVocabulary({ $0["zz"] = "three" }).contains("model.vocab.zz: expected a number"))
        #expect(try failureOfVocabulary({ $0["zz"] = 3.5 }).contains("the id of 'zz' is 3.5; expected a whole number"))
    }

    @Test("an added token that takes another token's id is refused")
    func addedTokenTakesId() throws {
        let sentence = try failure(in: "added.tokenizer.json") { contents in
            var added = try #require(contents["added_tokens"] as? [[String: Any]])
            added[1]["id"] = 5
            contents["added_tokens"] = added
        }
        #expect(sentence.contains("added_tokens[1]: the id 5 belongs to both"))
    }

    @Test(
        "a component that is not supported is refused by name with what loads",
        arguments: [
            ("normalizer", "Lowercase"), ("pre_tokenizer", "BertPreTokenizer"), ("post_processor", "BertProcessing"),
            ("decoder", "WordPiece"),
        ])
    func unsupported(role: String, kind: String) throws {
        let sentence = try failure { $0[role] = ["type": kind] }
        #expect(sentence.contains("\(role) '\(kind)' is not supported; what loads: "))
    }

    @Test("another model is refused by name")
    func otherModel() throws {
        #expect(try failureOfModel({ $0["type"] = "Unigram" }).contains("model.type 'Unigram' is not supported; what loads: BPE"))
        #expect(try failureOfModel({ $0["dropout"] = 0.1 }).contains("model.dropout is set"))
    }

    @Test("what is nested a hundred deep is refused by its place in the file")
    func nestedPlace() throws {
        let nested = String(repeating: "[", count: 200)
        #expect(try failure(file(holding: Data(#"{"model": \#(nested)"#.utf8))).contains("nest more than 100 deep (byte 110)"))
    }

    @Test(
        "text that is not JSON is refused with the byte where it breaks off",
        arguments: [
            (#"{"a": 01}"#, "a number starts with 0 (byte 8)"), (#"{"a": "\ud800"}"#, "\\ud800 is an unpaired half"),
            (#"{"a": nul}"#, "expected 'null' (byte 7)"),
            (#"{"a": "\x"}"#, "'\\' before 'x' is not an escape"), ("{\"a\": \"\n\"}", "the control character 10 is in a string"),
            (#"{"a" 1}"#, "expected ':' after the key 'a', found '1'"),
            ("{} {}", "expected the end after the value, found '{' (byte 4)"), (#"{"a": +1}"#, "expected a value"),
            (#"{1: 2}"#, "expected a key in double quotes, found '1' (byte 2)"),
        ])
    func notJSON(text: String, reason: String) throws {
        #expect(try failure(file(holding: Data(text.utf8))).contains("not valid JSON: \(reason)"))
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() throws {
        var data = try Data(contentsOf: fixture("plain.tokenizer.json"))
        data[data.count / 2] = 0xFF
        #expect(try failure(file(holding: data)).contains("not valid JSON: it is not UTF-8"))
    }

    @Test("a key or a token that stands twice is refused")
    func twice() throws {
        let model = #""model": {"vocab": {"a": 0, "a": 1}, "merges": []}"#
        #expect(try failure(file(holding: Data("{\(model)}".utf8))).contains("model.vocab has the token 'a' twice"))
        #expect(try failure(file(holding: Data("{\(model), \(model)}".utf8))).contains("the file has the key model twice"))
    }

    @Test("byte fallback without all its bytes is refused with the one that is missing")
    func incompleteFallback() throws {
        let sentence = try failure(in: "gemma.tokenizer.json") { contents in
            var model = try #require(contents["model"] as? [String: Any])
            var vocabulary = try #require(model["vocab"] as? [String: Any])
            vocabulary["<0x7F>"] = nil
            model["vocab"] = vocabulary
            contents["model"] = model
        }
        #expect(sentence.contains("model.byte_fallback is set, but model.vocab lacks '<0x7F>'"))
    }

    @Test("an added token with another id than tokenizers would give it is refused with that one")
    func addedTokenOutOfOrder() throws {
        let sentence = try failure(in: "added.tokenizer.json") { contents in
            var added = try #require(contents["added_tokens"] as? [[String: Any]])
            added[1]["id"] = 700
            contents["added_tokens"] = added
        }
        #expect(sentence.contains("added_tokens[1]: the id of '<word>' is 700; expected 600"))
    }

    @Test("a template must hold the text once")
    func template() throws {
        for single in [[], [["Sequence": ["id": "A"]], ["Sequence": ["id": "A"]]]] {
            let sentence = try failure {
                $0["post_processor"] = ["type": "TemplateProcessing", "single": single, "special_tokens": [:]] as [String: Any]
            }
            #expect(sentence.contains("post_processor.single: expected the sequence A once, found it \(single.count) times"))
        }
    }

    @Test("steps that are not supported are refused by their place")
    func steps() throws {
        let normalizer = try failure {
            $0["normalizer"] = ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "NFKC"]]] as [String: Any]
        }
        #expect(normalizer.contains("normalizer.normalizers[1] 'NFKC' is not supported; what loads: null, NFC, "))
        let pattern = try failure {
            $0["normalizer"] = ["type": "Replace", "pattern": ["Regex": "(((a+)+)+)$"], "content": ""] as [String: Any]
        }
        #expect(pattern.contains("normalizer.pattern: only a String is supported"))
        let growing = Array(
            repeating: ["type": "Replace", "pattern": ["String": "a"], "content": "aaaa"] as [String: Any], count: 5)
        let growth = try failure { $0["normalizer"] = ["type": "Sequence", "normalizers": growing] as [String: Any] }
        #expect(growth.contains("normalizer: the replacements make text 1024.0 times as long; expected at most 256"))
        let decoder = try failure {
            $0["decoder"] = ["type": "Sequence", "decoders": [["type": "Fuse"], ["type": "ByteFallback"]]] as [String: Any]
        }
        #expect(decoder.contains("decoder.decoders[1] 'ByteFallback' is not supported; what loads: "))
    }

    @Test(
        "a splitting pattern that is not supported is refused with what is wrong in it",
        arguments: [
            (#"(?<=a)b"#, "has the group '(?<=' at character 1"), (#"\p{Han}+"#, "has the property 'Han' at character 1"),
            (#"(?:ab)+"#, "has a group that is repeated without end at character 8"), (#"\w+"#, #"has '\w' at character 1"#),
            ("(?i:é)", "outside of ASCII where case is ignored"), ("a{2}?", "has '?' after a count"),
            ("a{3,1}", "from more to less"), ("a{70000}", "has a count above 1000"), (#"\xE9"#, "has a byte above 7F"),
            ("(?:a|a){16}(?:a|a){16}b", "repeated in too many ways"), ("(?:(?:a.?){1,16}){1,16}", "repeated in too many ways"),
            (#"[[:alpha:]]"#, "has '[:' in a class"),
            (#"[a-z&&[^b]]"#, "has '&&' in a class"), ("a)", "has a ')' without '(' at character 2"), ("(a", "lacks a ')'"),
            ("[a", "lacks a ']'"),
            (#"\bx"#, #"has '\b' at character 1"#), ("+a", "has '+' after nothing"),
            ("a{2}{3}", "has a repetition of a repetition at character 5"), ("{2}", "after nothing"),
            (#"a\"#, "before nothing"),
        ])
    func otherPattern(pattern: String, reason: String) throws {
        let sentence = try failure(in: "llama3.tokenizer.json") { contents in
            contents["pre_tokenizer"] = [
                "type": "Sequence",
                "pretokenizers": [
                    ["type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false],
                    ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
                ],
            ]
        }
        #expect(sentence.contains("pre_tokenizer.pretokenizers[0].pattern.Regex") && sentence.contains(reason), "\(sentence)")
    }

    @Test("a tokenizer of another kind is refused by its name", arguments: ["Unigram", "WordPiece", "WordLevel"])
    func otherKind(kind: String) throws {
        let sentence = try failure { contents in
            contents["model"] =
                kind == "Unigram" ? ["type": kind, "unk_id": 0, "vocab": [["a", -1.5]]] : ["type": kind, "vocab": ["a": 0]]
        }
        #expect(sentence.contains("model.type '\(kind)' is not supported; what loads: BPE"))
    }
}
